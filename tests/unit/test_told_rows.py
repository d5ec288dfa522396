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
