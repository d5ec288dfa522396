"""Data sets: what is written, what is refused, and that no word of a row is ever repeated."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from runner.dataset import PreparedSplit, bring, prepare
from runner.errors import Diagnostic, RecipeInvalid, RunnerError, Severity
from runner.recipe import Dataset
from tests.unit.hub_server import COMMIT, HubServer


def line(question: str, answer: str = "yes", **other: object) -> bytes:
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return json.dumps({"messages": turns, **other}).encode() + b"\n"


def written(*pairs: tuple[str, str]) -> bytes:
    """Give the lines that conversations of one question and its answer become, whatever they were in."""
    form = '{"messages":[{"role":"user","content":"%s"},{"role":"assistant","content":"%s"}]}\n'
    return "".join(form % pair for pair in pairs).encode()


def questions(name: str, count: int) -> bytes:
    return b"".join(line(f"{name} {number}?") for number in range(count))


def prepared(
    folder: Path, *, train: bytes, test: bytes | None = None, percent: float = 100.0
) -> Mapping[str, PreparedSplit]:
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data" / "train.jsonl").write_bytes(train)
    (folder / "data" / "test.jsonl").write_bytes(line("another question") if test is None else test)
    dataset = Dataset(path="data", train="train", test="test", percent=percent)
    return prepare(dataset, folder=folder, into=folder / "out")


def refused(call: Callable[[], object]) -> tuple[str, Sequence[Diagnostic]]:
    with pytest.raises(RecipeInvalid) as caught:
        call()
    return caught.value.message, caught.value.diagnostics


def codes(diagnostics: Sequence[Diagnostic]) -> list[tuple[int, str, str]]:
    return [(found.line, found.code, found.key) for found in diagnostics]


def test_of_rows_the_messages_are_written_and_counted(tmp_path: Path) -> None:
    source = line("What is 1 + 1?", "2", id=7, weight=1.0) + line("Größe?\u2028 and \x85", "groß")
    content = written(("What is 1 + 1?", "2"), ("Größe?\u2028 and \x85", "groß"))
    train = prepared(tmp_path, train=source)["train"]
    assert train.path.read_bytes() == content
    assert train.sha256 == sha256(content).hexdigest()
    assert (train.rows, train.source_rows, train.bytes, train.turns) == (2, 2, len(content), 4)
    assert train.characters == len("What is 1 + 1?" + "2" + "Größe?\u2028 and \x85" + "groß")
    assert (train.source, train.revision, train.warnings) == ("data/train.jsonl", None, ())
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["test.jsonl", "train.jsonl"]


def test_lines_end_at_newline_bytes_alone(tmp_path: Path) -> None:
    row = '{"messages":[{"role":"user","content":"a\u2028b\x85c"},{"role":"assistant","content":"d"}]}'
    train = prepared(tmp_path, train=f"{row}\r\n{row}".encode())["train"]
    assert train.rows == 2
    assert train.path.read_bytes() == f"{row}\n{row}\n".encode()


def test_a_second_call_gives_the_same_bytes(tmp_path: Path) -> None:
    first = prepared(tmp_path, train=questions("q", 20), test=questions("t", 4), percent=50)
    second = prepared(tmp_path, train=questions("q", 20), test=questions("t", 4), percent=50)
    assert first == second


def test_what_is_prepared_is_brought_to_another_folder(tmp_path: Path) -> None:
    """Also where an earlier try has left something of that name."""
    there = prepared(tmp_path, train=line("How many?"))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "train.jsonl").write_text("torn")
    brought = bring(there, tmp_path / "run")
    assert {role: split.path for role, split in brought.items()} == {
        role: tmp_path / "run" / f"{role}.jsonl" for role in ("train", "test")
    }
    for role, split in brought.items():
        assert split.path.read_bytes() == there[role].path.read_bytes()
        assert split.sha256 == there[role].sha256


@pytest.mark.parametrize(
    ("total", "percent", "rows"),
    [
        (200, 5, 10),
        (200, 0.5, 1),
        (7, 100, 7),
        (1000, 0.1, 1),
        (2500, 0.1, 2),
        (10, 25, 2),
        (10, 35, 4),
        (1, 60, 1),
    ],
)
def test_percent_takes_the_head_exactly(tmp_path: Path, total: int, percent: float, rows: int) -> None:
    content, test = questions("q", total), questions("t", 1000)
    train = prepared(tmp_path, train=content, test=test, percent=percent)["train"]
    assert (train.rows, train.source_rows) == (rows, total)
    assert train.path.read_bytes() == written(*((f"q {number}?", "yes") for number in range(rows)))


def test_rows_beyond_the_head_are_not_judged(tmp_path: Path) -> None:
    assert prepared(tmp_path, train=line("a") + b"nonsense\n", test=questions("t", 2), percent=50)


def test_a_head_without_rows_is_refused_with_what_one_row_takes(tmp_path: Path) -> None:
    _, (found, _other) = refused(
        lambda: prepared(tmp_path, train=questions("q", 3), test=questions("t", 200), percent=0.1)
    )
    assert (found.code, found.key) == ("empty-split", "dataset.percent")
    assert found.message == "0.1 percent of 3 rows is not one row"
    assert found.mend == "one row is 33.3334 percent"
    assert not (tmp_path / "out").exists()


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    _, (found,) = refused(lambda: prepared(tmp_path, train=b""))
    assert (found.code, found.key) == ("empty-split", "dataset.train")


USER = b'{"role":"user","content":"q"}'
ANSWER = b'{"role":"assistant","content":"a"}'


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (b"nonsense", [("row-not-json", "")]),
        (b'{"messages":[' + USER + b"," + ANSWER + b"]} trailing", [("row-not-json", "")]),
        (b"question,answer", [("row-not-json", "")]),
        (b"\xef\xbb\xbf{}", [("row-byte-order-mark", "")]),
        ('{"é": 1}'.encode("latin-1"), [("row-not-utf8", "")]),
        ('{"a": 1}'.encode("utf-16"), [("row-not-utf8", "")]),
        (b"", [("row-blank", "")]),
        (b'"text"', [("row-not-object", "")]),
        (b'{"messages":[' + USER + b'],"messages":[]}', [("row-duplicate-key", "")]),
        (b'{"messages":[{"role":"user","role":"user","content":"q"}]}', [("row-duplicate-key", "")]),
        (b'{"x":NaN}', [("row-not-finite", "")]),
        (b'{"x":-Infinity}', [("row-not-finite", "")]),
        (b'{"x":1e999}', [("row-not-finite", "")]),
        (b'{"x":' + b"9" * 5000 + b"}", [("row-number-too-large", "")]),
        (b'{"x":9223372036854775808}', [("row-number-too-large", "")]),
        (b'{"x":' + b"[" * 100 + b"]" * 100 + b"}", [("row-too-deep", "")]),
        (b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", [("row-too-deep", "")]),
        (b'{"x":"\\ud800"}', [("row-lone-surrogate", "")]),
        (b'{"\\udfff":1}', [("row-lone-surrogate", "")]),
        (b'{"x":"\\uDBFF"}', [("row-lone-surrogate", "")]),
        (b'{"x":"a\\u0000b"}', [("row-nul", "")]),
        (b'{"x":"a\x00b"}', [("row-not-json", "")]),
        (b"{}", [("column-missing", "messages")]),
        (b'{"messages":"hello"}', [("messages-not-a-list", "messages")]),
        (b'{"messages":[]}', [("messages-empty", "messages")]),
        (b'{"messages":["q"]}', [("message-not-object", "messages[0]")]),
        (
            b'{"messages":[{"role":"bot","content":"q"},' + ANSWER + b"]}",
            [("unknown-role", "messages[0].role")],
        ),
        (b'{"messages":[{"role":["user"],"content":"q"}]}', [("unknown-role", "messages[0].role")]),
        (b'{"messages":[{"content":"q"},' + ANSWER + b"]}", [("unknown-role", "messages[0].role")]),
        (
            b'{"messages":[' + USER + b',{"role":"system","content":"s"},' + ANSWER + b"]}",
            [("system-not-first", "messages[1].role")],
        ),
        (
            b'{"messages":[{"role":"user","content":null},{"role":"assistant","content":" \\n"}]}',
            [("content-not-text", "messages[0].content"), ("content-empty", "messages[1].content")],
        ),
        (
            b'{"messages":[{"role":"user","content":["q"]},' + ANSWER + b"]}",
            [("content-not-text", "messages[0].content")],
        ),
        (
            b'{"messages":[' + USER + b',{"role":"assistant","content":"a","tool_calls":[{}]}]}',
            [("tool-call", "messages[1].tool_calls")],
        ),
        (b'{"messages":[' + ANSWER + b"," + USER + b"]}", [("last-not-assistant", "messages")]),
        (b'{"messages":[' + ANSWER + b"]}", [("no-user-turn", "messages")]),
    ],
)
def test_bad_rows_are_found(tmp_path: Path, row: bytes, expected: list[tuple[str, str]]) -> None:
    _, found = refused(lambda: prepared(tmp_path, train=line("good") + row + b"\n" + line("fine")))
    assert codes(found) == [(2, code, key) for code, key in expected]
    assert {entry.path for entry in found} == {str(tmp_path / "data" / "train.jsonl")}
    assert list((tmp_path / "out").iterdir()) == []


def test_a_line_without_end_takes_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.dataset.reading.lines.MAX_ROW_BYTES", 1000)
    content = line("a") + b"x" * 2500 + b"\n" + b"y" * 1001 + b"\n" + line("b") + b"z" * 5000
    _, found = refused(lambda: prepared(tmp_path, train=content))
    assert codes(found) == [(2, "row-too-long", ""), (3, "row-too-long", ""), (5, "row-too-long", "")]


def test_sound_rows_of_every_shape_pass(tmp_path: Path) -> None:
    system = b'{"messages":[{"role":"system","content":"s"},' + USER + b"," + ANSWER + b"]}\n"
    extra = (
        b'{"messages":['
        + USER
        + b',{"role":"assistant","content":"a","tool_calls":null,"id":1}],"x":[1.5]}\n'
    )
    brackets = line("(" * 200 + "[" * 200 + "{" * 200 + "\u20ac\U0001f600")
    assert prepared(tmp_path, train=system + extra + brackets)["train"].rows == 3


def test_all_bad_rows_are_counted_and_the_first_listed(tmp_path: Path) -> None:
    message, found = refused(lambda: prepared(tmp_path, train=line("a") + b"{}\n" * 30, test=b"nonsense\n"))
    assert message == "rows that cannot be trained on: 30 of 31 in train, 1 of 1 in test"
    assert [entry.line for entry in found] == [2, 1]
    assert found[0].message == "is not there, and 29 more like it"
    others = line("a") + b"{}\n" * 29 + b"nonsense\n"
    _, found = refused(lambda: prepared(tmp_path, train=others))
    assert [entry.line for entry in found] == list(range(2, 22))


def test_no_word_of_a_row_is_repeated(tmp_path: Path) -> None:
    rows = [
        b'{"messages":[{"role":"CANARY","content":"CANARY"}]}',
        b"CANARY",
        b'{"CANARY":1,"CANARY":NaN}',
        b'{"messages":[{"role":"user","content":["CANARY"]}]}',
        b'{"x":"CANARY\\ud800"}',
        b"CANARY\xff",
    ]
    with pytest.raises(RecipeInvalid) as caught:
        prepared(tmp_path, train=b"\n".join(rows))
    assert len(caught.value.diagnostics) >= 6
    assert "CANARY" not in caught.value.message + "".join(map(repr, caught.value.diagnostics))
    assert caught.value.__cause__ is None


def test_prompts_of_train_in_test_are_told(tmp_path: Path) -> None:
    result = prepared(
        tmp_path,
        train=line("What is  1?") + line("Cafe\u0301?"),
        test=line("new") + line("What is 1?\n", "other") + line("Caf\u00e9?", "no"),
    )
    (warning,) = result["test"].warnings
    assert (warning.severity, warning.code, warning.line) == (Severity.WARNING, "shared-prompt", 2)
    assert warning.message.startswith("2 of 3 rows")
    assert result["train"].warnings == ()


def test_a_missing_split_names_those_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "train_sft.jsonl").write_bytes(line("a"))
    dataset = Dataset(path=".", train="train_stf", test="none")
    _, (train, test) = refused(lambda: prepare(dataset, folder=tmp_path, into=tmp_path / "out"))
    assert (train.code, train.key) == ("no-such-split", "dataset.train")
    assert (train.expected, train.mend) == ("must be one of train_sft", "did you mean train_sft?")
    assert test.key == "dataset.test"


@pytest.mark.parametrize("split", ["../secret", "a/b", "/etc/passwd", "a\nb", "nul\x00"])
def test_a_split_cannot_leave_its_folder(tmp_path: Path, split: str) -> None:
    (tmp_path / "secret.jsonl").write_bytes(line("a"))
    dataset = Dataset(path="data", train=split, test=split)
    _, found = refused(lambda: prepare(dataset, folder=tmp_path, into=tmp_path / "out"))
    assert {entry.code for entry in found} == {"bad-split-name"}


def test_a_pipe_is_no_split(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "train.jsonl")
    dataset = Dataset(path=".", train="train", test="train")
    _, found = refused(lambda: prepare(dataset, folder=tmp_path, into=tmp_path / "out"))
    assert found[0].code == "not-a-file"


def test_a_target_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("in the way")
    with pytest.raises(RunnerError, match="out cannot be read or written: File exists"):
        prepared(tmp_path, train=line("a"))


def test_files_are_prepared_without_the_heavy_libraries(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(line("a"))
    (tmp_path / "b.jsonl").write_bytes(line("b"))
    program = (
        "import sys; from pathlib import Path; from runner.dataset import prepare\n"
        "from runner.recipe import Dataset\n"
        "here = Path(sys.argv[1])\n"
        "prepare(Dataset(path='.', train='a', test='b'), folder=here, into=here / 'out')\n"
        "heavy = {'datasets', 'huggingface_hub', 'pandas', 'pyarrow', 'torch', 'azure'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(line("a" * 50_000) * 800)
    (tmp_path / "b.jsonl").write_bytes(line("b"))
    program = (
        "import resource, sys; from pathlib import Path; from runner.dataset import prepare\n"
        "from runner.recipe import Dataset\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "here = Path(sys.argv[1])\n"
        "prepare(Dataset(path='.', train='a', test='b'), folder=here, into=here / 'out')\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    run = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, capture_output=True)
    assert int(run.stdout) < 20_000  # KiB, of a file of 40 MB


# The Hub. The libraries read its address when they are imported, so each case is a process of its own.

HUB_PROGRAM = """
import json, sys
from pathlib import Path
from runner.dataset import prepare
from runner.errors import DiagnosticError, RunnerError
from runner.recipe import Dataset

