"""No text becomes more than text, wherever in a run it stands: in the page, its attributes, its drawings."""

from collections.abc import Sequence
from functools import cache

import pytest
from markupsafe import escape

from runner.compare import Difference, Section, Side
from runner.report import comparison_page, report_page
from runner.report.charts import curves, steps
from runner.report.curves import Panel, Series
from runner.report.drawing import draw
from runner.report.timeline import timeline
from runner.report.wording import shown
from tests.unit import report_bench as bench
from tests.unit.hostile import HARMLESS, PAYLOADS, poisoned, single
from tests.unit.page_reading import Page, read

# What none of our own elements begins with: a payload that has it would be seen in the page as it is.
_MARKUP = "<"
# A page that takes two seconds to read once for each text: they are shared out among some.
_AT_ONCE = 8
_LINES = 50


@cache
def harmless() -> Page:
    return read(report_page(poisoned([HARMLESS] * len(PAYLOADS))))


@cache
def hostile() -> str:
    return report_page(poisoned(PAYLOADS))


@cache
def attacked() -> Page:
    return read(hostile())


def test_there_are_many_of_many_kinds() -> None:
    assert len(set(PAYLOADS)) > 500
    kinds = (
        "<script",
        "onerror=",
        "javascript:",
        "{{7*7}}",
        "</style>",
        "<!--",
        "]]>",
        "\x00",
        "\u202e",
        "\ud800",
    )
    assert all(any(kind in each for each in PAYLOADS) for kind in kinds)


def test_all_of_them_together_make_the_page_that_harmless_texts_make() -> None:
    page = attacked()
    assert len(page.elements) > 20 * len(PAYLOADS)
    assert page.shape == harmless().shape
    assert page.strange == []


def test_each_of_them_is_there_and_none_unescaped() -> None:
    text = attacked().text
    assert [each for each in PAYLOADS if shown(each) not in text] == []
    raw = hostile()
    beginning = [each for each in PAYLOADS if each.startswith(_MARKUP) and len(each) > 5]
    own = {
        "</title>",
        "</style>",
        "</html>",
        "</body>",
        "</svg>",
        "</details>",
        "</table>",
        "<!DOCTYPE html>",
        "</pre>",
    }
    assert len(beginning) > 300
    assert [each for each in beginning if each in raw and each not in own] == []
    assert "49" not in {part for part in text.split() if part == "49"}


def test_no_attribute_leads_anywhere() -> None:
    elements = attacked().elements
    names = {name for each in elements for name, _ in each.attributes}
    assert (
        names & {"style", "src", "srcset", "action", "formaction", "data", "xlink:href", "onerror"} == set()
    )
    assert {(each.get("href") or "#")[0] for each in elements} == {"#"}


@pytest.mark.parametrize("first", range(_AT_ONCE))
def test_each_alone_makes_it_too(first: int) -> None:
    """Where a text stands once in a page: its title, its heading, the names of its regions."""
    texts = PAYLOADS[first::_AT_ONCE]
    assert len(texts) > 500 // _AT_ONCE
    assert [text for text in texts if not _is_harmless(text)] == []


def _is_harmless(text: str) -> bool:
    """Tell whether a text makes the very page that a harmless one makes, but for itself."""
    expected = _alone(HARMLESS)
    page = report_page([single(text)])
    same = page.replace(str(escape(shown(text))), HARMLESS) == expected
    return same or read(page).shape == read(expected).shape


@cache
def _alone(text: str) -> str:
    return report_page([single(text)])


def test_a_drawing_holds_them_as_text() -> None:
    """Each as the name of a line, in batches of what one legend may have."""
    batches = [PAYLOADS[begin : begin + _LINES] for begin in range(0, len(PAYLOADS) - _LINES + 1, _LINES)]
    expected = read(_legend([HARMLESS] * _LINES)).shape
    assert len(expected) > 5 * _LINES
    assert len(batches) * _LINES > 500
    assert [batch for batch in batches if read(_legend(batch)).shape != expected] == []


def _legend(names: Sequence[str]) -> str:
    lines = (Series(name=f"{place} {name}", points=((1, 1.0), (2, 2.0))) for place, name in enumerate(names))
    return draw(curves(Panel(title=names[0], series=tuple(lines))), name="x", label="\n".join(names))


def test_a_drawing_has_known_elements_and_names_of_its_own() -> None:
    """Even one that links, that is described, and that is cut off at its edge, which takes a name."""
    mark = {
        "type": "line",
        "clip": True,
        "href": "https://evil.example/",
        "description": "x",
        "cursor": "pointer",
    }
    encoding = {"x": {"field": "x", "type": "quantitative"}, "y": {"field": "x", "type": "quantitative"}}
    data = {"values": [{"x": 1}, {"x": 2}]}
    specification = {"data": data, "layer": [{"mark": mark, "encoding": encoding}] * 2}
    drawn = [draw(specification, name="mine", label="x") for _ in range(2)]
    elements = read(drawn[0]).elements
    names = {each.get("id") for each in elements if each.get("id")}
    assert drawn[0] == drawn[1]
    assert {each.tag for each in elements} <= {"svg", "g", "path", "line", "text", "rect", "defs", "clippath"}
    assert {each.get("clip-path") for each in elements} == {None, *(f"url(#{name})" for name in names)}
    assert all(str(name).startswith("mine-") for name in names)
    assert len(names) == 2
    assert [part for part in ("http", "cursor", "aria-role", "xmlns", "<a") if part in drawn[0]] == []


def test_a_drawing_is_of_steps_too() -> None:
    svg = draw(steps(timeline(bench.manifest())), name="mine", label="x")
    assert [text for text in read(svg).within("text") if text.strip() == "deployment"] == ["deployment"]
    assert "http" not in svg


def test_a_comparison_holds_them_as_text() -> None:
    def compared(texts: Sequence[str]) -> Page:
        sides = [Side(name=text) for text in texts]
        found = [
            Difference(section=Section.RECIPE, key=text, values=(text,) * len(texts)) for text in texts[:9]
        ]
        return read(comparison_page(sides, found))

    assert compared(PAYLOADS).shape == compared([HARMLESS] * len(PAYLOADS)).shape
