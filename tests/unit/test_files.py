"""Splits in local files: which files they are, of which format, and the rows that are asked for."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from runner.dataset.reading import csv_rows, files, json_array, lines
from runner.dataset.reading.batch import Source
from runner.dataset.selection import Picked
from runner.errors import Diagnostic, RecipeInvalid

NAMES = ("messages",)


def object_of(number: int) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": f"{number}?"}], "id": number}


def json_lines(first: int, past: int) -> bytes:
    return b"".join(json.dumps(object_of(number)).encode() + b"\n" for number in range(first, past))


def numbers_of(source: Source, *picked: int, total: int | None = None) -> list[tuple[str, int, object]]:
    asked = Picked(source.count() if total is None else total, picked)
    return [
        (Path(batch.label).name, number, row.value["id"] if isinstance(row.value, dict) else row.problem)
        for batch in source.batches(asked, NAMES)
        for number, row in zip(batch.numbers, batch.rows(), strict=True)
    ]


def refused(call: Callable[[], object]) -> Diagnostic:
    with pytest.raises(RecipeInvalid) as caught:
        call()
    (found,) = caught.value.diagnostics
    return found


def local(folder: Path, split: str = "train") -> Source:
    return files.local(folder, ".", split, "train")


# --- which files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["train.jsonl", "train.ndjson", "train.json", "data/train.jsonl"])
def test_a_split_is_found_under_the_names_that_people_give(tmp_path: Path, name: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / name).write_bytes(json_lines(0, 3))
    source = local(tmp_path)
    assert (source.count(), source.revision) == (3, None)
    assert (source.source, source.label) == (f"./{name}", str(tmp_path / name))
    assert numbers_of(source, 0, 2) == [
        ("train." + name.split(".")[1], 1, 0),
        ("train." + name.split(".")[1], 3, 2),
    ]


def test_shards_follow_each_other_as_people_count(tmp_path: Path) -> None:
    for shard in (10, 9, 1):
        (tmp_path / f"train-{shard}.jsonl").write_bytes(json_lines(shard * 10, shard * 10 + 2))
    (tmp_path / "training.jsonl").write_bytes(b"of another split")
    source = local(tmp_path)
    assert (source.source, source.label) == ("./train-*.jsonl", str(tmp_path / "train-*.jsonl"))
    assert source.count() == 6
    assert numbers_of(source, 1, 2, 5) == [
        ("train-1.jsonl", 2, 11),
        ("train-9.jsonl", 1, 90),
        ("train-10.jsonl", 2, 101),
    ]


def test_shards_that_are_not_all_there_are_refused(tmp_path: Path) -> None:
    for shard in (0, 2):
        (tmp_path / f"train-0000{shard}-of-00003.jsonl").write_bytes(json_lines(0, 1))
    found = refused(lambda: local(tmp_path))
    assert (found.code, found.key) == ("missing-shard", "dataset.train")
    assert (found.message, found.expected) == (
        "there are 2 shards of the split",
        "must be 3, as their names have it",
    )


@pytest.mark.parametrize(
    "other", ["train.csv", "data/train.jsonl", "train-00000-of-00001.jsonl", "train.parquet"]
)
def test_a_split_that_is_there_twice_is_refused(tmp_path: Path, other: str) -> None:
    (tmp_path / "data").mkdir()
    for name in ("train.jsonl", other):
        (tmp_path / name).write_bytes(json_lines(0, 1))
    found = refused(lambda: local(tmp_path))
    assert (found.code, found.expected) == ("two-files", "must be one of them")
    shown = other.replace("00000-of-00001", "*")
    assert found.message == f"the split is there twice: {' and '.join(sorted((shown, 'train.jsonl')))}"


def test_a_missing_split_names_those_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name in ("data/train_sft-00000-of-00001.parquet", "test.csv", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    found = refused(lambda: local(tmp_path, "train_stf"))
    assert (found.code, found.path) == ("no-such-split", str(tmp_path / "train_stf"))
    assert (found.expected, found.mend) == ("must be one of test, train_sft", "did you mean train_sft?")
    assert refused(lambda: files.local(tmp_path, "nowhere", "train", "train")).code == "no-such-folder"


def test_a_split_whose_name_ends_in_a_number_is_one(tmp_path: Path) -> None:
    (tmp_path / "phi-3.jsonl").write_bytes(json_lines(0, 1))
    assert local(tmp_path, "phi-3").source == "./phi-3.jsonl"


@pytest.mark.parametrize("split", ["../secret", "a/b", "/etc/passwd", "a\nb", "nul\x00", ".."])
def test_a_split_cannot_leave_its_folder(tmp_path: Path, split: str) -> None:
    (tmp_path / "secret.jsonl").write_bytes(json_lines(0, 1))
    folder = tmp_path / "data"
    folder.mkdir()
    assert refused(lambda: local(folder, split)).code in {"bad-split-name", "no-such-split"}


def test_neither_pipes_nor_folders_nor_devices_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "device.jsonl").symlink_to("/dev/zero")
    (tmp_path / "dangling.jsonl").symlink_to(tmp_path / "nowhere")
    for split in ("pipe", "folder", "device", "dangling"):
        assert refused(lambda split=split: local(tmp_path, split)).code == "not-a-file"  # type: ignore[misc]


def test_a_link_to_a_file_is_one(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(json_lines(0, 2))
    (tmp_path / "train.jsonl").symlink_to(tmp_path / "elsewhere")
    assert local(tmp_path).count() == 2


def test_files_of_a_cache_go_by_the_names_that_they_have_elsewhere(tmp_path: Path) -> None:
    for name, content in (("one", b"messages\n1\n"), ("two", b"messages\n2\n3\n")):
        (tmp_path / name).write_bytes(content)
    paths, names = [tmp_path / "one", tmp_path / "two"], ["lab/chat/a.csv", "lab/chat/b.csv"]
    source = files.source(paths, "lab/chat", "lab/chat@1", "1", labels=names)
    assert (source.count(), source.label, source.source, source.revision) == (
        3,
        "lab/chat",
        "lab/chat@1",
        "1",
    )
    found = [(batch.label, batch.numbers) for batch in source.batches(Picked(3, (0, 2)), NAMES)]
    assert found == [("lab/chat/a.csv", [1]), ("lab/chat/b.csv", [2])]


# --- by their first bytes -----------------------------------------------------------------------------------

FOREIGN = {
    b"\x1f\x8b\x08": "compressed by gzip",
    b"BZh9": "compressed by bzip2",
    b"\xfd7zXZ\x00": "compressed by xz",
    b"\x28\xb5\x2f\xfd": "compressed by zstd",
    b"\x04\x22\x4d\x18": "compressed by lz4",
    b"PK\x03\x04": "a ZIP archive, or an Excel workbook",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"\x80\x04\x95": "a pickle, which can run code when it is read",
    b"\xff\xfe{\x00": "text in UTF-16",
    b"\xfe\xff\x00{": "text in UTF-16",
    b"ARROW1\0\0": "an Arrow file",
    b"\x93NUMPY": "a NumPy array",
    b"\x89HDF\r\n": "an HDF5 file",
    b"SQLite format 3\0": "an SQLite database",
    b"version https://git-lfs.github.com/spec/v1\n": "a pointer of Git LFS, and not the file itself",
    b"PAR1\x15\x04": "a Parquet file",
}


@pytest.mark.parametrize("content", FOREIGN)
@pytest.mark.parametrize("ending", [".jsonl", ".json", ".csv"])
def test_a_file_of_another_kind_is_told_by_its_first_bytes(
    tmp_path: Path, content: bytes, ending: str
) -> None:
    path = tmp_path / f"train{ending}"
    path.write_bytes(content + b"more")
    found = refused(lambda: local(tmp_path))
    assert (found.path, found.code, found.key) == (str(path), "foreign-content", "dataset.train")
    assert found.message == f"the file is {FOREIGN[content]}"
    assert found.mend


@pytest.mark.parametrize(
    ("content", "told"), [(b"{}\n", "no Parquet file"), (b"\x1f\x8b", "compressed by gzip")]
)
def test_what_is_no_parquet_file_is_told_before_it_is_read(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "train.parquet").write_bytes(content)
    assert refused(lambda: local(tmp_path)).message == f"the file is {told}"


# --- rows ---------------------------------------------------------------------------------------------------


def test_rows_that_are_not_asked_for_are_not_parsed(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_bytes(b"nonsense\n" + json_lines(1, 2) + b"more of it\n")
    assert numbers_of(local(tmp_path), 1) == [("train.jsonl", 2, 1)]


def test_lines_are_parted_at_line_feeds_alone(tmp_path: Path) -> None:
    text = '{"messages": [], "id": "a\u2028b\x85c"}'
    (tmp_path / "train.jsonl").write_bytes(f"{text}\r\n{text}".encode())
    source = local(tmp_path)
    assert source.count() == 2
    assert [found for _, _, found in numbers_of(source, 0, 1)] == ["a\u2028b\x85c"] * 2


def test_a_batch_holds_some_hundred_rows(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_bytes(json_lines(0, 600))
    batches = list(local(tmp_path).batches(Picked(600, range(600)), NAMES))
    assert [len(batch.numbers) for batch in batches] == [256, 256, 88]
    assert [number for batch in batches for number in batch.numbers] == list(range(1, 601))


def test_a_line_without_end_takes_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.dataset.reading.lines.MAX_ROW_BYTES", 1000)
    content = json_lines(0, 1) + b"x" * 2500 + b"\n" + b"y" * 1001 + b"\n" + json_lines(3, 4) + b"z" * 5000
    (tmp_path / "train.jsonl").write_bytes(content)
    found = [each for _, _, each in numbers_of(local(tmp_path), 0, 1, 2, 3, 4)]
    assert [each if isinstance(each, int) else getattr(each, "code", each) for each in found] == [
        *(0, "row-too-long", "row-too-long", 3, "row-too-long")
    ]


# --- arrays -------------------------------------------------------------------------------------------------


def array_of(folder: Path, text: str | bytes) -> Path:
    path = folder / "train.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("indent", [None, 2])
def test_an_array_of_objects_gives_a_row_for_each(tmp_path: Path, indent: int | None) -> None:
    array_of(tmp_path, "\n " + json.dumps([object_of(number) for number in range(5)], indent=indent) + "\n")
    source = local(tmp_path)
    assert source.count() == 5
    assert numbers_of(source, 1, 4) == [("train.json", 2, 1), ("train.json", 5, 4)]


def test_a_row_of_an_array_is_read_as_strictly_as_a_line(tmp_path: Path) -> None:
    huge = "9" * 5000
    path = array_of(
        tmp_path,
        f'[{{"a":1}}, {{"a":1,"a":2}}, {{"a":NaN}}, {{"a":{huge}}}, {{"a":1e999}}, 7, "\u2028é"'.encode()
        + b', "\xe9"]',
    )
    assert json_array.count(path) == 8
    found = [row.problem.code if row.problem else row.value for row in json_array.rows(path, range(8))]
    assert found == [
        {"a": 1},
        *(
            "row-duplicate-key",
            "row-not-finite",
            "row-number-too-large",
            "row-not-finite",
            7,
            "\u2028é",
            "row-not-utf8",
        ),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"a":1}\n', "the array breaks off, or a comma is missing, at byte 1 of line 2"),
        ('[{"a":1},\n {"a"}]', "the array is not JSON, at byte 6 of line 2"),
        ('[{"a":1}] more', "the file goes on after its array, at byte 11 of line 1"),
        ("[] 1", "the file goes on after its array, at byte 4 of line 1"),
        ('[{"a":1},]', "the array is not JSON, at byte 10 of line 1"),
        ("[", "the array is not JSON, at byte 2 of line 1"),
        ("[" * 200_000, "a value of the array nests too deep, at byte 2 of line 1"),
        (b'[{"a":1},\n\xff]', "the array is not JSON, at byte 1 of line 2"),
        (b"\xef\xbb\xbf[]", "the file starts with a byte order mark"),
    ],
)
def test_a_broken_array_is_refused_at_its_place(tmp_path: Path, text: str | bytes, message: str) -> None:
    path = array_of(tmp_path, text)
    for call in (lambda: json_array.count(path), lambda: list(json_array.rows(path, range(3)))):
        assert refused(call).message == message


def test_an_empty_array_has_no_rows(tmp_path: Path) -> None:
    assert json_array.count(array_of(tmp_path, " [ ] ")) == 0


def test_a_large_array_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = array_of(tmp_path, "[")
    os.truncate(path, json_array.MAX_BYTES + 1)
    found = refused(lambda: json_array.count(path))
    assert (found.code, found.expected) == ("json-too-large", "must be at most 64 MiB")


# --- values parted by commas --------------------------------------------------------------------------------


def csv_of(folder: Path, content: str | bytes) -> Path:
    path = folder / "train.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def csv_told(path: Path) -> list[object]:
    rows = csv_rows.rows(path, range(csv_rows.count(path)))
    return [row.problem.code if row.problem else row.value for row in rows]


def test_cells_are_texts_whatever_they_look_like(tmp_path: Path) -> None:
    text = 'q,a\r\n=1+1,007\r\n"two\nlines, and ""more""",true\r\n é ,\r\n'
    assert csv_told(csv_of(tmp_path, text)) == [
        {"q": "=1+1", "a": "007"},
        {"q": 'two\nlines, and "more"', "a": "true"},
        {"q": " é ", "a": ""},
    ]


