"""Mistakes in keys: misspelled, strange, misplaced, missing, twice."""

import random
from collections.abc import Iterator

from tests.corpus.entries import Entry, Form
from tests.corpus.knowledge import NEEDED_BY, OPEN, REQUIRED
from tests.corpus.slip import Edit, Expected, Kind, Slip
from tests.corpus.source import Source
from tests.corpus.writing import Maker, at_key, deletion, inserted, insertion, typo

_STRANGE = ("retries: 3", "owner: data-team", "gpu: true", "notes: {a: 1}", "Name: x", "learning_rate: 1e-5")
_MISPLACED = {
    "compute": "instance_type: Standard_NC24ads_A100_v4",
    "deployment": "size: Standard_NC24ads_A100_v4",
    "endpoint": "instance_count: 1",
    "model": "task: chat_completion",
    "sample": "percent: 5",
    "dataset": "max_instances: 1",
}
_BAD_TAGS = ("cost center: x", "'': x", "_team: x", "team/llm: x", "größe: x")
_BAD_PARAMETERS = ("Lora_R: 8", "learning-rate: 1e-5", "2nd: 1", "lora r: 8")
_NO_TEXT = ("1: x", "true: x", "null: x", "1.5: x", "~: x")


def _typos(source: Source, chance: random.Random) -> Iterator[Slip]:
    for entry in source.entries:
        if entry.above in OPEN or _is_needed(source, entry):
            continue
        yield at_key(Kind.KEY_TYPO, source, entry, typo(entry.name, chance), "unknown-key")


def _is_needed(source: Source, entry: Entry) -> bool:
    """Tell a section whose loss says more than that its key is unknown: these are made by `sections`."""
    return len(entry.path) == 1 and any(source.at(other) for other in NEEDED_BY.get(entry.name, ()))


def _unknown(source: Source, chance: random.Random) -> Iterator[Slip]:
    sections = [entry.path for entry in source.mappings() if entry.path not in OPEN]
    for path in [(), *sections]:
        line = chance.choice(_STRANGE)
        if source.at(*path, line.partition(":")[0]) is None:
            yield inserted(Kind.UNKNOWN_KEY, source, path, line, "unknown-key")


def _misplaced(source: Source, _chance: random.Random) -> Iterator[Slip]:
    for section, line in _MISPLACED.items():
        if source.at(section):
            yield inserted(Kind.MISPLACED_KEY, source, (section,), line, "unknown-key")


def _bad(source: Source, _chance: random.Random) -> Iterator[Slip]:
    kinds = (("tags",), _BAD_TAGS), (("finetune", "parameters"), _BAD_PARAMETERS)
    for path, lines in kinds:
        for line in lines if source.at(*path) else ():
            yield inserted(Kind.BAD_KEY, source, path, line, "bad-key")


def _not_text(source: Source, chance: random.Random) -> Iterator[Slip]:
    for entry in source.mappings():
        line = chance.choice(_NO_TEXT)
        yield inserted(Kind.KEY_NOT_TEXT, source, entry.path, line, "key-not-text")


def _missing(source: Source, _chance: random.Random) -> Iterator[Slip]:
    for mapping, names in REQUIRED.items():
        for name in names:
            entry = source.at(*mapping, name)
            if entry and len(source.below(mapping)) > 1:
                yield _without(source, entry)


def _without(source: Source, entry: Entry) -> Slip:
    """Leave a key out: told at its mapping, which begins with the next key if it began with this one."""
    edit = deletion(source, entry)
    at = source.place_of_mapping(entry.above)
    if at == entry.key.start:
        at = next(other.key.start for other in source.below(entry.above) if other.key.start > at)
    expected = (Expected(at, "missing-key"),)
    return Slip(kind=Kind.MISSING_KEY, source=source, edits=(edit,), expected=expected, section=entry.section)


def _duplicates(source: Source, chance: random.Random) -> Iterator[Slip]:
    for entry in source.entries:
        if entry.form is Form.BLOCK:
            continue
        line = f"{source.text[entry.key.start : entry.key.end]}: {_again(source, entry, chance)}"
        edit, into = insertion(source, entry.above, line)
        if not entry.above:
            edit, into = Edit(len(source.text), len(source.text), f"{line}\n"), 0
        expected = Expected(edit.start, "duplicate-key", into, says=(entry.key.start,))
        yield Slip(
            kind=Kind.DUPLICATE_KEY, source=source, edits=(edit,), expected=(expected,), section=entry.section
        )


def _again(source: Source, entry: Entry, chance: random.Random) -> str:
    """Repeat the value, or write another one: what is right is refused as well."""
    return chance.choice([source.value(entry).replace("\n", " "), "other", "7"])


MAKERS: tuple[Maker, ...] = (_typos, _unknown, _misplaced, _bad, _not_text, _missing, _duplicates)
