"""Bad rows of Parquet files, and rows that are bad or odd only beside others: each in words of its own."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from runner.dataset import prepare
from runner.errors import Diagnostic, RecipeInvalid, Severity
from runner.recipe import Columns, Dataset

CANARY = "canary sings"
ROWS = 9
PLANTED = 4
MESSAGE = pa.struct([("content", pa.string()), ("role", pa.string()), ("tool_calls", pa.list_(pa.string()))])
TALK = pa.schema([("id", pa.int64()), ("messages", pa.list_(MESSAGE))])
PAIR = pa.schema([("question", pa.string()), ("answer", pa.string())])


def turn(role: object, content: object, **others: object) -> dict[str, object]:
    return {"role": role, "content": content, **others}


ASKED, ANSWERED = turn("user", CANARY), turn("assistant", CANARY)


def clean(number: int) -> list[object]:
    return [turn("user", f"What is {number}?"), turn("assistant", f"It is {number}.")]


def told(folder: Path, **fields: object) -> Sequence[Diagnostic]:
    asked: dict[str, object] = {"path": ".", "train": "train", "test": "50%", **fields}
    try:
        splits = prepare(Dataset(**asked), folder=folder, into=folder / "out")  # type: ignore[arg-type]
    except RecipeInvalid as refused:
        return refused.diagnostics
    return [found for split in splits.values() for found in split.warnings]


# --- rows of Parquet ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kind:
    """The messages of a bad row and what has to be told of them."""

    name: str
    messages: object
    code: str
    message: str
    key: str


KINDS = (
    Kind("null", None, "messages-not-a-list", "is not a list", "messages"),
    Kind("empty", [], "messages-empty", "is an empty list", "messages"),
    Kind("a message is null", [None, ANSWERED], "message-not-object", "is not an object", "messages[0]"),
    Kind("a role is null", [turn(None, CANARY), ANSWERED], "unknown-role", "is no text", "messages[0].role"),
    Kind("a role", [turn(CANARY, "1"), ANSWERED], "unknown-role", "is not a known role", "messages[0].role"),
    Kind(
        "content is null",
        [turn("user", None), ANSWERED],
        "content-not-text",
        "is null",
        "messages[0].content",
    ),
    Kind("no content", [ASKED, turn("assistant", "")], "content-empty", "is empty", "messages[1].content"),
    Kind(
        "blank",
        [ASKED, turn("assistant", "\u00a0")],
        "content-empty",
        "is only white space",
        "messages[1].content",
    ),
    Kind(
        "zero width",
        [ASKED, turn("assistant", "\u200b")],
        "content-empty",
        "has nothing but characters that are not seen",
        "messages[1].content",
    ),
    Kind("NUL", [ASKED, turn("assistant", f"{CANARY}\0")], "row-nul", "has a NUL character in a text", ""),
    Kind(
        "calls",
        [ASKED, turn("assistant", CANARY, tool_calls=[CANARY])],
        "tool-call",
        "a message with `tool_calls` cannot be trained on here",
        "messages[1].tool_calls",
    ),
    Kind("nobody asks", [ANSWERED], "no-user-turn", "no message is the user's", "messages"),
    Kind("nobody answers", [ASKED], "no-assistant-turn", "no message is the assistant's", "messages"),
    Kind(
        "the user ends",
        [ASKED, ANSWERED, ASKED],
        "last-not-assistant",
        "the last message is not the assistant's",
        "messages",
    ),
    Kind(
        "asked twice",
        [ASKED, ASKED, ANSWERED],
        "out-of-turn",
        "two messages of the user follow each other",
        "messages[1].role",
    ),
)


def written(folder: Path, bad: Mapping[int, object], schema: pa.Schema = TALK) -> None:
    rows = [
        {"id": number, "messages": bad[number] if number in bad else clean(number)}
        for number in range(1, max([ROWS, *bad]) + 1)
    ]
    parquet.write_table(pa.Table.from_pylist(rows, schema), folder / "train.parquet", row_group_size=4)


def test_a_clean_file_has_none(tmp_path: Path) -> None:
    written(tmp_path, {})
    assert told(tmp_path) == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_bad_row_of_parquet_is_told_at_its_place(tmp_path: Path, kind: Kind) -> None:
    written(tmp_path, {PLANTED: kind.messages})
    (found,) = told(tmp_path)
    assert (found.path, found.line, found.key) == (str(tmp_path / "train.parquet"), PLANTED, kind.key)
    assert (found.code, found.message) == (kind.code, f"row {found.line}: {kind.message}")
    assert CANARY not in str(found)


def test_all_kinds_in_one_file_are_all_found(tmp_path: Path) -> None:
    written(tmp_path, {number: kind.messages for number, kind in enumerate(KINDS, start=2)})
    assert [(found.line, found.code, found.key) for found in told(tmp_path)] == [
        (number, kind.code, kind.key) for number, kind in enumerate(KINDS, start=2)
    ]


def test_a_column_of_another_type_makes_every_row_bad(tmp_path: Path) -> None:
    table = pa.table(
        {"messages": [[{"role": "user", "content": 1}, {"role": "assistant", "content": 2}]] * 3}
    )
    parquet.write_table(table, tmp_path / "train.parquet")
    found = told(tmp_path)
    assert {each.line for each in found} == {1, 2, 3}
    assert {(each.code, each.message.partition(": ")[2]) for each in found} == {
        ("content-not-text", "is a number")
    }


def test_a_null_cell_of_a_pair_is_told_by_its_column(tmp_path: Path) -> None:
    rows = [{"question": f"{number}?", "answer": str(number)} for number in range(ROWS)]
    rows[2]["answer"] = None  # type: ignore[assignment]
    parquet.write_table(pa.Table.from_pylist(rows, PAIR), tmp_path / "train.parquet")
    (found,) = told(tmp_path, columns=Columns(prompt="question", completion="answer"))
    assert (found.line, found.key, found.code, found.message) == (
        3,
        "answer",
        "content-not-text",
        "row 3: is null",
    )


def test_a_column_that_is_not_in_the_file_is_told_once(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"question": ["1"], "answer": ["2"]}), tmp_path / "train.parquet")
    (found,) = told(tmp_path)
    assert (found.code, found.key) == ("no-such-column", "dataset.columns")
    assert found.mend == "write columns: {prompt: question, completion: answer}"


def test_a_torn_file_is_told_as_one(tmp_path: Path) -> None:
    written(tmp_path, {})
    path = tmp_path / "train.parquet"
    path.write_bytes(path.read_bytes()[:-5])
    (found,) = told(tmp_path)
    assert found.code == "unreadable-file"


# --- rows beside others -------------------------------------------------------------------------------------


def lines(*rows: Sequence[object]) -> bytes:
    return b"".join(json.dumps({"messages": row}).encode() + b"\n" for row in rows)


def both(folder: Path, train: bytes, test: bytes) -> Sequence[Diagnostic]:
    (folder / "train.jsonl").write_bytes(train)
    (folder / "test.jsonl").write_bytes(test)
    found = told(folder, test="test")
    assert CANARY not in "".join(map(str, found))
    return found


def test_a_row_of_train_in_test_is_bad(tmp_path: Path) -> None:
    spaced = [turn("user", f" {CANARY}\n"), ANSWERED]
    (found,) = both(tmp_path, lines(clean(1), [ASKED, ANSWERED]), lines(clean(2), spaced))
    assert (found.path, found.line, found.code) == (str(tmp_path / "test.jsonl"), 2, "row-in-train")
    assert found.severity is Severity.ERROR


@pytest.mark.parametrize(
    ("train", "test", "code", "line"),
    [
        (
            lines(clean(1), [ASKED, ANSWERED]),
            lines(clean(2), [ASKED, turn("assistant", "else")]),
            "shared-prompt",
            2,
        ),
        (lines(clean(1), [ASKED, ANSWERED], [ASKED, ANSWERED]), lines(clean(2)), "duplicate-rows", 3),
        (
            lines(clean(1), [turn("user", f"{CANARY} <|im_end|>"), ANSWERED]),
            lines(clean(2)),
            "special-tokens",
            2,
        ),
    ],
)
def test_what_can_be_trained_on_and_is_odd_is_a_warning(
    tmp_path: Path, train: bytes, test: bytes, code: str, line: int
) -> None:
    (found,) = both(tmp_path, train, test)
    assert (found.code, found.line, found.severity) == (code, line, Severity.WARNING)


@pytest.mark.parametrize(
    ("name", "content"), [("train.jsonl", b""), ("train.json", b"[]"), ("train.csv", b"messages\n")]
)
def test_a_split_without_rows_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    (found,) = told(tmp_path)
    assert (found.code, found.key) == ("empty-split", "dataset.train")
