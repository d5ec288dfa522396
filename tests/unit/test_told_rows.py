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
