"""How recipe checks fare on hundreds of mistakes of every kind, and on as many edits that change nothing."""

from functools import cache
from pathlib import Path

import pytest
import yaml

from runner.load import Loaded, load_bytes
from tests.corpus import pipelines
from tests.corpus.generation import several, single
from tests.corpus.judging import Verdict, counts, judge, table
from tests.corpus.knowledge import WHOLE_NUMBERS
from tests.corpus.neutral import Rewritten, Way, neutral
from tests.corpus.slip import Edit, Expected, Kind, Slip, Told, wrong
from tests.corpus.source import Source, source, sources


@cache
def _verdicts() -> tuple[Verdict, ...]:
    return tuple(judge(each) for each in single())


@cache
def _verdicts_on_several() -> tuple[Verdict, ...]:
    return tuple(judge(each) for each in several())


# --- one mistake in a file ----------------------------------------------------------------------------------


def test_there_are_mistakes_of_every_kind_in_every_recipe() -> None:
    made = [verdict.wrong for verdict in _verdicts()]
    assert len(made) >= 800
    assert {each.kinds[0] for each in made} == set(Kind)
    assert {each.source.name for each in made} == {each.name for each in sources()}
    assert len({each.content for each in made}) > 0.9 * len(made)


def test_no_mistake_ends_in_a_traceback() -> None:
    assert [str(verdict) for verdict in _verdicts() if verdict.crash] == []


def test_mistakes_are_found() -> None:
    _none([verdict for verdict in _verdicts() if not verdict.is_detected])


def test_mistakes_are_shown_at_their_very_line_and_column() -> None:
    _none([verdict for verdict in _verdicts() if not verdict.is_placed])


def test_mistakes_are_called_by_their_name() -> None:
    _none([verdict for verdict in _verdicts() if not verdict.is_exact])


def test_findings_come_in_the_order_of_the_file() -> None:
    assert [str(verdict) for verdict in _verdicts() if not verdict.is_ordered] == []


def _none(failed: list[Verdict]) -> None:
    """Nothing less than all: a kind that fails in part is a fault in the checks."""
    assert not failed, "\n".join([table(counts(_verdicts())), *map(str, failed[:40])])


# --- several mistakes in a file -----------------------------------------------------------------------------


def test_every_one_of_several_mistakes_is_told_in_order() -> None:
    verdicts = _verdicts_on_several()
    assert len(verdicts) >= 100
    assert {len(verdict.wrong.kinds) for verdict in verdicts} == {2, 3, 4, 5, 6}
    failed = [str(each) for each in verdicts if not each.is_exact or not each.is_ordered or each.crash]
    assert failed == []


# --- edits that change nothing ------------------------------------------------------------------------------


@cache
def _as_written(of: Source) -> Loaded:
    return load_bytes(of.text.encode(), of.path)


def test_there_are_edits_of_every_way() -> None:
    edits = neutral()
    assert len(edits) >= 400
    assert {each.way for each in edits} == set(Way)
    unchanged = [each for each in edits if each.content == each.source.text.encode()]
    assert len(unchanged) < 0.01 * len(edits)


@pytest.mark.parametrize("way", Way)
def test_a_recipe_written_another_way_means_the_same(way: Way) -> None:
    for each in neutral():
        if each.way is way:
            _means_the_same(each)


def _means_the_same(rewritten: Rewritten) -> None:
    before, after = _as_written(rewritten.source), load_bytes(rewritten.content, rewritten.source.path)
    assert after.recipe == before.recipe, rewritten.content.decode()
    assert [each.code for each in after.notices] == [each.code for each in before.notices]


# --- the corpus itself --------------------------------------------------------------------------------------


@pytest.mark.parametrize("of", sources(), ids=lambda of: of.name)
def test_the_scanner_finds_what_yaml_holds(of: Source) -> None:
    tree = yaml.load(of.text, Loader=yaml.BaseLoader)  # noqa: S506 - every scalar as text, nothing built
    seen = {entry.path: of.value(entry) for entry in of.entries}
    held = dict(_walk(tree, ()))
    assert set(seen) == set(held)
    texts = {path: value for path, value in held.items() if isinstance(value, str)}
    assert {path: seen[path].strip("\"'") for path in texts} == texts


def _walk(tree: dict[str, object], above: tuple[str, ...]) -> list[tuple[tuple[str, ...], object]]:
    found: list[tuple[tuple[str, ...], object]] = []
    for name, value in tree.items():
        found.append(((*above, name), value))
        if isinstance(value, dict):
            found += _walk(value, (*above, name))
    return found


def test_the_recipes_hold_most_of_what_a_recipe_may_hold() -> None:
    paths = {entry.path for each in sources() for entry in each.entries}
    assert set(WHOLE_NUMBERS) <= paths
    assert len(sources()) >= 6


def test_a_place_moves_with_the_edits_before_it() -> None:
    of = source("small", Path("small.yaml"), "a: 1\nb: 2\nc: 3\n")
    first = Slip(
        kind=Kind.WRONG_TYPE, source=of, edits=(Edit(3, 4, "x\n\n"),), expected=(Expected(3, "one", 0),)
    )
    other = Slip(
        kind=Kind.WRONG_TYPE,
        source=of,
        edits=(Edit(8, 9, "long"), Edit(10, 10, "  ")),
        expected=(Expected(8, "two", 2), Expected(13, "three")),
    )
    made = wrong([first, other])
    assert made.content == b"a: x\n\n\nb: long\n  c: 3\n"
    assert made.expected == (Told(1, 4, "one"), Told(4, 6, "two"), Told(5, 6, "three"))


def test_the_pipeline_for_comparison_is_given_mistakes_of_the_same_kinds() -> None:
    made = pipelines.single(24)
    assert len(made) >= 300
    assert len({each.kinds[0] for each in made}) >= 15
    valid = pipelines.pipeline().text
    for each in [*made, *pipelines.several(20)]:
        assert each.content != valid.encode()
        assert all(1 <= told.line <= each.content.count(b"\n") + 1 for told in each.expected)


def test_a_judge_sees_what_is_missed_and_what_is_misplaced() -> None:
    of = source("small", Path("small.yaml"), "version: 1\nname: small\nmodel:\n  name: Phi-4\n")
    fine = Slip(kind=Kind.SAME_SPLIT, source=of, edits=(), expected=(Expected(0, "nothing"),))
    assert not judge(wrong([fine])).is_detected
    edit = Edit(9, 10, "2")
    misplaced = Slip(kind=Kind.NOT_ALLOWED, source=of, edits=(edit,), expected=(Expected(0, "x"),))
    verdict = judge(wrong([misplaced]))
    assert verdict.is_detected
    assert not verdict.is_placed
    assert not verdict.is_exact