def test_a_mark_of_excel_before_the_header_is_passed_over(tmp_path: Path) -> None:
    assert csv_told(csv_of(tmp_path, b"\xef\xbb\xbfq,a\n1,2\n")) == [{"q": "1", "a": "2"}]


def test_rows_are_asked_for_by_their_number_after_the_header(tmp_path: Path) -> None:
    path = csv_of(tmp_path, 'q\n0\n"1\n1"\n2\n3\n')
    assert [row.value for row in csv_rows.rows(path, [1, 3])] == [{"q": "1\n1"}, {"q": "3"}]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (b"1", "row-ragged"),
        (b"1,2,3", "row-ragged"),
        (b"", "row-blank"),
        (b'"1"2,3', "row-not-csv"),
        (b"1\r2,3", "row-not-csv"),
        (b"1,\xff", "row-not-utf8"),
        (b"1,\x00", "row-nul"),
    ],
)
def test_a_bad_row_spoils_no_other(tmp_path: Path, row: bytes, code: str) -> None:
    content = b"q,a\n1,2\n" + row + b"\n3,4\n"
    assert csv_told(csv_of(tmp_path, content)) == [{"q": "1", "a": "2"}, code, {"q": "3", "a": "4"}]


def test_a_quote_that_is_never_closed_takes_what_follows(tmp_path: Path) -> None:
    assert csv_told(csv_of(tmp_path, 'q,a\n1,2\n"3,4\n5,6\n')) == [{"q": "1", "a": "2"}, "row-not-csv"]


