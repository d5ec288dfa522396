"""Every kind of bad row and file, planted alone: found at its place, in its own words, none of the row's."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.dataset import prepare
from runner.dataset.checking import chat
from runner.dataset.reading import csv_rows, json_array, lines
from runner.dataset.reading.columns import conversation
from runner.dataset.reading.rows import read
from runner.errors import Diagnostic, RecipeInvalid
from runner.recipe import Columns, Dataset

CANARY = "canary sings"
ROWS = 9
PLANTED = 4


# --- clean rows ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Form:
    """A file's name and columns, how a clean row of it is written, and what stands before the rows."""

    file: str
    columns: Columns
    clean: Callable[[int], bytes]
    head: bytes = b""


def turn(role: object, content: object, **others: object) -> dict[str, object]:
    return {"role": role, "content": content, **others}


def said(speaker: object, value: object) -> dict[str, object]:
    return {"from": speaker, "value": value}


def messages(*turns: object) -> bytes:
    return json.dumps({"messages": turns}).encode()


def shared(*turns: object) -> bytes:
    return json.dumps({"talk": turns}).encode()


LINES = Form(
    "train.jsonl",
    Columns(messages="messages"),
    lambda number: messages(turn("user", f"What is {number}?"), turn("assistant", f"It is {number}.")),
)
SHAREGPT = Form(
    "train.jsonl",
    Columns(conversations="talk"),
    lambda number: shared(said("human", f"What is {number}?"), said("gpt", f"It is {number}.")),
)
CSV = Form(
    "train.csv",
    Columns(prompt="question", completion="answer"),
    lambda number: f"What is {number}?,It is {number}.".encode(),
    b"question,answer\n",
)

# --- kinds of rows ------------------------------------------------------------------------------------------

ASKED, ANSWERED = turn("user", CANARY), turn("assistant", CANARY)
AS_TEXT = json.dumps(CANARY)


@dataclass(frozen=True, slots=True)
class Kind:
    """A bad row and what has to be told of it."""

    name: str
    row: bytes
    code: str
    message: str
    key: str = ""
    form: Form = LINES


