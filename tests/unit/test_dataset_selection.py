"""Which rows are taken, and that neither the form nor the cut of the files they lie in changes a byte."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from runner.dataset import PreparedSplit, prepare
from runner.errors import RecipeInvalid
from runner.recipe import Dataset, Sampling

Row = Mapping[str, object]


def chat_rows(name: str, count: int) -> list[Row]:
    return [
        {
            "prompt_id": str(number),
            "messages": [
                {"content": f"{name} {number} é\u2028?", "role": "user", "id": number},
                {"content": 'a "quoted"\\ \x85 \U0001f600\n\tanswer', "role": "assistant", "id": None},
            ],
        }
        for number in range(count)
    ]


def write_parquet(folder: Path, rows: Sequence[Row], *, shards: int = 1, group: int = 100) -> None:
    folder.mkdir(exist_ok=True)
    for shard in range(shards):
        part = rows[len(rows) * shard // shards : len(rows) * (shard + 1) // shards]
        name = f"train-{shard:05}-of-{shards:05}.parquet"
        parquet.write_table(pa.Table.from_pylist(list(map(dict, part))), folder / name, row_group_size=group)


def write_lines(folder: Path, rows: Sequence[Row], split: str = "train") -> None:
    folder.mkdir(exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / f"{split}.jsonl").write_text(text, encoding="utf-8")


def train_of(folder: Path, **fields: object) -> PreparedSplit:
    write_lines(folder, chat_rows("test", 200), "test")
    section = Dataset(path=".", train="train", test="test", **fields)  # type: ignore[arg-type]  # of each test
    return prepare(section, folder=folder, into=folder / "out")["train"]


def numbers(split: PreparedSplit) -> list[int]:
    rows = [json.loads(line) for line in split.path.read_bytes().split(b"\n")[:-1]]
    return [int(row["messages"][0]["content"].split()[1]) for row in rows]


@pytest.mark.parametrize("fields", [{"percent": 5}, {"rows": 17, "sample": Sampling.RANDOM}, {}])
def test_the_same_rows_give_the_same_bytes_however_they_lie(
    tmp_path: Path, fields: Mapping[str, object]
) -> None:
    rows = chat_rows("train", 700)
    write_lines(tmp_path / "lines", rows)
    write_parquet(tmp_path / "one", rows, group=700)
    write_parquet(tmp_path / "three", rows, shards=3)
    write_parquet(tmp_path / "small", rows, group=7)
    prepared = [train_of(tmp_path / name, **fields) for name in ("lines", "one", "three", "small")]
    assert len({split.sha256 for split in prepared}) == 1
    assert len({split.path.read_bytes() for split in prepared}) == 1
    assert {split.source_rows for split in prepared} == {700}


def test_a_draw_hangs_on_the_seed_and_a_larger_one_holds_it(tmp_path: Path) -> None:
    write_parquet(tmp_path, chat_rows("train", 500), shards=2)
    small = numbers(train_of(tmp_path, percent=5, sample=Sampling.RANDOM))
    large = numbers(train_of(tmp_path, percent=10, sample=Sampling.RANDOM))
    other = numbers(train_of(tmp_path, percent=5, sample=Sampling.RANDOM, seed=43))
    assert (len(small), len(large), len(other)) == (25, 50, 25)
    assert set(small) < set(large)
    assert set(small) != set(other)
    assert small == sorted(small) != list(range(25))


def test_of_a_head_only_the_row_groups_that_it_reaches_are_read(tmp_path: Path) -> None:
    write_parquet(tmp_path, chat_rows("train", 400), group=100)
    path = tmp_path / "train-00000-of-00001.parquet"
    column = parquet.read_metadata(path).row_group(2).column(1)
    content = bytearray(path.read_bytes())
    content[column.data_page_offset : column.data_page_offset + 200] = bytes(200)
    path.write_bytes(content)
    assert numbers(train_of(tmp_path, percent=50)) == list(range(200))
    with pytest.raises(RecipeInvalid) as caught:
        train_of(tmp_path, percent=75)
    code = "unreadable-file" if content else "foreign-content"
    assert [entry.code for entry in caught.value.diagnostics] == [code]


def test_rows_of_other_files_are_named_by_their_own_number(tmp_path: Path) -> None:
    rows = chat_rows("train", 300)
    rows[211] = {**rows[211], "messages": []}
    write_parquet(tmp_path, rows, shards=3, group=30)
    with pytest.raises(RecipeInvalid) as caught:
        train_of(tmp_path)
    (found,) = caught.value.diagnostics
    assert (found.path, found.line) == (str(tmp_path / "train-00002-of-00003.parquet"), 12)
    assert (found.code, found.key) == ("messages-empty", "messages")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1 no parquet, but as long as one PAR1"])
def test_what_is_no_parquet_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "train-00000-of-00001.parquet").write_bytes(content)
    with pytest.raises(RecipeInvalid) as caught:
        train_of(tmp_path)
    code = "unreadable-file" if content else "foreign-content"
    assert [entry.code for entry in caught.value.diagnostics] == [code]


def test_a_column_that_is_not_there_is_said_once(tmp_path: Path) -> None:
    write_parquet(tmp_path, [{"prompt": "a"}, {"prompt": "b"}])
    with pytest.raises(RecipeInvalid) as caught:
        train_of(tmp_path)
    assert [(entry.line, entry.code) for entry in caught.value.diagnostics] == [(1, "no-such-column")]


def test_a_text_that_is_not_utf8_is_told_of_its_row_alone(tmp_path: Path) -> None:
    contents = pa.array([b"a", b"b", b"c\xff", b"d"]).cast(pa.string(), safe=False)
    messages = pa.StructArray.from_arrays(
        [pa.array(["user", "assistant"] * 2), contents], ["role", "content"]
    )
    table = pa.table({"messages": pa.ListArray.from_arrays(pa.array([0, 2, 4], pa.int32()), messages)})
    parquet.write_table(table, tmp_path / "train-00000-of-00001.parquet")
    with pytest.raises(RecipeInvalid) as caught:
        train_of(tmp_path)
    assert [(entry.line, entry.code) for entry in caught.value.diagnostics] == [(2, "row-not-utf8")]
