"""Whole columns at a glance: nothing passes there that the arbiter would refuse, and what is usual does."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.dataset.checking import chat
from runner.dataset.checking.accept import accepted

Message = dict[str, object] | None
TEXTS = [
    "a",
    "",
    " ",
    "\n\t",
    "\u200b",
    "\x00",
    "a\x00",
    "\u2028",
    "e\u0301",
    "\U0001f600",
    "日本",
    "\xad.",
    None,
]
ROLES = ["user", "assistant", "system", "tool", "", None]
MESSAGES: list[Message] = [None]
MESSAGES += [{"role": role, "content": text} for role in ROLES for text in TEXTS]
SOUND: list[Message] = [{"role": role, "content": "words"} for role in ("system", "user", "assistant")]
USUAL = [{"role": "user", "content": "How?"}, {"role": "assistant", "content": "So."}]
TURNS = [{"role": st.just(role), "content": st.sampled_from(TEXTS)} for role in ("user", "assistant")]
ROW = st.one_of(
    st.tuples(*map(st.fixed_dictionaries, TURNS)).map(list),
    st.lists(st.sampled_from(MESSAGES + SOUND * 20), max_size=4),
    st.none(),
)
FIELDS = [("role", pa.string()), ("content", pa.string())]
CALL = [*FIELDS, ("tool_calls", pa.list_(pa.string()))]
KINDS = {
    "plain": pa.list_(pa.struct(FIELDS)),
    "turned": pa.list_(pa.struct(FIELDS[::-1])),
    "large": pa.large_list(pa.struct([(name, pa.large_string()) for name, _ in FIELDS])),
    "dictionary": pa.list_(
        pa.struct([("role", pa.dictionary(pa.int32(), pa.string())), ("content", pa.string())])
    ),
    "more keys": pa.list_(pa.struct([*FIELDS, ("id", pa.int64())])),
    "calls": pa.list_(pa.struct(CALL)),
}


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(ROW, max_size=6), kind=st.sampled_from(sorted(KINDS)), cut=st.integers(0, 3))
def test_nothing_is_accepted_that_the_arbiter_refuses(
    rows: list[list[Message] | None], kind: str, cut: int
) -> None:
    column = pa.array(rows, type=KINDS[kind]).slice(cut)
    found = accepted(column)
    if found is None:
        return
    for row, conversation in zip(rows[cut:], found, strict=True):
        if conversation is not None:
            assert chat.problems({"messages": row}) == ()
            assert [
                dict(zip(("role", "content"), pair, strict=True)) for pair in zip(*conversation, strict=True)
            ] == row
            assert not any("\x00" in content for content in conversation.contents)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_usual_rows_are_accepted_in_every_form(kind: str) -> None:
    bad = [{"role": "assistant", "content": "first"}]
    column = pa.array([USUAL, USUAL, bad, USUAL], type=KINDS[kind]).slice(1)
    found = accepted(column)
    assert found is not None
    assert [row and row.contents for row in found] == [["How?", "So."], None, ["How?", "So."]]


def test_texts_that_nobody_sees_and_nul_are_left_to_the_arbiter() -> None:
    rows = [[{"role": "user", "content": text}, USUAL[1]] for text in TEXTS]
    found = accepted(pa.array(rows, type=KINDS["plain"]))
    assert found is not None
    assert [row.contents[0] for row in found if row] == ["a", "e\u0301", "日本"]


@pytest.mark.parametrize(
    "column",
    [
        None,
        pa.array(["text"]),
        pa.array([["text"]]),
        pa.array([[{"role": "user"}]]),
        pa.array([[{"role": "user", "content": 1}]]).cast(
            pa.list_(pa.struct([("role", pa.string()), ("content", pa.int64())]))
        ),
        pa.array([[{"role": ["user"], "content": "How?"}, {"role": ["assistant"], "content": "So."}]]),
        pa.array([USUAL, None], type=KINDS["plain"]),
        pa.array([[*USUAL, None]], type=KINDS["plain"]),
        pa.array([[{**USUAL[0], "tool_calls": ["call"]}, USUAL[1]]], type=KINDS["calls"]),
    ],
)
def test_other_forms_are_left_to_the_arbiter(column: pa.Array | None) -> None:
    found = accepted(column)
    assert found is None or list(found) == [None]


def test_a_message_that_is_not_there_is_none_whatever_lies_beneath() -> None:
    fields = [pa.array(["user", "assistant"]), pa.array(["How?", "So."])]
    flat = pa.StructArray.from_arrays(fields, ["role", "content"], mask=pa.array([True, False]))
    column = pa.ListArray.from_arrays(pa.array([0, 2], pa.int32()), flat)
    assert column.to_pylist() == [[None, USUAL[1]]]
    assert accepted(column) is None


def test_text_that_is_not_utf8_is_left_to_the_arbiter() -> None:
    content = pa.StringArray.from_buffers(1, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"a\xff"))
    message = pa.StructArray.from_arrays([pa.array(["user"]), content], ["role", "content"])
    assert accepted(pa.ListArray.from_arrays(pa.array([0, 1], pa.int32()), message)) is None