def test_a_long_cell_is_read_and_a_huge_one_is_a_bad_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = "x" * 200_000
    assert csv_told(csv_of(tmp_path, f"q\n{long}\n")) == [{"q": long}]
    monkeypatch.setattr("runner.dataset.reading.lines.MAX_ROW_BYTES", 1000)
    lines_of = ["q,a", "1,2", "x" * 1500 + ",2", "x" * 700 + "," + "y" * 700, '"' + "z\n" * 900 + '",1']
    told = csv_told(csv_of(tmp_path, "\n".join(lines_of)))
    assert told[:3] == [{"q": "1", "a": "2"}, "row-too-long", "row-too-long"]
    assert {str(each) for each in told[3:]} <= {"row-too-long", "row-ragged", "row-not-csv"}


def test_cells_that_are_too_long_only_together_are_a_bad_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.dataset.reading.lines.MAX_ROW_BYTES", 1000)
    cell = '"' + ("z" * 98 + "\n") * 7 + '"'
    assert csv_told(csv_of(tmp_path, f"q,a\n{cell},{cell}\n1,2\n")) == ["row-too-long", {"q": "1", "a": "2"}]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"q,\xe9", "the header is not UTF-8"),
        ("", "the file has no header"),
        ("q,q", "the header has a name twice"),
        ("q;a", "the columns are parted by semicolons"),
        ("q\ta", "the columns are parted by tabs"),
        ('"q"a,b', "the header has something after a closing quote"),
        (",".join(map(str, range(10_001))), "the header has 10001 columns"),
    ],
)
def test_a_header_is_a_must(tmp_path: Path, header: str | bytes, message: str) -> None:
    path = csv_of(tmp_path, (header if isinstance(header, bytes) else header.encode()) + b"\n1,2\n")
    found = refused(lambda: list(csv_rows.rows(path, [0])))
    assert (found.code, found.message) == ("csv-header", message)


