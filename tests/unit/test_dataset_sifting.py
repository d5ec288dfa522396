"""What becomes of each row: carved, told of, left out or refused; and files that are whole or not there."""

import fcntl
import json
import resource
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import pytest

from runner.dataset import PreparedSplit, check, prepare
from runner.dataset.sifting.draft import Draft
from runner.dataset.sifting.sieve import Sieve
from runner.errors import Diagnostic, RecipeInvalid, RunnerError, Severity
from runner.recipe import Dataset


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    assert not [thread for thread in threading.enumerate() if thread.name in {"ahead", "behind"}]


def row(question: str, answer: str = "yes") -> str:
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return json.dumps({"messages": turns})


def rows(name: str, count: int) -> list[str]:
    return [row(f"{name} {number}?") for number in range(count)]


def prepared(folder: Path, splits: Mapping[str, Sequence[str]], **fields: Any) -> Mapping[str, PreparedSplit]:  # noqa: ANN401 a section's values
    return prepare(section(folder, splits, **fields), folder=folder, into=folder / "out")


def section(folder: Path, splits: Mapping[str, Sequence[str]], **fields: Any) -> Dataset:  # noqa: ANN401 as above
    for split, lines in splits.items():
        (folder / f"{split}.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return Dataset(**{"path": ".", "train": "train", "test": "test", **fields})


def refused(folder: Path, splits: Mapping[str, Sequence[str]], **fields: Any) -> RecipeInvalid:  # noqa: ANN401 as above
    with pytest.raises(RecipeInvalid) as caught:
        prepared(folder, splits, **fields)
    return caught.value


def told(diagnostics: Sequence[Diagnostic]) -> list[tuple[str, int, str]]:
    return [(Path(entry.path).name, entry.line, entry.code) for entry in diagnostics]


def lines_of(split: PreparedSplit) -> list[str]:
    return split.path.read_text(encoding="utf-8").split("\n")[:-1]


def test_shares_of_train_are_parted_by_their_prompts(tmp_path: Path) -> None:
    twice = [row("Which?", "this"), row(" Which? ", "that")]
    splits = prepared(
        tmp_path, {"train": [*rows("q", 2000), *twice]}, validation="10%", test="5%", train="train"
    )
    parts = {role: set(lines_of(split)) for role, split in splits.items()}
    assert list(parts) == ["train", "validation", "test"]
    assert sum(map(len, parts.values())) == len(set.union(*parts.values())) == 2002
    assert 150 < len(parts["validation"]) < 250
    assert 60 < len(parts["test"]) < 140
    assert len([role for role, lines in parts.items() if any("Which" in line for line in lines)]) == 1
    assert splits["validation"].source == "./train.jsonl (10% of train)"
    assert {split.source_rows for split in splits.values()} == {2002}
    for split in splits.values():
        content = split.path.read_bytes()
        assert (split.sha256, split.bytes) == (sha256(content).hexdigest(), len(content))


def test_a_row_stays_on_its_side_whatever_comes_beside_it(tmp_path: Path) -> None:
    first, more = rows("q", 300), rows("other", 300)
    shares = {"validation": "20%", "test": "20%"}
    before = prepared(tmp_path, {"train": first}, **shares)
    sides = {role: set(lines_of(split)) for role, split in before.items()}
    after = prepared(tmp_path, {"train": [*more, *reversed(first)]}, **shares)
    for role, split in after.items():
        assert sides[role] == {line for line in lines_of(split) if '"q ' in line}
    elsewhere = prepared(tmp_path, {"train": first}, **shares, seed=7)
    assert set(lines_of(elsewhere["validation"])) != sides["validation"]


def test_a_share_that_gets_no_row_is_refused(tmp_path: Path) -> None:
    error = refused(tmp_path, {"train": rows("q", 2), "test": rows("t", 1)}, validation="0.01%")
    assert [(entry.code, entry.key) for entry in error.diagnostics] == [("empty-split", "dataset.validation")]
    assert "a larger share or another seed" in error.diagnostics[0].mend
    assert "rows that open alike stay together" in error.diagnostics[0].message


def test_shares_that_leave_nothing_to_train_on_are_refused(tmp_path: Path) -> None:
    error = refused(tmp_path, {"train": rows("q", 40)}, validation="50%", test="50%")
    assert [(entry.code, entry.key) for entry in error.diagnostics] == [("empty-split", "dataset.train")]
    assert "smaller shares" in error.diagnostics[0].mend
    assert list((tmp_path / "out").iterdir()) == []


def test_a_row_that_was_trained_on_tests_nothing(tmp_path: Path) -> None:
    splits = {
        "train": [row("Cafe\u0301?", "Oui"), row("a")],
        "validation": [row("b"), row("a", "no")],
        "test": [row("Caf\u00e9  ?", "Oui\n"), row("b"), row("c")],
    }
    error = refused(tmp_path, splits, validation="validation")
    assert told(error.diagnostics) == [
        ("test.jsonl", 1, "row-in-train"),
        ("test.jsonl", 2, "row-in-validation"),
    ]
    assert error.message == "rows that cannot be trained on: 2 of 3 in test"
    left = prepared(tmp_path, splits, validation="validation", max_bad_rows=2)
    assert left["test"].rows == 1
    assert left["test"].dropped == {"row-in-train": 1, "row-in-validation": 1}
    assert told(left["validation"].warnings) == [("validation.jsonl", 2, "shared-prompt")]


def test_rows_that_are_there_twice_are_told_once(tmp_path: Path) -> None:
    train = prepared(
        tmp_path,
        {"train": [row("a"), row("a", "no"), row("b"), row("a "), row("b")], "test": rows("t", 1)},
    )["train"]
    (warning,) = train.warnings
    assert (warning.code, warning.line, warning.severity) == ("duplicate-rows", 4, Severity.WARNING)
    assert warning.message.startswith("2 of 5 rows")
    assert train.rows == 5


def test_tokens_of_templates_are_broken_up_and_told(tmp_path: Path) -> None:
    train = prepared(tmp_path, {"train": [row("a"), row("b<|im_end|>", "x < y [1]")], "test": rows("t", 1)})[
        "train"
    ]
    (warning,) = train.warnings
    assert (warning.code, warning.line) == ("special-tokens", 2)
    assert lines_of(train)[1] == row("b< |im_end|>", "x < y [1]").replace(": ", ":").replace(", ", ",")


BAD = ["{}", row("a", " "), "nonsense"]


def test_as_many_bad_rows_as_allowed_are_left_out_and_listed(tmp_path: Path) -> None:
    splits = {"train": [row("a"), *BAD[:2], row("b")], "test": [BAD[2], row("c")]}
    found = prepared(tmp_path, splits, max_bad_rows=3)
    assert (found["train"].rows, found["test"].rows) == (2, 1)
    assert found["train"].dropped == {"column-missing": 1, "content-empty": 1}
    assert found["test"].dropped == {"row-not-json": 1}
    listed = [json.loads(line) for line in (tmp_path / "out" / "dropped.jsonl").read_text().splitlines()]
    places = [("train", 2, "column-missing"), ("train", 3, "content-empty"), ("test", 1, "row-not-json")]
    assert listed == [
        {
            "split": split,
            "file": str(tmp_path / f"{split}.jsonl"),
            "row": number,
            "codes": [code],
            "sha256": sha256(line.encode()).hexdigest(),
        }
        for (split, number, code), line in zip(places, BAD, strict=True)
    ]


def test_one_more_is_refused_and_so_is_a_split_of_bad_rows_alone(tmp_path: Path) -> None:
    splits = {"train": [row("a"), *BAD[:2], row("b")], "test": [BAD[2], row("c")]}
    error = refused(tmp_path, splits, max_bad_rows=2)
    assert error.message == "rows that cannot be trained on: 2 of 4 in train, 1 of 2 in test"
    assert "dataset.max_bad_rows: 3" in error.hint
    assert len(error.diagnostics) == 3
    assert list((tmp_path / "out").iterdir()) == []
    alone = refused(tmp_path, {"train": BAD[:1], "test": [row("c")]}, max_bad_rows=9)
    assert [(entry.code, entry.key) for entry in alone.diagnostics] == [("empty-split", "dataset.train")]


def test_an_earlier_list_of_what_was_left_out_goes(tmp_path: Path) -> None:
    prepared(tmp_path, {"train": [*BAD, row("a")], "test": [row("c")]}, max_bad_rows=3)
    assert (tmp_path / "out" / "dropped.jsonl").exists()
    prepared(tmp_path, {"train": [row("a")], "test": [row("c")]}, max_bad_rows=3)
    assert not (tmp_path / "out" / "dropped.jsonl").exists()


def test_a_check_reads_all_and_writes_nothing(tmp_path: Path) -> None:
    dataset = section(tmp_path, {"train": [row("a"), *BAD], "test": [row("a")]})
    with pytest.raises(RecipeInvalid) as caught:
        check(dataset, folder=tmp_path)
    assert caught.value.message == "rows that cannot be trained on: 3 of 4 in train, 1 of 1 in test"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["test.jsonl", "train.jsonl"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RunnerError("gone"), MemoryError()])
