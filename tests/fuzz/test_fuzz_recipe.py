"""No input breaks `runner validate`: it answers in time, writes nothing, calls nobody, says what is wrong.

The short tests run with the others; the long ones, marked `full`, take a minute each.
"""

import random
import socket
import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from itertools import count, islice, takewhile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.errors import ExitCode
from tests.corpus.generation import several, single
from tests.corpus.neutral import neutral
from tests.corpus.slip import Edit, apply
from tests.corpus.source import Source, sources
from tests.fuzz.validating import MOST_MEMORY, Hang, check, memory, validate

SEED = 20261121
LONG = 60.0
SHORT = 60  # rounds: seconds would say nothing on a busy machine

# What YAML makes something of, and what has broken readers of it.
TOKENS = (
    *(
        ": ",
        ":",
        "- ",
        "? ",
        ", ",
        "{",
        "}",
        "[",
        "]",
        "&a ",
        "*a",
        "<<: *a",
        "!",
        "!!str ",
        "!!python/object:x ",
    ),
    *(
        "|",
        ">",
        ">-",
        "|9",
        "'",
        '"',
        "#",
        " #",
        "%YAML 1.1",
        "---",
        "...",
        "@",
        "`",
        "=",
        "~",
        "null",
        "true",
    ),
    *(
        "\n",
        "\n\n",
        "\r",
        "\r\n",
        "\t",
        "  ",
        "no",
        ".nan",
        "-.inf",
        "0x",
        "0o17",
        "1e999",
        "1_000",
        "9" * 400,
    ),
    *("\\u0000", '"\\ud800"', "\ufeff", "\u00a0", "\u2028", "\u202e", "\x00", "\x1b[31m", "\x85", "\ufffd"),
    *("\U0001f600", "${env:X}", "${", "<<<<<<< a", ">>>>>>> b", "=======", "hf_" + "a" * 20, "2024-01-01"),
    *("x" * 5000, "[" * 70, "- " * 70, "{a: " * 70),
)


