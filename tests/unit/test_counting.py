"""Rows in files are counted at a glance, as many as a run would take; all others are not known."""

from pathlib import Path

import pytest

from runner.dataset import count_rows, counting
from runner.recipe import Dataset


def written(folder: Path, *, rows: int) -> Dataset:
    (folder / "rows").mkdir()
    for split in ("train", "test"):
        (folder / "rows" / f"{split}.jsonl").write_text("{}\n" * rows, encoding="utf-8")
    return Dataset(path="rows", train="train", test="test")


@pytest.mark.parametrize(("percent", "taken"), [(100, 10), (25, 2), (35, 4), (50, 5), (1, 0)])
def test_the_head_is_counted_as_the_run_takes_it(tmp_path: Path, percent: float, taken: int) -> None:
    dataset = written(tmp_path, rows=10)
    there = Dataset(path=dataset.path, train=dataset.train, test=dataset.test, percent=percent)
    assert count_rows(there, tmp_path) == {"train": taken, "test": taken}


def test_a_split_that_is_missing_is_not_known(tmp_path: Path) -> None:
    written(tmp_path, rows=3)
    assert count_rows(Dataset(path="rows", train="train", test="nope"), tmp_path) == {"train": 3}


def test_a_file_that_is_long_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = written(tmp_path, rows=3)
    monkeypatch.setattr(counting, "MAX_BYTES", 5)
    assert count_rows(dataset, tmp_path) == {}


@pytest.mark.parametrize(
    "dataset",
    [
        Dataset(huggingface="org/rows", train="train", test="test"),
        Dataset(azureml="rows", train="train", test="test"),
    ],
)
def test_rows_that_lie_elsewhere_are_not_known(tmp_path: Path, dataset: Dataset) -> None:
    assert count_rows(dataset, tmp_path) == {}
