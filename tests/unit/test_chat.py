"""In which order people may speak, what of a text is seen, and how a row is told that breaks off."""

import pytest

from runner.dataset.checking import chat
from runner.dataset.reading.rows import read

SYSTEM, USER, ANSWER = ({"role": role, "content": "1"} for role in ("system", "user", "assistant"))


@pytest.mark.parametrize(
    ("turns", "key"),
    [
        ([USER, ANSWER, USER, ANSWER], None),
        ([SYSTEM, USER, ANSWER], None),
        ([SYSTEM, ANSWER, USER, ANSWER], "messages[1].role"),
        ([SYSTEM, USER, USER, ANSWER], "messages[2].role"),
        ([USER, ANSWER, ANSWER, ANSWER], "messages[2].role"),
    ],
)
def test_user_and_assistant_take_turns_after_the_system(turns: list[object], key: str | None) -> None:
    found = [(each.code, each.key) for each in chat.problems({"messages": turns})]
    assert found == ([("out-of-turn", key)] if key else [])


@pytest.mark.parametrize("text", ["a", "-", "\u200ba", "\U0001f600", "\u0301", "\ue000"])
def test_a_text_is_seen_by_one_character(text: str) -> None:
    assert chat.is_seen(text)


@pytest.mark.parametrize(
    "text", ["", " ", "\u00a0\u2003\u3000", "\u200b\u200d\u2060\ufeff\u00ad", "\x01\x7f", "\u2028"]
)
def test_spaces_controls_and_what_has_no_width_are_not_seen(text: str) -> None:
    assert not chat.is_seen(text)


@pytest.mark.parametrize("line", [b'{"a": 1', b'{"a": ', b'{"a": [1, ', b'{"a": "b', b'{"a"', b"["])
def test_a_row_that_breaks_off_is_told_as_one(line: bytes) -> None:
    problem = read(line).problem
    assert problem is not None
    assert problem.message == "is not JSON: it breaks off before its value is whole"