# --- columns that are not there -----------------------------------------------------------------------------


def asked(folder: Path, *columns: str, rows: int = 1) -> Callable[[], Sequence[object]]:
    return lambda: list(local(folder).batches(Picked(rows, range(rows)), columns))


def test_a_column_that_no_row_has_is_told_once_for_the_split(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_bytes(b'{"question": "1", "answer": "2"}\n' * 3)
    found = refused(asked(tmp_path, "messages", rows=3))
    assert (found.code, found.key) == ("no-such-column", "dataset.columns")
    assert found.message == "the data set has no column 'messages'"
    assert found.expected == "must be one of question, answer"
    assert found.mend == "write columns: {prompt: question, completion: answer}"


def test_a_column_that_some_rows_have_is_a_matter_of_the_others(tmp_path: Path) -> None:
    rows = b'{"messages": []}\n' + b"{}\n" * 300 + b'{"messages": [], "system": "s"}\n'
    (tmp_path / "train.jsonl").write_bytes(rows)
    assert len(asked(tmp_path, "messages", "system", rows=302)()) == 2
    found = refused(asked(tmp_path, "messages", "sytem", rows=302))
    assert (found.message, found.mend) == ("the data set has no column 'sytem'", "did you mean system?")


def test_where_the_first_rows_have_nothing_that_is_asked_for_the_others_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_bytes(b'{"question": "1"}\n' * 600 + json_lines(600, 601))
    batches = local(tmp_path).batches(Picked(601, range(601)), NAMES)
    assert refused(lambda: next(batches)).code == "no-such-column"


def test_rows_that_cannot_be_read_tell_nothing_of_columns(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_bytes(b"nonsense\n" * 3)
    assert len(asked(tmp_path, "messages", rows=3)()) == 1


def test_the_header_of_a_csv_file_is_held_against_the_columns(tmp_path: Path) -> None:
    csv_of(tmp_path, "Instruction,Output,System\n1,2,3\n")
    found = refused(asked(tmp_path, "messages"))
    assert found.mend == "write columns: {prompt: Instruction, completion: Output, system: System}"


def test_texts_in_place_of_a_header_are_not_shown(tmp_path: Path) -> None:
    csv_of(tmp_path, '"What is it, in a word?","A CANARY, it sings"\n1,2\n')
    found = refused(asked(tmp_path, "messages"))
    assert "CANARY" not in str(found)
    assert found.expected == "must be columns with names, in the first line of a CSV file"


def test_the_lines_of_a_file_are_counted_as_they_are_given(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for content in (b"", b"\n", b"a", b"a\n", b"a\n\n", b"\n\nb"):
        path.write_bytes(content)
        total = lines.count(path)
        assert total == len(content.removesuffix(b"\n").split(b"\n") if content else [])
        assert len(list(lines.rows(path, range(total)))) == total