def answer(fields):
    try:
        splits = prepare(Dataset(**fields), folder=Path(), into=Path("out"))
    except RunnerError as error:
        diagnostics = getattr(error, "diagnostics", ())
        found = [[entry.code, entry.key, entry.mend] for entry in diagnostics]
        return {"error": type(error).__name__, "message": error.message, "found": found}
    return {role: {"rows": split.rows, "source_rows": split.source_rows, "source": split.source,
                   "revision": split.revision, "sha256": split.sha256} for role, split in splits.items()}

print(json.dumps([answer(fields) for fields in json.loads(sys.argv[1])]))
"""


def ask(hub_url: str, folder: Path, *cases: Mapping[str, object], program: str = HUB_PROGRAM) -> Any:  # noqa: ANN401 JSON
    environment = {
        "HF_ENDPOINT": hub_url,
        "HF_HOME": str(folder / "cache"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HOME": str(folder),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    command = [sys.executable, "-W", "error", "-c", program, json.dumps(cases)]
    run = subprocess.run(
        command, cwd=folder, env=environment, check=False, capture_output=True, text=True, timeout=60
    )
    assert (run.returncode, run.stderr) == (0, "")
    return json.loads(run.stdout)


def parquet_file(rows: Sequence[Mapping[str, object]]) -> bytes:
    buffer = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist([dict(row) for row in rows]), buffer, row_group_size=10)
    return buffer.getvalue()


def chat_rows(name: str, count: int) -> list[Mapping[str, object]]:
    return [{**json.loads(line(f"{name} {number} é?")), "prompt_id": str(number)} for number in range(count)]


CARD = b"""---
configs:
- config_name: default
  data_files:
  - {split: train_sft, path: data/train_sft-*}
  - {split: test_sft, path: data/test_sft-*}
  - {split: train_gen, path: data/train_gen-*}
