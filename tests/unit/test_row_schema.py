"""The schema of a row and the arbiter of rows say the same, but for what no schema can say."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from runner import catalog
from runner.cli import main
from runner.dataset.checking import chat
from runner.schema_files import read_schema

NAME = "rows/chat_completion.schema.json"
VALIDATOR = Draft202012Validator(read_schema(NAME))
# Only the arbiter tells of these: a schema knows no order but the first place, and no kinds of characters.
ONLY_THE_ARBITERS = {"last-not-assistant", "out-of-turn", "content-empty"}


def turn(role: object, content: object, **others: object) -> dict[str, object]:
    return {"role": role, "content": content, **others}


USER, ANSWER, SYSTEM = turn("user", "1"), turn("assistant", "2"), turn("system", "3")
SOUND: tuple[list[dict[str, object]], ...] = (
    [USER, ANSWER],
    [SYSTEM, USER, ANSWER],
    [USER, ANSWER, USER, ANSWER],
    [turn("user", "\u00e9", name="x", tool_calls=None), turn("assistant", "\U0001f600", function_call=None)],
)
# Every mistake that both tell, by the arbiter's code.
REFUSED: Mapping[str, object] = {
    "row-not-object": [1],
    "messages-missing": {"text": "1"},
    "messages-not-a-list": {"messages": "1"},
    "messages-empty": {"messages": []},
    "message-not-object": {"messages": ["1", ANSWER]},
    "unknown-role": {"messages": [USER, turn("bot", "1"), ANSWER]},
    "tool-call": {"messages": [USER, turn("assistant", "1", tool_calls=[{}])]},
    "system-not-first": {"messages": [USER, SYSTEM, ANSWER]},
    "content-not-text": {"messages": [turn("user", None), ANSWER]},
    "content-empty": {"messages": [USER, turn("assistant", " \u00a0\u3000\n")]},
    "no-user-turn": {"messages": [SYSTEM, ANSWER]},
    "no-assistant-turn": {"messages": [SYSTEM, USER]},
    "out-of-turn": {"messages": [ANSWER, USER, ANSWER]},
}
PARTS: st.SearchStrategy[object] = st.sampled_from(
    [
        *(USER, ANSWER, SYSTEM, turn("tool", "1"), turn("User", "1"), turn(None, "1"), turn("user", "")),
        *(
            turn("assistant", " \t"),
            turn("user", "\u200b"),
            turn("user", 7),
            {"role": "user"},
            {"content": "1"},
        ),
        *(
            {},
            [],
            None,
            "1",
            7,
            turn("assistant", "1", tool_calls=[]),
            turn("assistant", "1", function_call={}),
        ),
    ]
)
ROWS = st.lists(PARTS, max_size=4).map(lambda turns: {"messages": turns, "id": 1}) | PARTS


def codes(row: object) -> set[str]:
    return {problem.code for problem in chat.problems(row)}


@pytest.mark.parametrize("turns", SOUND)
def test_a_sound_row_is_sound_to_both(turns: object) -> None:
    assert VALIDATOR.is_valid({"messages": turns, "prompt": 1})
    assert codes({"messages": turns, "prompt": 1}) == set()


@pytest.mark.parametrize("code", REFUSED)
def test_a_mistake_is_one_to_both(code: str) -> None:
    assert codes(REFUSED[code]) == {code}
    assert not VALIDATOR.is_valid(REFUSED[code])


@settings(deadline=None, max_examples=200)
@given(ROWS)
def test_what_the_schema_refuses_the_arbiter_refuses_and_alone_it_tells_only_what_is_listed(
    row: object,
) -> None:
    found = codes(row)
    if VALIDATOR.is_valid(row):
        assert found <= ONLY_THE_ARBITERS
    else:
        assert found


def test_each_mistake_that_only_the_arbiter_tells_is_one() -> None:
    alone = ([USER, ANSWER, USER], [USER, USER, ANSWER], [USER, turn("assistant", "\u200b")])
    rows = [{"messages": turns} for turns in alone]
    assert all(map(VALIDATOR.is_valid, rows))
    assert set().union(*map(codes, rows)) == ONLY_THE_ARBITERS


def _walk(schema: Any) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401 - JSON may be anything
    if isinstance(schema, dict):
        yield schema
        for key, inner in schema.items():
            if key not in {"examples", "enum"}:
                yield from _walk(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from _walk(inner)


def test_there_is_a_schema_for_every_task() -> None:
    for task in catalog.tasks():
        schema = read_schema(f"rows/{task}.schema.json")
        Draft202012Validator.check_schema(schema)
        assert all(VALIDATOR.is_valid(example) for example in schema["examples"])


def test_every_key_says_what_it_is_for() -> None:
    schema = read_schema(NAME)
    parts = {**schema["$defs"], **schema["properties"], "": schema}
    assert [name for name, part in parts.items() if len(part["description"]) < 15] == []
    enums = [each for each in _walk(schema) if "enum" in each]
    assert len(enums) == 2
    assert all(len(each["enum"]) == len(each["enumDescriptions"]) for each in enums)


@pytest.mark.parametrize("words", [["--rows"], ["--rows", "chat_completion"]])
def test_the_schema_of_a_row_is_printed_for_who_asks(
    capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert main(["schema", *words]) == 0
    assert json.loads(capsys.readouterr().out) == read_schema(NAME)


def test_rows_of_another_task_or_of_two_things_at_once_are_a_mistake_of_usage() -> None:
    for words in (["--rows", "dancing"], ["--rows", "--lock"]):
        with pytest.raises(SystemExit) as caught:
            main(["schema", *words])
        assert caught.value.code == 2
