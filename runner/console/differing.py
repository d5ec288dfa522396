"""What differs between runs, manifests and recipes: section by section, and nothing in which they agree."""

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from string import ascii_uppercase

from runner.compare import Difference, Section, Side, lacking, not_compared, told_once
from runner.console.lines import brief, safe, table
from runner.console.texts import where
from runner.facts import TargetKind
from runner.journal import Json

_LONGEST_PROMPT, _LONGEST_ANSWER, _LONGEST_VALUE = 60, 300, 40
_ABSENT = "-"


def text(sides: Sequence[Side], found: Sequence[Difference], page: Path | None) -> Iterator[str]:
    """Give the sides, then each section that differs, then what could not be compared."""
    yield from table(
        [(letter, side.name, _where(side)) for letter, side in zip(ascii_uppercase, sides, strict=False)]
    )
    for section, together in groupby(told_once(found), key=lambda each: each.section):
        group = tuple(together)
        yield ""
        yield section.value
        yield from _answers(group) if section is Section.ANSWERS else _values(group, sides)
    if not found:
        yield ""
        yield "no difference"
    yield from _not_compared(sides)
    if page:
        yield f"the same as a page: {page}"


def as_json(sides: Sequence[Side], found: Sequence[Difference]) -> dict[str, Json]:
    """Give the same, every value whole."""
    return {
        "sides": [
            {
                "name": side.name,
                "target": side.target or None,
                "sections": [each.value for each in side.sections],
            }
            for side in sides
        ],
        "equal": not found,
        "differences": [
            {"section": each.section.value, "key": each.key, "values": list(each.values)} for each in found
        ],
        "not_compared": {section.value: list(names) for section, names in lacking(sides).items()},
    }


def _where(side: Side) -> str:
    return f"on {where(TargetKind(side.target))}" if side.target in set(TargetKind) else "not a run"


def _values(group: Sequence[Difference], sides: Sequence[Side]) -> Iterator[str]:
    letters = tuple(ascii_uppercase[: len(sides)])
    rows = ((each.key, *brief(each.values, _shown)) for each in group)
    yield from table([("", *letters), *rows], aligned=1)


def _answers(group: Sequence[Difference]) -> Iterator[str]:
    for each in group:
        yield safe(f"  {_short(each.key, _LONGEST_PROMPT)}")
        for letter, value in zip(ascii_uppercase, each.values, strict=False):
            answer = _ABSENT if value is None else _short(str(value), _LONGEST_ANSWER)
            yield safe(f"    {letter}  {answer}")


def _shown(value: Json) -> str:
    """Write a value as JSON has it, so that the text "16" is told from the number."""
    if value is None:
        return _ABSENT
    return _short(json.dumps(value, ensure_ascii=False), _LONGEST_VALUE)


def _short(text: str, longest: int) -> str:
    line = " ".join(text.split("\n"))
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def _not_compared(sides: Sequence[Side]) -> Iterator[str]:
    """Say which sections somebody lacks; a side that has hardly any is said once."""
    found = not_compared(sides)
    if found:
        yield ""
    for names, sections in found.items():
        yield safe(f"not compared: {', '.join(sections)} ({' and '.join(names)} has none)")