---
"""


def ultrachat() -> dict[str, bytes]:
    rows = chat_rows("train", 200)
    return {
        "README.md": CARD,
        "data/train_sft-00000-of-00002.parquet": parquet_file(rows[:120]),
        "data/train_sft-00001-of-00002.parquet": parquet_file(rows[120:]),
        "data/test_sft-00000-of-00001.parquet": parquet_file(chat_rows("test", 30)),
        "data/train_gen-00000-of-00001.parquet": parquet_file(chat_rows("gen", 5)),
    }


# The notebook's own way to the same rows.
LOAD_DATASET = """
import json, sys, datasets
datasets.disable_progress_bars()
rows = datasets.load_dataset("lab/chat", split="train_sft[:5%]")
print(json.dumps(list(rows)))
"""


def test_the_head_of_a_hub_split_is_what_load_dataset_gives_at_a_pinned_commit(tmp_path: Path) -> None:
    fields = {"huggingface": "lab/chat", "train": "train_sft", "test": "test_sft", "percent": 5}
    # A folder of the data set's name in the working folder must not stand in for it.
    (tmp_path / "lab" / "chat").mkdir(parents=True)
    (tmp_path / "lab" / "chat" / "train_sft.jsonl").write_bytes(line("from the wrong place"))
    with HubServer({"lab/chat": ultrachat()}) as hub:
        first, again = ask(hub.url, tmp_path, fields, {**fields, "revision": "v1"})
        fetched = [request for request in hub.requests if request.startswith("GET /datasets/")]
        (tmp_path / "elsewhere").mkdir()
        expected = ask(hub.url, tmp_path / "elsewhere", program=LOAD_DATASET)
    rows = [json.loads(text) for text in (tmp_path / "out" / "train.jsonl").read_bytes().splitlines()]
    assert rows == [{"messages": row["messages"]} for row in expected]
    assert first == again
    assert first["train"]["rows"] == 10
    assert first["train"]["source_rows"] == 200
    assert first["train"]["revision"] == COMMIT
    assert first["train"]["source"] == f"lab/chat@{COMMIT}:train_sft"
    assert first["test"]["rows"] == 2
    assert not [request for request in fetched if "train_gen" in request]
    assert len([request for request in fetched if "train_sft-00001" in request]) == 1  # a footer, no rows


def test_json_lines_on_the_hub_are_read_as_strictly_as_files(tmp_path: Path) -> None:
    files = {
        "train.jsonl": questions("a", 4),
        "test.jsonl": line("b") + b'{"x":1,"x":2}\n',
        "validation.jsonl": line("c"),
    }
    fields = {"huggingface": "lab/lines", "train": "train", "test": "test"}
    with HubServer({"lab/lines": files}) as hub:
        good, bad = ask(hub.url, tmp_path, {**fields, "test": "validation"}, fields)
    expected = written(*((f"a {number}?", "yes") for number in range(4)))
    assert good["train"]["sha256"] == sha256(expected).hexdigest()
    assert bad["found"] == [["row-duplicate-key", "", ""]]


def test_what_the_hub_does_not_have_is_said_at_its_field(tmp_path: Path) -> None:
    two = (
        b"---\nconfigs: [{config_name: a, data_files: a.jsonl}, {config_name: b, data_files: b.jsonl}]\n---\n"
    )
    repositories = {
        "lab/chat": ultrachat(),
        "lab/two": {"README.md": two, "a.jsonl": line("a"), "b.jsonl": line("b")},
        "lab/table": {"train.csv": b"a,b\n1,2\n"},
        "lab/broken": {"train.parquet": b"PAR1 no parquet"},
        "lab/nul": {"train.parquet": parquet_file([json.loads(line("a", "\0"))])},
        "lab/private": {},
    }
    base = {"huggingface": "lab/chat", "train": "train_sft", "test": "test_sft"}
    plain = {"train": "train", "test": "train"}
    with HubServer(repositories, gated=frozenset({"lab/private"})) as hub:
        results = ask(
            hub.url,
            tmp_path,
            {**base, "huggingface": "lab/nothing"},
            {**base, "huggingface": "no such name!"},
            {**base, "huggingface": "json"},
            {**base, "huggingface": "lab/private"},
            {**base, "revision": "v9"},
            {**base, "train": "train_stf"},
            {**plain, "huggingface": "lab/two"},
            {**plain, "huggingface": "lab/table"},
            {**plain, "huggingface": "lab/broken"},
            {**plain, "huggingface": "lab/nul"},
        )
    assert [(result["error"], *result["found"][0][:2]) for result in results] == [
        ("RecipeInvalid", "no-such-dataset", "dataset.huggingface"),
        ("RecipeInvalid", "no-such-dataset", "dataset.huggingface"),
        ("RecipeInvalid", "no-such-dataset", "dataset.huggingface"),
        ("RecipeInvalid", "gated-dataset", "dataset.huggingface"),
        ("RecipeInvalid", "no-such-revision", "dataset.revision"),
        ("RecipeInvalid", "no-such-split", "dataset.train"),
        ("RecipeInvalid", "config-missing", "dataset.config"),
        ("RecipeInvalid", "unreadable-format", "dataset.train"),
        ("RecipeInvalid", "unreadable-file", "dataset.path"),
        ("RecipeInvalid", "row-nul", ""),
    ]
    assert results[5]["found"][0][2] == "did you mean train_sft?"


def test_a_hub_out_of_reach_is_not_the_recipes_fault(tmp_path: Path) -> None:
    fields = {"huggingface": "lab/chat", "train": "train_sft", "test": "test_sft"}
    with HubServer({"lab/chat": ultrachat()}) as hub:
        hub.broken = True
        (down,) = ask(hub.url, tmp_path, fields)
    (gone,) = ask(hub.url, tmp_path, fields)
    assert (down["error"], gone["error"]) == ("CloudUnavailable", "CloudUnavailable")
    assert "503" in down["message"]
    assert "cannot be reached" in gone["message"]
