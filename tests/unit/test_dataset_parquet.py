"""Parquet as others write it: what a row is hangs on nothing that lies beside it, and damage is noticed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from runner.dataset import PreparedSplit, prepare
from runner.errors import RecipeInvalid
from runner.recipe import Dataset, Sampling

OTHERS = {
    "image": (pa.binary(), b"\x00\xff"),
    "weight": (pa.float64(), float("nan")),
    "note": (pa.string(), "\x00"),
}


def turns(number: int, **others: object) -> list[dict[str, object]]:
    said = (("user", f"question {number}"), ("assistant", "answer"))
    return [{"role": role, "content": content, **others} for role, content in said]


def form(others: Mapping[str, pa.DataType] | None = None) -> pa.DataType:
    return pa.list_(pa.struct([("content", pa.string()), *(others or {}).items(), ("role", pa.string())]))


def prepared(folder: Path, **fields: Any) -> PreparedSplit:  # noqa: ANN401 a section's values
    parquet.write_table(pa.table({"messages": pa.array([turns(-1)], form())}), folder / "test.parquet")
    section = Dataset(path=".", train="train", test="test", **fields)
    return prepare(section, folder=folder, into=folder / "out")["train"]


@pytest.mark.parametrize("name", sorted(OTHERS))
@pytest.mark.parametrize("beside", [[], [None]])
def test_what_else_a_message_holds_does_not_count_whatever_lies_beside_it(
    tmp_path: Path, name: str, beside: Sequence[None]
) -> None:
    kind, value = OTHERS[name]
    rows = [turns(number, **{name: value}) for number in range(3)]
    column = pa.array([*rows, *beside], form({name: kind}))
    parquet.write_table(pa.table({"messages": column}), tmp_path / "train.parquet")
    split = prepared(tmp_path, max_bad_rows=len(beside))
    assert (split.rows, sum(split.dropped.values())) == (3, len(beside))


def test_the_same_rows_come_however_they_are_cut(tmp_path: Path) -> None:
    """Shards without a row, groups of one row and of all, and rows at the edges of each."""
    found = set()
    for sizes, group in (((0, 1, 1199, 0), 1), ((1200,), 1200), ((511, 513, 176), 512)):
        folder = tmp_path / str(group)
        folder.mkdir()
        first = 0
        for index, size in enumerate(sizes):
            table = pa.table({"messages": pa.array(map(turns, range(first, first + size)), form())})
            path = folder / f"train-{index:05}-of-{len(sizes):05}.parquet"
            parquet.write_table(table, path, row_group_size=group)
            first += size
        split = prepared(folder, rows=90, sample=Sampling.RANDOM)
        found.add((split.rows, split.sha256))
    assert [rows for rows, _ in found] == [90]


def test_damage_is_noticed_where_pages_have_a_checksum(tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    table = pa.table({"messages": pa.array([turns(1), turns(2)], form())})
    plain = {"compression": "none", "use_dictionary": False, "write_statistics": False}
    parquet.write_table(table, path, write_page_checksum=True, **plain)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"question 2", b"question 3"))
    assert path.read_bytes() != whole
    with pytest.raises(RecipeInvalid) as caught:
        prepared(tmp_path)
    assert [found.code for found in caught.value.diagnostics] == ["unreadable-file"]
