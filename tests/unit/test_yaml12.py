"""YAML 1.2 core: what values mean, where they stand, and what is refused without a traceback."""

import contextlib
import math
import os
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.yaml12 import Position, Unreadable, decode, parse, read_bytes


@pytest.fixture(params=["CLoader", "Loader"], autouse=True)
def _both_parsers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run every test over libyaml and over the parser in Python."""
    monkeypatch.setattr("runner.yaml12.events._PARSER", getattr(yaml, request.param))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5e-6", 5e-6),
        ("2e-5", 2e-5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("1.10", 1.1),
        ("010", 10),
        ("0123456", 123456),
        ("0o17", 15),
        ("0x1F", 31),
        ("-9223372036854775808", -(2**63)),
        ("+7", 7),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2024-01-01", "2024-01-01"),
        ("2024-13-45", "2024-13-45"),
        ("0b11", "0b11"),
        ("no", "no"),
        ("on", "on"),
        ("Off", "Off"),
        ("y", "y"),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("'5e-6'", "5e-6"),
        ('"true"', "true"),
        ("=", "="),
        ("1 2", "1 2"),
        ("५", "५"),
    ],
)
def test_a_scalar_means_what_yaml_1_2_says(text: str, value: object) -> None:
    document = parse(f"key: {text}\n")
    assert document.problems == ()
    assert document.value == {"key": value}
    assert document.value is not None
    assert type(document.value["key"]) is type(value)


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("a: .nan", "not-a-number", (1, 4)),
        ("a: -.inf", "not-a-number", (1, 4)),
        ("a: 1e999", "number-range", (1, 4)),
        ("a: 1e-999", "number-range", (1, 4)),
        ("a: 9223372036854775808", "number-range", (1, 4)),
        ("a: " + "1" * 5000, "number-range", (1, 4)),
        ("a: 0x" + "f" * 100_000, "number-range", (1, 4)),
        ("a: 1\nb: 2\na: 3", "duplicate-key", (3, 1)),
        ("1: x", "key-not-text", (1, 1)),
        ("null: x", "key-not-text", (1, 1)),
        ("1.5: x", "key-not-text", (1, 1)),
        ("true: x", "key-not-text", (1, 1)),
        ("? [a]\n: x", "key-not-text", (1, 3)),
        ("<<: {a: 1}", "merge-key", (1, 1)),
        ("a: !!int abc", "tag", (1, 4)),
        ("a: !!float ''", "tag", (1, 4)),
        ("a: !!bool maybe", "tag", (1, 4)),
        ("a: !!python/object:os.system x", "tag", (1, 4)),
        ("a: !!set {x, y}", "tag", (1, 4)),
        ("a: !mine x", "tag", (1, 4)),
        ("%YAML 1.1\n---\na: 1", "yaml-version", (1, 1)),
        ("a: &x [*x]", "alias-cycle", (1, 8)),
        ("a: &x {b: {c: *x}}", "alias-cycle", (1, 15)),
        ("a: &x 1\nb: [" + "*x, " * 101 + "]", "too-many-aliases", (2, 405)),
        ("a: " + "[" * 1000, "too-deep", (1, 67)),
        ("- " * 3000, "too-deep", (1, 129)),
        ("a: [" + "1," * 20_000 + "]", "too-many-values", (1, 19999)),
        ("", "not-a-mapping", (1, 1)),
        ("# nothing", "not-a-mapping", (1, 1)),
        ("just text", "not-a-mapping", (1, 1)),
        ("\n- a\n- b", "not-a-mapping", (2, 1)),
        ("a: 1\n---\nb: 2", "second-document", (2, 1)),
        ("a:\n\tb: 1", "yaml-syntax", (2, 1)),
        ("a: 1\nb: 'open", "yaml-syntax", (2, 4)),
        ("a: [1,\nb: 2\n", "yaml-syntax", (1, 4)),
        ("a: 1\nb\nc: 2", "yaml-syntax", (2, 1)),
        ("a: b: c", "yaml-syntax", (1, 5)),
        ("a: @x", "yaml-syntax", (1, 4)),
        ("a: x\n  b: 1", "yaml-syntax", (2, 3)),
        ("a: x\r  b: 1", "yaml-syntax", (2, 3)),
        ("m:\n  a:1\n  b: 2", "yaml-syntax", (2, 3)),
        ("m:\n  a 1\n  # a remark\n  b: 2", "yaml-syntax", (2, 3)),
        ("a:1 # a remark\nb: 2", "yaml-syntax", (1, 1)),
        ("a: 'x\nb: 1\nc: 'y'\nd: 2", "yaml-syntax", (1, 4)),
        ("a: 'it's'\nb: 1", "yaml-syntax", (1, 4)),
        ("a: {b: 1 c: 2}", "yaml-syntax", (1, 11)),
        ("a: {b: 1, # }\n c: 2\nd: 1", "yaml-syntax", (1, 4)),
        ('a: "x\\q"', "yaml-syntax", (1, 6)),
        ("a:\u00a0x\nb: 1", "hidden-character", (1, 3)),
        ("m:\n  a: 1\n \u00a0b: 2", "hidden-character", (3, 2)),
        ("a: “x”", "typographic-quote", (1, 4)),
        ("a: x\u00a0y", "hidden-character", (1, 5)),
        ("a: ab\u202ec", "hidden-character", (1, 6)),
        ("# \u2066comment\na: 1", "hidden-character", (1, 3)),
        ('a: "\\u202e"', "hidden-character", (1, 4)),
        ('a: "\\0"', "hidden-character", (1, 4)),
        ('a: "\\e[31m"', "hidden-character", (1, 4)),
        ("a: \x07", "hidden-character", (1, 4)),
        ("a: 1\ufeff", "hidden-character", (1, 5)),
        ("a: 1\n<<<<<<< HEAD\nb: 2\n=======\nb: 3\n>>>>>>> other\n", "merge-conflict", (2, 1)),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_what_is_refused_is_named_at_its_place(text: str, code: str, place: tuple[int, int]) -> None:
    problem = parse(text).problems[0]
    assert problem.code == code
    assert problem.position == Position(*place)


def test_a_lone_surrogate_is_refused() -> None:
    problems = parse('a: "\\ud800"').problems
    assert len(problems) == 1
    assert problems[0].code in {"yaml-syntax", "hidden-character"}


def test_a_repeated_key_names_both_lines() -> None:
    (problem,) = parse("a: 1\nb: 2\na: 3").problems
    assert "line 1" in problem.message
    assert "line 3" in problem.message


def test_problems_of_several_kinds_are_told_at_once_and_the_rest_is_read() -> None:
    document = parse("a: .nan\nb: 1\nb: 2\nc: !x 3\nd: \u202e\n1: 4\ne: 5\n")
    found = {problem.code for problem in document.problems}
    assert found == {"not-a-number", "duplicate-key", "tag", "hidden-character", "key-not-text"}
    assert document.value is not None
    assert document.value["e"] == 5
    assert document.spoiled >= {("a",), ("c",), ("d",)}


def test_what_stands_before_a_syntax_error_is_kept() -> None:
    document = parse("a: 1\nb: {c: 2}\nd: @x\n")
    assert document.value == {"a": 1, "b": {"c": 2}, "d": None}
    assert not document.complete


def test_a_text_that_took_in_the_lines_below_it_is_not_what_was_meant() -> None:
    assert parse("a: x\n  b: 1").spoiled == {("a",)}
    assert ("m", "a") in parse("m: {a: 1 b: 2}").spoiled
    assert ("a",) in parse("a: 'x\nb: 1\nc: 'y'\n").spoiled


def test_nothing_is_concluded_from_a_file_of_two_documents() -> None:
    assert not parse("a: 1\n---\nb: 2").complete


def test_every_value_and_key_keeps_its_place() -> None:
    document = parse("a:\n  b: 1\n  c: [x, {d: 2}]\n")
    assert document.places["a", "c", 1, "d"] == Position(3, 14)
    assert document.key_places["a", "c"] == Position(3, 3)


def test_an_alias_stands_where_it_is_written_and_holds_what_its_anchor_holds() -> None:
    document = parse("a: &x {b: 1}\nc: *x\n")
    assert document.value == {"a": {"b": 1}, "c": {"b": 1}}
    assert document.places["c",] == Position(2, 4)


def test_aliases_of_aliases_count_for_what_they_stand_for() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    codes = [problem.code for problem in parse("\n".join(lines)).problems]
    assert codes == ["too-many-values"]


@settings(deadline=None)  # other work shares the machine
@given(st.text() | st.text(alphabet="ab:&*!?[]{}#|>-'\"%@ \t\n\r,<1.e\\~\ufffd\u2028", max_size=60))
def test_no_text_raises_anything(text: str) -> None:
    document = parse(text)
    assert document.problems or isinstance(document.value, dict)
    assert all(_is_finite(value) for value in (document.value or {}).values())


def _is_finite(value: object) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


@settings(deadline=None)  # other work shares the machine
@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_unreadable(content: bytes) -> None:
    with contextlib.suppress(Unreadable):
        assert isinstance(parse(decode(content)).problems, tuple)


def test_a_byte_order_mark_is_taken_once() -> None:
    assert decode("\ufeffa: 1".encode()) == "a: 1"
    assert parse(decode("\ufeff\ufeffa: 1".encode())).problems[0].code == "hidden-character"


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("a: 1".encode("utf-16"), (1, 1)),
        ("a: 1".encode("utf-16-le"), (1, 2)),
        ("a: 1".encode("utf-32"), (1, 1)),
        ("a: 1\nbé: ü".encode("latin-1"), (2, 2)),
        (b"a: 1\nb: \x00", (2, 4)),
    ],
)
def test_only_utf_8_is_read(content: bytes, place: tuple[int, int]) -> None:
    with pytest.raises(Unreadable) as caught:
        decode(content)
    assert caught.value.problem.code == "not-utf-8"
    assert caught.value.problem.position == Position(*place)


def test_a_pipe_is_refused_without_opening_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Unreadable) as caught:
        read_bytes(tmp_path / "pipe")
    assert caught.value.problem.code == "not-a-file"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/dev/zero", "not-a-file"),
        ("/", "not-a-file"),
        ("/no/such/file", "no-such-file"),
        ("a\0b", "not-readable"),
        ("a" * 5000, "not-readable"),
    ],
)
def test_what_is_no_file_is_refused(path: str, code: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read_bytes(Path(path))
    assert caught.value.problem.code == code


def test_a_large_file_is_refused_by_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large.yaml"
    with path.open("wb") as stream:
        stream.truncate(100 * 1024 * 1024)
    monkeypatch.delattr(Path, "open")
    with pytest.raises(Unreadable) as caught:
        read_bytes(path)
    assert caught.value.problem.code == "too-large"
