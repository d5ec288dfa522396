"""A data set's own columns become conversations, and what is wrong is told in the data set's own words."""

from collections.abc import Mapping

import pytest

from runner.dataset.checking import chat
from runner.dataset.reading.columns import absent, conversation, placed
from runner.dataset.reading.rows import Problem
from runner.recipe import Columns

MESSAGES = Columns(messages="messages")
SHARED = Columns(conversations="turns")
SHARED_SYSTEM = Columns(conversations="turns", system="sys")
PAIR = Columns(prompt="q", completion="a")
PAIR_SYSTEM = Columns(prompt="q", completion="a", system="sys")


def turn(role: str, content: object) -> dict[str, object]:
    return {"role": role, "content": content}


def said(speaker: object, value: object) -> dict[str, object]:
    return {"from": speaker, "value": value}


def told(row: Mapping[str, object], columns: Columns) -> list[tuple[str, str]]:
    """Give code and place of what is wrong with a row, as the pipeline finds it."""
    messages = conversation(row, columns)
    if isinstance(messages, Problem):
        return [(messages.code, messages.key)]
    found = [placed(problem, row, columns) for problem in chat.problems({"messages": messages})]
    return [(problem.code, problem.key) for problem in found]


TALK = [turn("user", "1"), turn("assistant", "2")]


@pytest.mark.parametrize(
    ("row", "columns", "messages"),
    [
        ({"messages": TALK, "id": 1}, MESSAGES, TALK),
        ({"chat": TALK, "messages": 7}, Columns(messages="chat"), TALK),
        ({"messages": '[{"role": "user", "content": "1"}]'}, MESSAGES, [turn("user", "1")]),
        ({"q": "1", "a": "2", "sys": "3"}, PAIR, TALK),
        ({"q": "1", "a": "2", "sys": "3"}, PAIR_SYSTEM, [turn("system", "3"), *TALK]),
        ({"q": "1", "a": "2", "sys": " "}, PAIR_SYSTEM, TALK),
        ({"q": "1", "a": "2", "sys": None}, PAIR_SYSTEM, TALK),
        ({"q": "1", "a": "2"}, PAIR_SYSTEM, TALK),
        ({"turns": [said("human", "1"), said("gpt", "2")]}, SHARED, TALK),
        ({"turns": [said("user", "1"), said("chatgpt", "2")]}, SHARED, TALK),
        ({"turns": [{**said("user", "1"), "weight": 1}, said("model", "2")], "sys": "3"}, SHARED, TALK),
        (
            {"turns": [said("system", "3"), said("human", "1")]},
            SHARED,
            [turn("system", "3"), turn("user", "1")],
        ),
        (
            {"turns": [said("human", "1")], "sys": "3"},
            SHARED_SYSTEM,
            [turn("system", "3"), turn("user", "1")],
        ),
        ({"turns": '[{"from": "assistant", "value": "2"}]'}, SHARED, [turn("assistant", "2")]),
    ],
)
def test_columns_become_messages(row: Mapping[str, object], columns: Columns, messages: object) -> None:
    assert conversation(row, columns) == messages


