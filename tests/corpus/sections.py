"""Mistakes between sections, and within one, where each value alone would be right."""

import random
from collections.abc import Iterator
from dataclasses import replace

from tests.corpus.entries import Entry
from tests.corpus.knowledge import NEEDED_BY
from tests.corpus.slip import Edit, Expected, Kind, Slip
from tests.corpus.source import Source
from tests.corpus.writing import Maker, at_key, at_value, deletion, inserted, insertion, typo

_SOURCES = {"huggingface": "HuggingFaceH4/other", "path": "elsewhere", "azureml": "others"}
_IDS = ("subscription_id", "resource_group", "workspace_name")


def _needed(source: Source, chance: random.Random) -> Iterator[Slip]:
    """Take a section out, or misspell its key: each section that cannot do without it is told."""
    for name, users in NEEDED_BY.items():
        entry = source.at(name)
        found = [user for user in map(source.at, users) if user]
        if not entry or not found:
            continue
        needs = tuple(Expected(user.key.start, "needs-section") for user in found)
        yield Slip(kind=Kind.NEEDS_SECTION, source=source, edits=(deletion(source, entry),), expected=needs)
        misspelled = at_key(Kind.KEY_TYPO, source, entry, typo(name, chance), "unknown-key")
        yield Slip(
            kind=Kind.KEY_TYPO, source=source, edits=misspelled.edits, expected=(*misspelled.expected, *needs)
        )


def _sources(source: Source, _chance: random.Random) -> Iterator[Slip]:
    given = next((entry for name in _SOURCES if (entry := source.at("dataset", name))), None)
    if given is None:
        return
    for name in _SOURCES.keys() - {given.name}:
        line = f"{name}: {_SOURCES[name]}"
        yield inserted(Kind.SOURCES, source, ("dataset",), line, "two-sources")
        yield _source_before(source, given, line)
    at = source.place_of_mapping(("dataset",))
    following = next(entry for entry in source.below(("dataset",)) if entry.key.start > given.key.start)
    expected = Expected(following.key.start if at == given.key.start else at, "one-source")
    yield Slip(
        kind=Kind.SOURCES,
        source=source,
        edits=(deletion(source, given),),
        expected=(expected,),
        section="dataset",
    )
    if given.name == "path":
        yield inserted(Kind.SOURCES, source, ("dataset",), "revision: main", "no-revision")


def _source_before(source: Source, given: Entry, line: str) -> Slip:
    """Write another source before the one that is there: the later of the two is the second."""
    if given.in_flow:
        edit = Edit(given.key.start, given.key.start, f"{line}, ")
    else:
        start = source.line_start(given.key.start)
        edit = Edit(start, start, f"{source.indent(given)}{line}\n")
    expected = (Expected(given.key.start, "two-sources"),)
    return Slip(kind=Kind.SOURCES, source=source, edits=(edit,), expected=expected, section="dataset")


def _workspaces(source: Source, _chance: random.Random) -> Iterator[Slip]:
    for name in _IDS:
        entry = source.at("workspace", name)
        if entry:
            yield _half_a_workspace(source, entry)
    if source.at("workspace", "config_file"):
        line = "resource_group: rg-other"
        yield inserted(Kind.WORKSPACE, source, ("workspace",), line, "two-workspaces")
        line = "workspace_name: ws-other"
        yield inserted(Kind.WORKSPACE, source, ("workspace",), line, "two-workspaces")
    if not source.at("workspace"):
        edit, into = Edit(len(source.text), len(source.text), "workspace: {resource_group: rg}\n"), 11
        expected = (Expected(edit.start, "workspace-incomplete", into),)
        yield Slip(kind=Kind.WORKSPACE, source=source, edits=(edit,), expected=expected, section="workspace")


def _half_a_workspace(source: Source, entry: Entry) -> Slip:
    at = source.place_of_mapping(("workspace",))
    if at == entry.key.start:
        at = source.below(("workspace",))[1].key.start
    return Slip(
        kind=Kind.WORKSPACE,
        source=source,
        edits=(deletion(source, entry),),
        expected=(Expected(at, "workspace-incomplete"),),
        section="workspace",
    )


def _traffic(source: Source, chance: random.Random) -> Iterator[Slip]:
    for entry in source.below(("traffic",)):
        at = source.place_of_mapping(("traffic",))
        for share in ("60", "99", "1", "50"):
            edit = Edit(entry.value.start, entry.value.end, share)
            expected = (Expected(at, "traffic-sum"),)
            yield Slip(
                kind=Kind.TRAFFIC_SUM, source=source, edits=(edit,), expected=expected, section="traffic"
            )
        for name in (typo(entry.name, chance), "blue", "green"):
            yield at_key(Kind.TRAFFIC_NAME, source, entry, name, "unknown-deployment")
        yield inserted(Kind.TRAFFIC_NAME, source, ("traffic",), "shadow: 0", "unknown-deployment")
        yield from _no_traffic(source, entry)


def _no_traffic(source: Source, entry: Entry) -> Iterator[Slip]:
    sample = source.at("sample")
    if sample:
        expected = (Expected(sample.key.start, "sample-without-traffic"),)
        edit = Edit(entry.value.start, entry.value.end, "0")
        yield Slip(kind=Kind.NO_TRAFFIC, source=source, edits=(edit,), expected=expected, section="traffic")


