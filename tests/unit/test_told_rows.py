"""What is told of rows that are no use, and of the folders and files that they should have come from."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from runner.dataset import PreparedSplit, check, prepare
from runner.errors import Diagnostic, RecipeInvalid
from runner.recipe import Columns, Dataset

PAIRS = Columns(messages=None, prompt="q", completion="a")


def prepared(folder: Path, **fields: Any) -> dict[str, PreparedSplit]:  # noqa: ANN401 a section's values
    dataset = Dataset(**{"path": ".", "train": "train", "test": "test", **fields})
    return dict(prepare(dataset, folder=folder, into=folder / "out"))


def refused(folder: Path, **fields: Any) -> RecipeInvalid:  # noqa: ANN401 as above
    with pytest.raises(RecipeInvalid) as caught:
        check(Dataset(**{"path": ".", "train": "train", "test": "test", **fields}), folder=folder)
    return caught.value


def first(folder: Path, **fields: Any) -> Diagnostic:  # noqa: ANN401 as above
    return refused(folder, **fields).diagnostics[0]


def csv_files(folder: Path, train: bytes) -> None:
    (folder / "train.csv").write_bytes(b"q,a\n1,2\n" + train)
    (folder / "test.csv").write_bytes(b"q,a\n3,4\n")


def test_the_digests_of_broken_csv_rows_tell_them_apart(tmp_path: Path) -> None:
    csv_files(tmp_path, b'5\n\n6\n7,\xff\n8,\x00\n"9"9,1\n"10,11\n12,13\n')
    assert prepared(tmp_path, columns=PAIRS, max_bad_rows=7)["train"].rows == 1
    listed = [json.loads(line) for line in (tmp_path / "out" / "dropped.jsonl").read_text().splitlines()]
    texts = [
        '["5"]',
        "[]",
        '["6"]',
        '["7","\\udcff"]',
        '{"q":"8","a":"\\u0000"}',
        '["\\"9\\"9,1\\n"]',
        '["\\"10,11\\n","12,13\\n"]',
    ]
    assert [each["sha256"] for each in listed] == [sha256(text.encode()).hexdigest() for text in texts]


def pairs(numbers: range) -> bytes:
    return b"".join(b"question %d,answer\n" % number for number in numbers)


@pytest.mark.parametrize(("alike", "rows"), [(30, 38), (0, 8)])
def test_a_share_that_came_out_far_from_its_percent_is_warned_of(
    tmp_path: Path, alike: int, rows: int
) -> None:
    csv_files(tmp_path, pairs(range(70)) + b"".join(b"question 0,%d\n" % each for each in range(alike)))
    split = prepared(tmp_path, columns=PAIRS, validation="10%", seed=8)["validation"]
    found = [each for each in split.warnings if each.code == "uneven-share"]
    assert split.rows == rows
    assert [each.key for each in found] == ["dataset.validation"] * bool(alike)
    assert all(f"{rows} of 101 rows fell to it, and 10% are about 10:" in each.message for each in found)


def test_a_row_of_a_file_without_lines_is_told_by_its_number(tmp_path: Path) -> None:
    csv_files(tmp_path, b'"5\n6",7\n8,\n')
    found = first(tmp_path, columns=PAIRS)
    assert (found.line, found.key, found.message) == (3, "a", "row 3: is empty")
    (tmp_path / "test.csv").unlink()
    (tmp_path / "train.csv").rename(tmp_path / "old")
    for name in ("train.jsonl", "test.jsonl"):
        (tmp_path / name).write_text('{"q": "1", "a": ""}\n')
    assert first(tmp_path, columns=PAIRS).message == "is empty"


def test_a_folder_that_is_not_there_is_told_once_and_by_its_name(tmp_path: Path) -> None:
    (found,) = refused(tmp_path, path="nowhere").diagnostics
    assert (found.path, found.key, found.code) == (
        str(tmp_path / "nowhere"), "dataset.path", "no-such-folder"
    )  # fmt: skip
    assert found.message == "is not there"
    (tmp_path / "train.jsonl").write_bytes(b"")
    (found,) = refused(tmp_path, path="train.jsonl").diagnostics
    assert (found.code, found.message, found.mend) == ("no-such-folder", "is a file", "name its folder")


@pytest.mark.parametrize(
    ("name", "mend"),
    [
        ("train.jsonl.gz", "unpack it: gunzip train.jsonl.gz"),
        ("train.tsv", ""),
        ("train.JSONL", "name it train.jsonl"),
        ("train-00000-of-00001.CSV", "name it train-00000-of-00001.csv"),
    ],
)
def test_a_file_of_another_ending_is_not_said_to_be_lacking(tmp_path: Path, name: str, mend: str) -> None:
    (tmp_path / name).write_bytes(b"")
    (tmp_path / "train_more.tsv").write_bytes(b"")
    (tmp_path / "test.jsonl").write_bytes(b"{}")
    found = first(tmp_path)
    assert (found.code, found.key) == ("unreadable-format", "dataset.train")
    assert found.message == f"{name} is there, but {Path(name).suffix} is not read"
    assert (found.expected, found.mend) == ("must be one of .jsonl, .ndjson, .json, .csv, .parquet", mend)
    assert first(tmp_path, train="train_les").code == "no-such-split"


def test_the_hint_proposes_nothing_that_leaves_a_split_empty(tmp_path: Path) -> None:
    csv_files(tmp_path, b"5,\n6,\n")
    assert (
        refused(tmp_path, columns=PAIRS).hint == "mend them, or leave them out with dataset.max_bad_rows: 2"
    )
    (tmp_path / "test.csv").write_bytes(b"q,a\n3,\n")
    assert refused(tmp_path, columns=PAIRS).hint == "mend them"


def test_a_file_in_another_encoding_says_how_it_is_saved(tmp_path: Path) -> None:
    csv_files(tmp_path, b"caf\xe9,1\n")
    assert first(tmp_path, columns=PAIRS).mend == "save it as UTF-8, such as iconv -f latin1 -t utf-8"
    (tmp_path / "train.csv").unlink()
    (tmp_path / "train.jsonl").write_bytes(b'{"q": "caf\xe9", "a": "1"}\n')
    assert first(tmp_path, columns=PAIRS).mend == "save it as UTF-8, such as iconv -f latin1 -t utf-8"
    (tmp_path / "train.jsonl").write_bytes(b'\xef\xbb\xbf{"q": "1", "a": "1"}\n')
    assert first(tmp_path, columns=PAIRS).mend == "save it without a byte order mark"


@pytest.mark.parametrize(
    ("name", "content", "code", "mend"),
    [
        ("train.jsonl", b'[{"q": "1",\n"a": "2"}]\n', "json-array", "name it train.json"),
        ("train.json", b'{"data": [{"q": "1", "a": "2"}]}', "json-object", "such as jq .data"),
        ("train.json", b'{\n"q": "1",\n"a": "2"}\n', "json-object", "such as jq .data"),
    ],
)
def test_json_of_another_shape_is_told_once(
    tmp_path: Path, name: str, content: bytes, code: str, mend: str
) -> None:
    csv_files(tmp_path, b"")
    (tmp_path / "train.csv").unlink()
    (tmp_path / name).write_bytes(content)
    (found,) = refused(tmp_path, columns=PAIRS).diagnostics
    assert (found.code, found.mend.endswith(mend)) == (code, True)


def test_a_single_row_in_one_line_of_json_is_one(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "1"}, {"role": "assistant", "content": "2"}]
    for name, said in (("train", turns), ("test", [{**turns[0], "content": "3"}, turns[1]])):
        (tmp_path / f"{name}.json").write_text(json.dumps({"messages": said}), encoding="utf-8")
    assert prepared(tmp_path)["train"].rows == 1