# What a value may be besides what it should be.
_VALUES = st.sampled_from(
    [
        *(
            "{a: 1}",
            "{}",
            "[1]",
            "[[]]",
            "[{a: [b]}]",
            "''",
            "x",
            "'1'",
            "-1",
            "0",
            "1.5",
            "1e400",
            "null",
            "~",
            "true",
        ),
        *(
            "123456789012345678901234567890",
            ".inf",
            ".nan",
            "&a [*a]",
            "*a",
            "!x y",
            "|",
            "${env:X}",
            "a b",
            "é",
            "\u0661",
        ),
    ]
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "recipes"
    inside.mkdir()
    return inside


@st.composite
def _rewritten(draw: st.DrawFn) -> bytes:
    """Take a valid recipe, give some keys other values, and change some of its tokens or lines."""
    of = draw(st.sampled_from(sources()))
    entries = draw(st.lists(st.sampled_from(list(of.scalars())), max_size=4, unique=True))
    text = apply(of.text, [Edit(each.value.start, each.value.end, draw(_VALUES)) for each in entries])
    for _ in range(draw(st.integers(0, 4))):
        text = draw(st.sampled_from(_CHANGES))(draw, text)
    return text.encode("utf-8", "surrogatepass")


def _insert(draw: st.DrawFn, text: str) -> str:
    at = draw(st.integers(0, len(text)))
    return text[:at] + draw(st.sampled_from(TOKENS) | st.text(max_size=8)) + text[at:]


def _delete(draw: st.DrawFn, text: str) -> str:
    at = draw(st.integers(0, len(text)))
    return text[:at] + text[at + draw(st.integers(1, 40)) :]


def _replace_value(draw: st.DrawFn, text: str) -> str:
    colons = [place for place in range(len(text)) if text.startswith(": ", place)]
    if not colons:
        return text
    at = draw(st.sampled_from(colons)) + 2
    end = text.find("\n", at)
    return text[:at] + draw(st.sampled_from(TOKENS)) + (text[end:] if end >= 0 else "")


def _move_line(draw: st.DrawFn, text: str) -> str:
    lines = text.splitlines(keepends=True)
    if not lines:
        return text
    line = lines.pop(draw(st.integers(0, len(lines) - 1)))
    lines.insert(draw(st.integers(0, len(lines))), " " * draw(st.integers(0, 9)) + line)
    return "".join(lines)


def _repeat(draw: st.DrawFn, text: str) -> str:
    at = draw(st.integers(0, len(text)))
    end = draw(st.integers(at, min(len(text), at + 400)))
    return text[:end] + text[at:end] * draw(st.integers(1, 30)) + text[end:]


_CHANGES: tuple[Callable[[st.DrawFn, str], str], ...] = (
    _insert,
    _delete,
    _replace_value,
    _move_line,
    _repeat,
)
_YAML_LIKE = st.lists(st.sampled_from(TOKENS) | st.text(max_size=6), max_size=60).map(
    lambda parts: "".join(parts).encode("utf-8", "surrogatepass")
)


def _changed_bytes(chance: random.Random, content: bytes) -> bytes:
    """Flip, drop, insert, cut out and double bytes, as a broken disk or a bad merge does."""
    raw = bytearray(content)
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(raw) + 1)
        match chance.randrange(6):
            case 0:
                raw[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del raw[at : at + chance.randint(1, 30)]
            case 2:
                raw[at:at] = chance.choice(TOKENS).encode("utf-8", "surrogatepass")
            case 3:
                raw[at:at] = chance.randbytes(chance.randint(1, 4))
            case 4:
                raw[at:at] = raw[at : at + chance.randint(1, 200)] * chance.randint(1, 20)
            case _:
                raw[at : at + 1] = bytes([raw[at] ^ 1 << chance.randrange(8)]) if at < len(raw) else b""
    return bytes(raw)


def _corpus() -> list[bytes]:
    wrong = [each.content for each in (*single(), *several())]
    rewritten = [each.content for each in neutral()]
    return [*wrong, *rewritten, *(each.text.encode() for each in sources())]


def _rounds() -> Iterator[random.Random]:
    """Make each round's chance from its own number, so that one can be repeated."""
    return (random.Random(SEED + number) for number in count())  # noqa: S311 - as the docstring says


def _until(seconds: float) -> Iterator[random.Random]:
    """Go on with rounds until the time is up."""
    end = time.monotonic() + seconds
    return takewhile(lambda _chance: time.monotonic() < end, _rounds())


def _fuzz_bytes(folder: Path, chances: Iterable[random.Random]) -> int:
    files = _corpus()
    before, rounds = memory(), 0
    for chance in chances:
        content = _changed_bytes(chance, chance.choice(files))
        try:
            check(content, folder)
        except (AssertionError, Hang) as failure:
            raise AssertionError(f"round {rounds}: {content!r}") from failure
        rounds += 1
    assert memory() - before < MOST_MEMORY
    return rounds


# --- with the other tests -----------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=_rewritten() | _YAML_LIKE | st.binary(max_size=300))
def test_no_input_breaks_validate(folder: Path, content: bytes) -> None:
    check(content, folder)


def test_no_flipped_byte_breaks_validate(folder: Path) -> None:
    assert _fuzz_bytes(folder, islice(_rounds(), SHORT)) == SHORT


@pytest.mark.parametrize("of", sources(), ids=lambda of: of.name)
def test_the_recipes_that_all_is_made_of_are_valid(folder: Path, of: Source) -> None:
    assert check(of.text.encode(), folder).code == ExitCode.DONE


def test_what_is_forbidden_is_seen(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The watch itself: a validate that writes a file, opens a socket or never ends does not go unseen."""
    path = folder / "recipe.yaml"

    def writes(options: Namespace, _session: object) -> ExitCode:
        options.recipe.write_text("x")
        return ExitCode.DONE

    def listens(_options: Namespace, _session: object) -> ExitCode:
        with socket.socket() as door:
            door.bind(("127.0.0.1", 0))
        return ExitCode.DONE

    def hangs(_options: Namespace, _session: object) -> ExitCode:
        while True:
            pass

    monkeypatch.setattr("runner.verbs.validate.main", writes)
    assert "for writing" in validate(path).forbidden[0]
    monkeypatch.setattr("runner.verbs.validate.main", listens)
    assert validate(path).forbidden == ("socket.bind",)
    monkeypatch.setattr("runner.verbs.validate.main", hangs)
    assert validate(path).code == ExitCode.STEP_FAILED


# --- the longer sweeps --------------------------------------------------------------------------------------


@pytest.mark.full
def test_no_rewritten_recipe_breaks_validate_for_long(folder: Path) -> None:
    _sweep(_rewritten(), folder)


@pytest.mark.full
def test_no_yaml_like_text_breaks_validate_for_long(folder: Path) -> None:
    _sweep(_YAML_LIKE | st.binary(max_size=2000) | st.text().map(str.encode), folder)


@pytest.mark.full
def test_no_flipped_byte_breaks_validate_for_long(folder: Path) -> None:
    assert _fuzz_bytes(folder, _until(LONG)) > 100


def _sweep(strategy: st.SearchStrategy[bytes], folder: Path) -> None:
    """Draw hundred after hundred until the time is up; Hypothesis makes what it finds as small as it can."""
    before, seen = memory(), 0

    @settings(deadline=None, max_examples=100, database=None, suppress_health_check=list(HealthCheck))
    @given(content=strategy)
    def hundred(content: bytes) -> None:
        check(content, folder)

    for _ in _until(LONG):
        hundred()
        seen += 100
    assert seen >= 100
    assert memory() - before < MOST_MEMORY