def _same_deployment(source: Source, _chance: random.Random) -> Iterator[Slip]:
    base, other = source.at("baseline", "name"), source.at("deployment", "name")
    if base and other:
        name = source.value(other)
        for text in (name, name.upper()):
            yield at_value(Kind.SAME_DEPLOYMENT, source, base, text, "same-deployment")


def _instances(source: Source, _chance: random.Random) -> Iterator[Slip]:
    most = source.at("compute", "max_instances")
    allowed = int(source.value(most)) if most else 1
    least = source.at("compute", "min_instances")
    for number in (allowed + 1, allowed + 5):
        if least:
            yield at_value(Kind.INSTANCES, source, least, str(number), "out-of-range")
        elif source.at("compute"):
            line = f"min_instances: {number}"
            yield inserted(Kind.INSTANCES, source, ("compute",), line, "out-of-range", value=True)
        yield from _nodes(source, number)
    nodes = source.at("finetune", "parameters", "num_nodes_finetune")
    if nodes and most and int(source.value(nodes)) > 1:
        edit = Edit(most.value.start, most.value.end, "1")
        expected = (Expected(nodes.value.start, "out-of-range"),)
        yield Slip(kind=Kind.INSTANCES, source=source, edits=(edit,), expected=expected)


def _nodes(source: Source, number: int) -> Iterator[Slip]:
    path = ("finetune", "parameters")
    nodes = source.at(*path, "num_nodes_finetune")
    if nodes:
        yield at_value(Kind.INSTANCES, source, nodes, str(number), "out-of-range")
    elif source.at(*path):
        line = f"num_nodes_finetune: {number}"
        yield inserted(Kind.INSTANCES, source, path, line, "out-of-range", value=True)


def _same_split(source: Source, _chance: random.Random) -> Iterator[Slip]:
    train = source.at("dataset", "train")
    for name in ("validation", "test"):
        entry = source.at("dataset", name)
        if train and entry:
            yield at_value(Kind.SAME_SPLIT, source, entry, source.value(train), "same-split")
            edit, _ = insertion(source, ("dataset",), "")
            assert edit.start >= train.value.end
    if train and not source.at("dataset", "validation"):
        line = f"validation: {source.value(train)}"
        yield inserted(Kind.SAME_SPLIT, source, ("dataset",), line, "same-split", value=True)
    test = source.at("dataset", "test")
    if train and test:
        edit = Edit(train.value.start, train.value.end, source.value(test))
        expected = (Expected(test.value.start, "same-split"),)
        yield Slip(kind=Kind.SAME_SPLIT, source=source, edits=(edit,), expected=expected, section="dataset")


# What is told of each line, and at which part of it.
_TWO_WAYS = (
    ("columns: {prompt: question}", "half-a-pair", "prompt"),
    ("columns: {completion: answer, system: role}", "half-a-pair", "completion"),
    ("columns: {messages: chat, conversations: turns}", "two-forms", "conversations"),
    ("columns: {prompt: question, completion: answer, messages: chat}", "two-forms", "messages"),
    ("columns: {messages: chat, system: role}", "not-with-messages", "system"),
    ("columns: {system: role}", "no-form", "system"),
    ("columns: {prompt: text, completion: text}", "same-column", "text}"),
)


def _rows(source: Source, _chance: random.Random) -> Iterator[Slip]:
    dataset = source.at("dataset")
    if not dataset:
        return
    if source.at("dataset", "percent"):
        yield inserted(Kind.ROWS, source, ("dataset",), "rows: 10", "two-amounts")
    elif source.at("dataset", "rows"):
        yield inserted(Kind.ROWS, source, ("dataset",), "percent: 5", "two-amounts")
    for line, code, at in _TWO_WAYS:
        slip = inserted(Kind.ROWS, source, ("dataset",), line, code)
        (expected,) = slip.expected
        place = Expected(expected.at, code, (expected.into or 0) + line.index(at))
        yield replace(slip, expected=(place,))
    if not source.at("dataset", "config") and not source.at("dataset", "huggingface"):
        yield inserted(Kind.ROWS, source, ("dataset",), "config: default", "no-config")
    yield from _shares(source)


def _shares(source: Source) -> Iterator[Slip]:
    test, validation = source.at("dataset", "test"), source.at("dataset", "validation")
    for text, code in (("0%", "empty-share"), ("0.0%", "empty-share"), ("60%", "little-to-train-on")):
        if test:
            yield at_value(Kind.ROWS, source, test, text, code)
    if not validation:
        yield inserted(Kind.ROWS, source, ("dataset",), "validation: 00%", "empty-share", value=True)
    elif test:
        edits = tuple(Edit(each.value.start, each.value.end, "50%") for each in (validation, test))
        expected = (Expected(test.value.start, "no-rows-left", 0),)
        yield Slip(kind=Kind.ROWS, source=source, edits=edits, expected=expected, section="dataset")


MAKERS: tuple[Maker, ...] = (
    _needed,
    _sources,
    _workspaces,
    _traffic,
    _same_deployment,
    _instances,
    _same_split,
    _rows,
)