@pytest.mark.parametrize(
    ("row", "columns", "expected"),
    [
        ({}, MESSAGES, ("column-missing", "messages")),
        ({"q": "1"}, PAIR, ("column-missing", "a")),
        ({"a": "1"}, PAIR, ("column-missing", "q")),
        ({"turn": []}, SHARED, ("column-missing", "turns")),
        ({"q": "1", "a": None}, PAIR, ("content-not-text", "a")),
        ({"q": "", "a": "1"}, PAIR, ("content-empty", "q")),
        ({"q": "1", "a": "", "sys": "3"}, PAIR_SYSTEM, ("content-empty", "a")),
        ({"q": "1", "a": "1", "sys": 7}, PAIR_SYSTEM, ("content-not-text", "sys")),
        ({"q": "1", "a": "1", "sys": "\u200b"}, PAIR_SYSTEM, ("content-empty", "sys")),
        ({"chat": []}, Columns(messages="chat"), ("messages-empty", "chat")),
        ({"chat": [turn("bot", "1")]}, Columns(messages="chat"), ("unknown-role", "chat[0].role")),
        ({"messages": "[1,"}, MESSAGES, ("row-not-json", "messages")),
        ({"messages": "[NaN]"}, MESSAGES, ("row-not-finite", "messages")),
        ({"messages": [said("human", "1")]}, MESSAGES, ("wrong-form", "messages")),
        ({"turns": TALK}, SHARED, ("wrong-form", "turns")),
        ({"turns": None}, SHARED, ("messages-not-a-list", "turns")),
        ({"turns": ["1"]}, SHARED, ("message-not-object", "turns[0]")),
        ({"turns": [said("human", "1"), said("bot", "2")]}, SHARED, ("unknown-role", "turns[1].from")),
        ({"turns": [said(["human"], "1")]}, SHARED, ("unknown-role", "turns[0].from")),
        ({"turns": [{"value": "1"}]}, SHARED, ("unknown-role", "turns[0].from")),
        ({"turns": [said("human", "1"), {"from": "gpt"}]}, SHARED, ("content-not-text", "turns[1].value")),
        (
            {"turns": [said("human", "1"), said("gpt", "")], "sys": "3"},
            SHARED_SYSTEM,
            ("content-empty", "turns[1].value"),
        ),
        ({"turns": [said("human", "1")]}, SHARED, ("no-assistant-turn", "turns")),
        (
            {"turns": [said("human", "1"), {**said("gpt", "2"), "tool_calls": [1]}]},
            SHARED,
            ("tool-call", "turns[1].tool_calls"),
        ),
        (
            {"turns": [said("system", "1"), said("human", "1")], "sys": "3"},
            SHARED_SYSTEM,
            ("system-not-first", "turns[0].from"),
        ),
    ],
)
def test_what_is_wrong_is_told_where_it_stands(
    row: Mapping[str, object], columns: Columns, expected: tuple[str, str]
) -> None:
    assert told(row, columns) == [expected]


def test_a_row_that_is_no_object_has_no_columns() -> None:
    found = conversation([1], MESSAGES)
    assert isinstance(found, Problem)
    assert found.code == "row-not-object"


@pytest.mark.parametrize(
    ("there", "asked", "mend"),
    [
        (["conversations", "id"], ["messages"], "write columns: {conversations: conversations}"),
        (["message"], ["messages"], "write columns: {messages: message}"),
        (["Question", "Answer"], ["messages"], "write columns: {prompt: Question, completion: Answer}"),
        (
            ["prompt", "completion", "system"],
            ["messages"],
            "write columns: {prompt: prompt, completion: completion, system: system}",
        ),
        (["problem.text", "x"], ["messages"], "say in columns: which of them hold the conversations"),
        (["question", "answer"], ["questoin", "answer"], "did you mean question?"),
        (["messages", "id"], ["q", "a"], "write columns: {messages: messages}"),
        ([], ["messages"], ""),
    ],
)
def test_a_missing_column_proposes_what_was_likely_meant(
    there: list[str], asked: list[str], mend: str
) -> None:
    refused = absent("file", there, asked)
    assert refused is not None
    (found,) = refused.diagnostics
    assert (found.path, found.code, found.key, found.mend) == (
        "file",
        "no-such-column",
        "dataset.columns",
        mend,
    )
    assert found.message == f"the data set has no column {asked[0]!r}"


def test_columns_that_are_there_are_not_refused() -> None:
    assert absent("file", ["a", "messages"], ["messages"]) is None


def test_of_many_columns_some_are_named() -> None:
    refused = absent("file", [f"c{number}" for number in range(25)], ["messages"])
    assert refused is not None
    (found,) = refused.diagnostics
    assert found.expected.endswith("c18, c19 and 5 more")