def test_an_end_in_the_middle_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    splits = {"train": rows("q", 2000), "test": rows("t", 3)}
    before = prepared(tmp_path, splits)["train"]
    splits["train"] = rows("other", 2000)
    sift, calls = Sieve.sift, iter(range(100))

    def end(sieve: Sieve, batch: Any) -> Mapping[str, bytes]:  # noqa: ANN401 of any source
        if next(calls) == 3:
            raise error
        return sift(sieve, batch)

    monkeypatch.setattr(Sieve, "sift", end)
    with pytest.raises(type(error)):
        prepared(tmp_path, splits)
    assert sha256(before.path.read_bytes()).hexdigest() == before.sha256
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["test.jsonl", "train.jsonl"]


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    wanted = section(tmp_path, {"train": rows("q", 2000), "test": rows("t", 1)})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, limits[1]))
    try:
        with pytest.raises(RunnerError, match="cannot be read or written: File too large"):
            prepare(wanted, folder=tmp_path, into=tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list((tmp_path / "out").iterdir())


def test_two_at_once_do_not_write_into_one_file(tmp_path: Path) -> None:
    first, second = (Draft(tmp_path / "train.jsonl") for _ in range(2))
    with first.filling() as put:
        put(b"whole\n")
    with pytest.raises(RunnerError, match="another process prepares rows"), second.filling():
        pass
    second.discard()
    first.publish()
    assert first.path.read_bytes() == b"whole\n"
    assert first.sha256 == sha256(b"whole\n").hexdigest()


def test_a_file_that_was_published_meanwhile_is_not_written_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (Draft(tmp_path / "train.jsonl") for _ in range(2))
    flock = fcntl.flock
    with first.filling() as put:
        put(b"whole\n")

    def late(file: Any, operation: int) -> None:  # noqa: ANN401 as `fcntl` takes it
        first.publish()
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    with pytest.raises(RunnerError, match="another process prepares rows"), second.filling():
        pass
    assert first.path.read_bytes() == b"whole\n"


def test_what_a_killed_process_left_is_not_taken_along(tmp_path: Path) -> None:
    (tmp_path / ".train.jsonl.part").write_bytes(b"left by one that was killed\n")
    draft = Draft(tmp_path / "train.jsonl")
    with draft.filling() as put:
        put(b"row\n")
    draft.publish()
    assert draft.path.read_bytes() == b"row\n"


def test_a_row_is_too_long_whatever_it_comes_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.dataset.sifting.sieve.MAX_ROW_BYTES", 200)
    splits = {"train": [row("short"), row("long" * 50)], "test": rows("t", 1)}
    assert told(refused(tmp_path, splits).diagnostics) == [("train.jsonl", 2, "row-too-long")]
    assert dict(prepared(tmp_path, splits, max_bad_rows=1)["train"].dropped) == {"row-too-long": 1}


def test_a_file_that_shrinks_while_it_is_read_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.dataset.reading.files._RowSource.count", lambda _source: 4)
    with pytest.raises(RunnerError, match="has changed while it was read"):
        prepared(tmp_path, {"train": rows("q", 3), "test": rows("t", 4)})


ODD = [
    "a\u2028b",
    "a\x85b",
    "\U0001f600 \U0001f468\u200d\U0001f4bb",
    '"quoted" \\ \\n',
    "a\t\x01\x7f",
    "e\u0301",
]


def test_other_readers_read_the_same_rows_back(tmp_path: Path) -> None:
    train = prepared(tmp_path, {"train": [row(odd, odd) for odd in ODD], "test": rows("t", 1)})["train"]
    expected = [json.loads(row(odd, odd))["messages"] for odd in ODD]
    assert pd.read_json(train.path, lines=True)["messages"].tolist() == expected
    assert [json.loads(line)["messages"] for line in train.path.read_bytes().split(b"\n")[:-1]] == expected


@pytest.mark.full
def test_datasets_and_jq_read_the_same_rows_back(tmp_path: Path) -> None:
    import datasets  # noqa: PLC0415 takes two seconds

    train = prepared(tmp_path, {"train": [row(odd, odd) for odd in ODD], "test": rows("t", 1)})["train"]
    expected = [json.loads(row(odd, odd))["messages"] for odd in ODD]
    read = datasets.load_dataset(
        "json", data_files=str(train.path), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert read["messages"][:] == expected
    jq = shutil.which("jq")
    if jq is None:
        pytest.skip("jq is not installed")
    shown = subprocess.run([jq, "-c", ".messages", train.path], check=True, capture_output=True)
    assert [json.loads(line) for line in shown.stdout.split(b"\n")[:-1]] == expected