LINE_KINDS = (
    Kind("no JSON", CANARY.encode(), "row-not-json", "is not JSON at character 1"),
    Kind(
        "breaks off",
        messages(ASKED)[:-20],
        "row-not-json",
        "is not JSON: it breaks off before its value is whole",
    ),
    Kind(
        "goes on",
        b"{} " + AS_TEXT.encode(),
        "row-not-json",
        "is not JSON: it goes on after its value, at character 4",
    ),
    Kind("CSV", f"{CANARY},yes".encode(), "row-not-json", "is not JSON; it looks like a line of CSV"),
    Kind(
        "a Python object",
        f"{{'messages': '{CANARY}'}}".encode(),
        "row-not-json",
        "is not JSON: a name does not stand in double quotes, at character 2",
    ),
    Kind(
        "a tab in a text",
        f'{{"a":"\t{CANARY}"}}'.encode(),
        "row-not-json",
        "is not JSON: a text has a line end or a control character, at character 7",
    ),
    Kind(
        "an escape of nothing",
        f'{{"a":"\\q{CANARY}"}}'.encode(),
        "row-not-json",
        "is not JSON: a text has a backslash that escapes nothing, at character 7",
    ),
    Kind(
        "byte order mark",
        b"\xef\xbb\xbf" + messages(ASKED, ANSWERED),
        "row-byte-order-mark",
        "starts with a byte order mark",
    ),
    Kind("UTF-16", f'{{"a":"{CANARY}"}}'.encode("utf-16"), "row-not-utf8", "is in UTF-16"),
    Kind("Latin-1", f'{{"é":"{CANARY}"}}'.encode("latin-1"), "row-not-utf8", "is not UTF-8 at byte 3"),
    Kind("blank", b" \t", "row-blank", "is an empty line"),
    Kind(
        "carriage returns",
        messages(ASKED, ANSWERED) + b"\r" + messages(ASKED, ANSWERED),
        "row-carriage-return",
        "holds several rows, which carriage returns alone part",
    ),
    Kind(
        "a key twice",
        f'{{"a":1,"a":{AS_TEXT}}}'.encode(),
        "row-duplicate-key",
        "has a key twice in one object",
    ),
    Kind("NaN", f'{{"a":NaN,"b":{AS_TEXT}}}'.encode(), "row-not-finite", "has a number that is not finite"),
    Kind(
        "1e999",
        f'{{"a":1e999,"b":{AS_TEXT}}}'.encode(),
        "row-not-finite",
        "has a number that is larger than a float can be",
    ),
    Kind(
        "5,000 digits",
        f'{{"a":{"9" * 5000},"b":{AS_TEXT}}}'.encode(),
        "row-number-too-large",
        "has a whole number beyond 64 bits",
    ),
    Kind("deep", f'{{"a":{"[" * 100}{AS_TEXT}{"]" * 100}}}'.encode(), "row-too-deep", "nests deeper than 64"),
    Kind(
        "half a pair",
        f'{{"a":"\\ud800{CANARY}"}}'.encode(),
        "row-lone-surrogate",
        "has half a surrogate pair in a text",
    ),
    Kind("NUL", f'{{"a":"\\u0000{CANARY}"}}'.encode(), "row-nul", "has a NUL character in a text"),
    Kind("long", b"x" * (lines.MAX_ROW_BYTES + 1), "row-too-long", "is longer than 16 MiB"),
    Kind("no object", f"[{AS_TEXT}]".encode(), "row-not-object", "is not an object"),
    Kind("no messages", f'{{"text":{AS_TEXT}}}'.encode(), "column-missing", "is not there", "messages"),
    Kind("a text", f'{{"messages":{AS_TEXT}}}'.encode(), "messages-not-a-list", "is not a list", "messages"),
    Kind("an empty list", b'{"messages":[]}', "messages-empty", "is an empty list", "messages"),
    Kind("a text as message", messages(CANARY), "message-not-object", "is not an object", "messages[0]"),
    Kind(
        "JSON that is none in a text",
        json.dumps({"messages": f"[{CANARY}"}).encode(),
        "row-not-json",
        "is not JSON at character 2",
        "messages",
    ),
    Kind(
        "ShareGPT's turns",
        messages(said("human", CANARY), said("gpt", CANARY)),
        "wrong-form",
        "has turns with `from` and `value`",
        "messages",
    ),
    Kind(
        "no role", messages({"content": CANARY}, ANSWERED), "unknown-role", "is not there", "messages[0].role"
    ),
    Kind(
        "another role",
        messages(turn(CANARY, "1"), ANSWERED),
        "unknown-role",
        "is not a known role",
        "messages[0].role",
    ),
    Kind(
        "capitals",
        messages(turn("User", CANARY), ANSWERED),
        "unknown-role",
        "has capitals or spaces",
        "messages[0].role",
    ),
    Kind(
        "a role of no text",
        messages(turn(1, CANARY), ANSWERED),
        "unknown-role",
        "is no text",
        "messages[0].role",
    ),
    Kind(
        "a tool's answer",
        messages(ASKED, turn("tool", CANARY), ANSWERED),
        "tool-call",
        "what a tool answered cannot be trained on here",
        "messages[1].role",
    ),
    Kind(
        "calls of tools",
        messages(ASKED, turn("assistant", CANARY, tool_calls=[{}])),
        "tool-call",
        "a message with `tool_calls` cannot be trained on here",
        "messages[1].tool_calls",
    ),
    Kind(
        "a call of a function",
        messages(ASKED, turn("assistant", CANARY, function_call={})),
        "tool-call",
        "a message with `function_call` cannot be trained on here",
        "messages[1].function_call",
    ),
    Kind(
        "a late system",
        messages(ASKED, turn("system", CANARY), ANSWERED),
        "system-not-first",
        "only the first message may be the system's",
        "messages[1].role",
    ),
    Kind(
        "no content",
        messages({"role": "user"}, ANSWERED),
        "content-not-text",
        "is not there",
        "messages[0].content",
    ),
    Kind(
        "null", messages(turn("user", None), ANSWERED), "content-not-text", "is null", "messages[0].content"
    ),
    Kind(
        "parts",
        messages(turn("user", [CANARY]), ANSWERED),
        "content-not-text",
        "is a list",
        "messages[0].content",
    ),
    Kind(
        "a number",
        messages(turn("user", 7), ANSWERED),
        "content-not-text",
        "is a number",
        "messages[0].content",
    ),
    Kind(
        "an object",
        messages(turn("user", {"text": CANARY}), ANSWERED),
        "content-not-text",
        "is an object",
        "messages[0].content",
    ),
    Kind(
        "true",
        b'{"messages":[{"role":"user","content":true}]}',
        "content-not-text",
        "is true or false",
        "messages[0].content",
    ),
    Kind("empty", messages(ASKED, turn("assistant", "")), "content-empty", "is empty", "messages[1].content"),
    Kind(
        "white space",
        messages(ASKED, turn("assistant", " \n\u00a0\u3000")),
        "content-empty",
        "is only white space",
        "messages[1].content",
    ),
    Kind(
        "zero width",
        messages(ASKED, turn("assistant", "\u200b\u2060 \ufeff")),
        "content-empty",
        "has nothing but characters that are not seen",
        "messages[1].content",
    ),
    Kind("nobody asks", messages(ANSWERED), "no-user-turn", "no message is the user's", "messages"),
    Kind("nobody answers", messages(ASKED), "no-assistant-turn", "no message is the assistant's", "messages"),
    Kind(
        "the user ends",
        messages(ASKED, ANSWERED, ASKED),
        "last-not-assistant",
        "the last message is not the assistant's",
        "messages",
    ),
    Kind(
        "asked twice",
        messages(ASKED, ASKED, ANSWERED),
        "out-of-turn",
        "two messages of the user follow each other",
        "messages[1].role",
    ),
    Kind(
        "answered twice",
        messages(ASKED, ANSWERED, ANSWERED),
        "out-of-turn",
        "two messages of the assistant follow each other",
        "messages[2].role",
    ),
    Kind(
        "answered first",
        messages(ANSWERED, ASKED, ANSWERED),
        "out-of-turn",
        "the assistant speaks before the user does",
        "messages[0].role",
    ),
)
SHAREGPT_KINDS = (
    Kind(
        "another speaker",
        shared(said("human", CANARY), said("narrator", CANARY)),
        "unknown-role",
        "is no speaker that is known",
        "talk[1].from",
        SHAREGPT,
    ),
    Kind("no speaker", shared({"value": CANARY}), "unknown-role", "is not there", "talk[0].from", SHAREGPT),
    Kind(
        "roles for speakers",
        shared(ASKED, ANSWERED),
        "wrong-form",
        "has messages with `role` and `content`",
        "talk",
        SHAREGPT,
    ),
    Kind(
        "nothing said",
        shared(said("human", CANARY), said("gpt", None)),
        "content-not-text",
        "is null",
        "talk[1].value",
        SHAREGPT,
    ),
    Kind("no talk", f'{{"text":{AS_TEXT}}}'.encode(), "column-missing", "is not there", "talk", SHAREGPT),
)
CSV_KINDS = (
    Kind("a cell less", CANARY.encode(), "row-ragged", "has 1 cells, and the header has 2", form=CSV),
    Kind(
        "a cell more", f"{CANARY},2,3".encode(), "row-ragged", "has 3 cells, and the header has 2", form=CSV
    ),
    Kind(
        "more after a quote",
        f'"1"{CANARY},2'.encode(),
        "row-not-csv",
        "has something after a closing quote",
        form=CSV,
    ),
    Kind(
        "a bare carriage return",
        f"1\r{CANARY},2".encode(),
        "row-not-csv",
        "has a carriage return outside quotes",
        form=CSV,
    ),
    Kind(
        "Latin-1 in a cell",
        f"é,{CANARY}".encode("latin-1"),
        "row-not-utf8",
        "has a cell that is not UTF-8",
        form=CSV,
    ),
    Kind("no prompt", f",{CANARY}".encode(), "content-empty", "is empty", "question", CSV),
    Kind("no completion", f"{CANARY},".encode(), "content-empty", "is empty", "answer", CSV),
    Kind("a blank answer", f"{CANARY},  ".encode(), "content-empty", "is only white space", "answer", CSV),
)
KINDS = (*LINE_KINDS, *SHAREGPT_KINDS, *CSV_KINDS)


