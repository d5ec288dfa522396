"""What tells two prompts and two rows apart, and in which order people may speak."""

import pytest

from runner.dataset import chat
from runner.dataset.rows import read

SYSTEM, USER, ANSWER = ({"role": role, "content": "1"} for role in ("system", "user", "assistant"))


def row(*contents: str, system: bool = False) -> dict[str, object]:
    roles = ["system"] if system else []
    roles += ["user", "assistant"] * len(contents)
    return {
        "messages": [{"role": role, "content": text} for role, text in zip(roles, contents, strict=False)]
    }


def test_white_space_and_the_form_of_accents_tell_no_prompts_apart() -> None:
    same = ("What is 1?", " What\tis\u00a0 1? \n", "What\x1cis 1?", "Whatis1?")
    assert len({chat.prompt_digest(row(text, "2")) for text in same}) == 1
    assert chat.prompt_digest(row("Caf\u00e9\v?", "2")) == chat.prompt_digest(row("Cafe\u0301 ?", "2"))
    assert chat.prompt_digest(row("What is 1?", "2")) != chat.prompt_digest(row("what is 1?", "2"))


def test_a_prompt_is_all_up_to_the_users_first_message() -> None:
    prompts = [
        row("s", "1", "2", system=True),
        row("s", "3", "2", system=True),
        row("t", "1", "2", system=True),
    ]
    assert len({chat.prompt_digest(each) for each in (*prompts, row("1", "2"), row("s1", "2"))}) == 5
    assert chat.prompt_digest(row("1", "2")) == chat.prompt_digest(row("1", "3", "4", "5"))


def test_a_row_is_its_prompt_and_its_last_answer() -> None:
    assert chat.row_digest(row("1", "2")) == chat.row_digest(row("1 ", "2\n"))
    assert chat.row_digest(row("1", "2")) == chat.row_digest(row("1", "3", "4", "2"))
    assert len({chat.row_digest(each) for each in (row("1", "2"), row("1", "3"), row("2", "2"))}) == 3


def test_a_digest_is_a_whole_number_of_eight_bytes() -> None:
    digests = [
        digest(row(str(number), "2"))
        for number in range(50)
        for digest in (chat.prompt_digest, chat.row_digest)
    ]
    assert len(set(digests)) == 100
    assert 2**56 < max(digests) < 2**64


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
