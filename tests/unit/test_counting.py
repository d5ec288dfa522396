"""Rows in files are counted at a glance, as many as a run would take; all others are not known."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from runner.dataset import Size, counting, expected, sizes
from runner.recipe import Dataset


def written(folder: Path, *, rows: int) -> Dataset:
    (folder / "rows").mkdir()
    for split in ("train", "test"):
        (folder / "rows" / f"{split}.jsonl").write_text("{}\n" * rows, encoding="utf-8")
    return Dataset(path="rows", train="train", test="test")


def counted(dataset: Dataset, folder: Path) -> dict[str, int]:
    return dict(expected(dataset, sizes(dataset, folder, footers=False)))


@pytest.mark.parametrize(("percent", "taken"), [(100, 10), (25, 2), (35, 4), (50, 5), (1, 0)])
def test_the_head_is_counted_as_the_run_takes_it(tmp_path: Path, percent: float, taken: int) -> None:
    there = replace(written(tmp_path, rows=10), percent=percent)
    assert counted(there, tmp_path) == {"train": taken, "test": taken}


@pytest.mark.parametrize(("rows", "taken"), [(3, 3), (10, 10), (11, 10)])
def test_no_more_rows_are_taken_than_are_asked_for_or_there(tmp_path: Path, rows: int, taken: int) -> None:
    assert counted(replace(written(tmp_path, rows=10), rows=rows), tmp_path) == {
        "train": taken,
        "test": taken,
    }


def test_what_is_held_out_of_the_training_rows_is_not_counted_among_them() -> None:
    dataset = Dataset(path="rows", train="train", validation="10%", test="2.5%", percent=50)
    found = expected(dataset, {"train": Size(rows=400, bytes=4000)})
    assert found == {"train": 175, "validation": 20, "test": 5}


def test_a_split_that_is_missing_is_not_known(tmp_path: Path) -> None:
    written(tmp_path, rows=3)
    assert counted(Dataset(path="rows", train="train", test="nope"), tmp_path) == {"train": 3}


def test_of_a_file_that_is_long_only_the_head_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = written(tmp_path, rows=30)
    monkeypatch.setattr(counting, "MOST_BYTES_READ", 30)
    monkeypatch.setattr(counting, "_BLOCK", 10)
    assert sizes(dataset, tmp_path, footers=False)["train"] == Size(rows=30, bytes=90, exact=False)
    assert counted(dataset, tmp_path) == {}


def test_the_rows_of_parquet_files_are_told_by_their_footers_where_these_may_be_read(tmp_path: Path) -> None:
    column = pa.table({"messages": [str(number) for number in range(50)]})
    for name in ("one", "two"):
        parquet.write_table(column, tmp_path / f"{name}.parquet", row_group_size=20)
    paths = [tmp_path / "one.parquet", tmp_path / "two.parquet"]
    found = counting.size_of(paths, footers=True)
    assert found is not None
    assert (found.rows, found.exact) == (100, True)
    assert found.bytes > 100
    assert counting.size_of(paths, footers=False) is None
    paths[1].write_bytes(b"PAR1 and no more")
    assert counting.size_of(paths, footers=True) is None


def test_what_cannot_be_told_without_reading_all_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text('prompt,completion\n"a\nb",c\n', encoding="utf-8")
    assert counting.size_of([tmp_path / "train.csv"], footers=True) is None


@pytest.mark.parametrize(
    "dataset",
    [
        Dataset(huggingface="org/rows", train="train", test="test"),
        Dataset(azureml="rows", train="train", test="test"),
    ],
)
def test_rows_that_lie_elsewhere_are_not_known(tmp_path: Path, dataset: Dataset) -> None:
    assert counted(dataset, tmp_path) == {}