def planted(folder: Path, form: Form, bad: Mapping[int, bytes]) -> None:
    """Write a clean file but for these rows, by their numbers from 1."""
    last = max([ROWS, *bad])
    rows = [bad[number] if number in bad else form.clean(number) for number in range(1, last + 1)]
    (folder / form.file).write_bytes(form.head + b"\n".join(rows) + b"\n")


def told(folder: Path, columns: Columns) -> Sequence[Diagnostic]:
    """Give what is told of a split by the door, for which a half of it is carved out as the test rows."""
    dataset = Dataset(path=".", train="train", test="50%", columns=columns)
    try:
        splits = prepare(dataset, folder=folder, into=folder / "out")
    except RecipeInvalid as refused:
        assert not [path for path in (folder / "out").glob("*") if path.is_file()]
        return refused.diagnostics
    return [found for split in splits.values() for found in split.warnings]


def bare(found: Diagnostic) -> str:
    """Give the message without the row's number, which it has to begin with where there are no lines."""
    number = "" if found.path.endswith(".jsonl") else f"row {found.line}: "
    assert found.message.startswith(number)
    return found.message.removeprefix(number)


# --- each kind of row ---------------------------------------------------------------------------------------


def test_there_are_more_than_forty_kinds_and_each_has_words_of_its_own() -> None:
    words = [(re.sub(r"\[\d\]", "", kind.key), kind.message) for kind in KINDS]
    assert len(KINDS) > 60
    assert len(set(words)) == len(KINDS)
    assert len({(kind.form.file, kind.name) for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("form", [LINES, SHAREGPT, CSV], ids=["lines", "sharegpt", "csv"])
def test_a_clean_file_has_none(tmp_path: Path, form: Form) -> None:
    planted(tmp_path, form, {})
    assert told(tmp_path, form.columns) == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_bad_row_is_told_at_its_place_in_its_own_words(tmp_path: Path, kind: Kind) -> None:
    planted(tmp_path, kind.form, {PLANTED: kind.row})
    (found,) = told(tmp_path, kind.form.columns)
    assert (found.path, found.line, found.key) == (str(tmp_path / kind.form.file), PLANTED, kind.key)
    assert (found.code, bare(found)) == (kind.code, kind.message)
    assert CANARY not in str(found)


@pytest.mark.parametrize("kinds", [LINE_KINDS, SHAREGPT_KINDS, CSV_KINDS], ids=["lines", "sharegpt", "csv"])
def test_all_kinds_in_one_file_are_all_found(
    tmp_path: Path, kinds: Sequence[Kind], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.dataset.sifting.dropped.MAX_LISTED", len(KINDS))
    rows = {number: kind.row for number, kind in enumerate(kinds, start=2)}
    planted(tmp_path, kinds[0].form, rows)
    found = [(each.line, each.code, each.key, bare(each)) for each in told(tmp_path, kinds[0].form.columns)]
    assert found == [
        (number, kind.code, kind.key, kind.message) for number, kind in enumerate(kinds, start=2)
    ]


def test_a_row_of_an_array_is_judged_as_one_of_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them but those that break the array, being no value, and the empty one."""
    monkeypatch.setattr("runner.dataset.sifting.dropped.MAX_LISTED", len(KINDS))
    kinds = [kind for kind in LINE_KINDS if kind.code not in FILE_LEVEL and kind.name not in NO_VALUES]
    rows = [LINES.clean(1), *(kind.row for kind in kinds)]
    (tmp_path / "train.json").write_bytes(b"[" + b",\n".join(rows) + b"]")
    found = [(each.line, each.code, each.key, bare(each)) for each in told(tmp_path, LINES.columns)]
    assert len(kinds) > 30
    assert found == [
        (number, kind.code, kind.key, kind.message) for number, kind in enumerate(kinds, start=2)
    ]


NO_VALUES = {"blank", "long", "UTF-16"}
FILE_LEVEL = {"row-byte-order-mark", "row-carriage-return", "row-not-json"}


# --- each kind of file --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BadFile:
    """Files that as a whole are none, and what has to be told of them."""

    name: str
    content: Mapping[str, bytes]
    code: str
    message: str
    key: str = "dataset.train"


TEXT = CANARY.encode()
FILES = (
    BadFile("nothing", {"test.jsonl": TEXT}, "no-such-split", "the split 'train' is not there"),
    BadFile(
        "two of them",
        {"train.jsonl": TEXT, "train.csv": TEXT},
        "two-files",
        "the split is there twice: train.csv and train.jsonl",
    ),
    BadFile(
        "a shard less",
        {"train-00001-of-00002.jsonl": TEXT},
        "missing-shard",
        "there is 1 shard of the split",
    ),
    BadFile("gzip", {"train.jsonl": b"\x1f\x8b" + TEXT}, "foreign-content", "the file is compressed by gzip"),
    BadFile(
        "a pickle",
        {"train.json": b"\x80\x04" + TEXT},
        "foreign-content",
        "the file is a pickle, which can run code when it is read",
    ),
    BadFile(
        "a workbook",
        {"train.csv": b"PK\x03\x04" + TEXT},
        "foreign-content",
        "the file is a ZIP archive, or an Excel workbook",
    ),
    BadFile(
        "UTF-16", {"train.jsonl": CANARY.encode("utf-16")}, "foreign-content", "the file is text in UTF-16"
    ),
    BadFile(
        "Git LFS",
        {"train.jsonl": b"version https://git-lfs.github.com/spec/v1\n" + TEXT},
        "foreign-content",
        "the file is a pointer of Git LFS, and not the file itself",
    ),
    BadFile(
        "Parquet by another name",
        {"train.csv": b"PAR1" + TEXT},
        "foreign-content",
        "the file is a Parquet file",
    ),
    BadFile("no Parquet", {"train.parquet": TEXT}, "foreign-content", "the file is no Parquet file"),
    BadFile(
        "a broken array",
        {"train.json": b"[{},\n" + TEXT},
        "json-broken",
        "the array is not JSON, at byte 1 of line 2",
        "dataset.path",
    ),
    BadFile(
        "an array that breaks off",
        {"train.json": f'[{{"a":{AS_TEXT}}}'.encode()},
        "json-broken",
        "the array breaks off, or a comma is missing, at byte 22 of line 1",
        "dataset.path",
    ),
    BadFile(
        "more after an array",
        {"train.json": b"[{}] " + TEXT},
        "json-broken",
        "the file goes on after its array, at byte 6 of line 1",
        "dataset.path",
    ),
    BadFile(
        "an array with a mark",
        {"train.json": b"\xef\xbb\xbf[]" + TEXT},
        "file-byte-order-mark",
        "the file starts with a byte order mark",
        "dataset.path",
    ),
    BadFile(
        "an array of another name",
        {"train.jsonl": f'[{{"a":\n{AS_TEXT}}}]\n'.encode()},
        "json-array",
        "this is a JSON array",
        "dataset.path",
    ),
    BadFile(
        "rows in an object",
        {"train.json": f'{{"data": [{{"a": {AS_TEXT}}}]}}'.encode()},
        "json-object",
        "the file is one object",
        "dataset.path",
    ),
    BadFile("no header", {"train.csv": b"\n" + TEXT}, "csv-header", "the file has no header", "dataset.path"),
    BadFile(
        "a column twice",
        {"train.csv": b"a,a\n" + TEXT},
        "csv-header",
        "the header has a name twice",
        "dataset.path",
    ),
    BadFile(
        "semicolons",
        {"train.csv": b"prompt;completion\n" + TEXT},
        "csv-header",
        "the columns are parted by semicolons",
        "dataset.path",
    ),
    BadFile(
        "other columns",
        {"train.csv": b"question,answer\n" + TEXT},
        "no-such-column",
        "the data set has no column 'messages'",
        "dataset.columns",
    ),
)


def test_no_two_kinds_of_files_share_a_message() -> None:
    assert len({kind.message for kind in FILES}) == len(FILES) > 15


@pytest.mark.parametrize("kind", FILES, ids=lambda kind: kind.name)
def test_a_bad_file_is_refused_as_a_whole_and_once(tmp_path: Path, kind: BadFile) -> None:
    for name, content in kind.content.items():
        (tmp_path / name).write_bytes(content)
    (found,) = told(tmp_path, LINES.columns)
    assert (found.code, found.key, found.message) == (kind.code, kind.key, kind.message)
    assert found.path.startswith(str(tmp_path))
    assert CANARY not in str(found)


# --- whatever else ------------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [b'{"messages":', b"[", b"]", b"{", b"}", b'"', b",", b"\n", b"\r", b"\\u", b"d800", b"1e9"]
)
CONTENT = st.lists(st.binary(max_size=8) | PIECES, max_size=30).map(b"".join)


@settings(deadline=None, max_examples=100)
@given(CONTENT)
def test_no_line_raises_anything(content: bytes) -> None:
    row = read(content)
    assert row.problem is None or CANARY not in row.problem.message
    if row.problem is None:
        chat.problems(row.value)
        conversation(row.value, Columns(conversations="messages"))


@settings(deadline=None, max_examples=60)
@given(CONTENT)
def test_no_file_raises_anything_but_a_refusal_and_gives_as_many_rows_as_it_counts(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(content)
    for kind in (lines, json_array, csv_rows):
        with suppress(RecipeInvalid) if kind is not lines else nullcontext():
            total = kind.count(path)
            assert len(list(kind.rows(path, range(total)))) == total
