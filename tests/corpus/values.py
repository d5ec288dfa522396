"""Mistakes in single values: of the wrong type, outside what is allowed, of the wrong form."""

import random
from collections.abc import Iterator

from tests.corpus.entries import Entry
from tests.corpus.knowledge import BAD_NAMES, ENUMS, LONGEST, OPEN, PERCENT, WHOLE_NUMBERS
from tests.corpus.slip import Edit, Expected, Kind, Slip
from tests.corpus.source import Source
from tests.corpus.writing import Maker, at_value, inserted, is_text

_NO_WHOLE_NUMBERS = ("two", "1.5", "2.0", "true", "'3'", "[1]", "{a: 1}", "1_000", "yes", "1e2", "null")
_NO_NUMBERS = ("five", "'5'", "true", "[5]", "5%", "{a: 1}")
_NO_TEXTS = ("12", "true", "1.5", "[a, b]", "{a: b}", "null", "~", "0x1F")
_NO_MAPPINGS = ("text", "[a, b]", "7", "true", "'{a: 1}'")
_VERSION: tuple[str, ...] = ("model", "version")

# Built from parts, so that no scanner takes this file for a leak.
_SECRETS = (
    "hf_" + "a1B2c3D4" * 4,
    "ghp_" + "a1B2c3D4" * 4,
    "eyJhbGciOiJI" + "." + "eyJzdWIiOiIx" + ".c2lnbmF0dXJl",
    "AccountKey=" + "q8Jx" * 6,
    "Bearer " + "q8Jx" * 6,
    "https://x.blob.core.windows.net/c?sv=2024-01-01&sig=" + "q8Jx" * 6,
    "password=" + "correct-horse",
)
_REFERENCES = ("${env:HOME}", "a-${env:USER}")
_BAD_REFERENCES = ("${HOME}", "${env:}", "${env:1X}", "${ENV:X}", "${env:X")


def _types(source: Source, chance: random.Random) -> Iterator[Slip]:
    for entry in source.scalars():
        for text in chance.sample(_wrong_texts(source, entry), k=min(2, len(_wrong_texts(source, entry)))):
            yield at_value(Kind.WRONG_TYPE, source, entry, text, "wrong-type")
    for entry in source.mappings():
        yield _not_a_mapping(source, entry, chance.choice(_NO_MAPPINGS))


def _wrong_texts(source: Source, entry: Entry) -> tuple[str, ...]:
    """Give texts of every type that this value may not have; parameters have a module of their own."""
    if entry.above in {("finetune", "parameters"), ("sample", "parameters")}:
        return ("[1]", "{a: 1}", "null")
    if entry.path in WHOLE_NUMBERS or entry.above == ("traffic",):
        return _NO_WHOLE_NUMBERS
    if entry.path == PERCENT:
        return _NO_NUMBERS
    if entry.path == _VERSION:
        return ("1.5", "true", "[1]", "null")
    return _NO_TEXTS if is_text(source, entry) else ()


def _not_a_mapping(source: Source, entry: Entry, text: str) -> Slip:
    """Write something else in the place of a whole section; in block style on the key's own line."""
    edit = Edit(entry.value.start, entry.value.end, text)
    into = 0
    if not source.value(entry).startswith("{"):
        edit, into = Edit(entry.key.end, entry.value.end, f": {text}"), 2
    expected = (Expected(edit.start, "wrong-type", into),)
    return Slip(kind=Kind.WRONG_TYPE, source=source, edits=(edit,), expected=expected, section=entry.section)


def _empty(source: Source, _chance: random.Random) -> Iterator[Slip]:
    """Leave the value out: it would stand right after the colon."""
    for entry in source.scalars():
        if not entry.in_flow:
            colon = source.text.index(":", entry.key.end) + 1
            edit = Edit(colon, entry.value.end, "")
            expected = (Expected(colon, "wrong-type", 0),)
            yield Slip(
                kind=Kind.EMPTY_VALUE, source=source, edits=(edit,), expected=expected, section=entry.section
            )


def _not_allowed(source: Source, _chance: random.Random) -> Iterator[Slip]:
    for path, texts in ENUMS.items():
        for text in texts if (entry := source.at(*path)) else ():
            assert entry is not None
            yield at_value(Kind.NOT_ALLOWED, source, entry, text, "not-allowed-value")
    version = source.at("version")
    for text in ("2", "0", "11") if version else ():
        assert version is not None
        yield at_value(Kind.NOT_ALLOWED, source, version, text, "not-allowed-value")
    if source.at("deployment") and not source.at("deployment", "liveness_probe"):
        line = "liveness_probe: {success_threshold: 2}"
        slip = inserted(Kind.NOT_ALLOWED, source, ("deployment",), line, "not-allowed-value")
        (expected,) = slip.expected
        place = Expected(expected.at, expected.code, (expected.into or 0) + line.index("2"))
        yield Slip(kind=slip.kind, source=source, edits=slip.edits, expected=(place,), section="deployment")


def _ranges(source: Source, chance: random.Random) -> Iterator[Slip]:
    for entry in source.scalars():
        texts = _beyond(entry)
        for text in chance.sample(texts, k=min(3, len(texts))):
            yield at_value(Kind.OUT_OF_RANGE, source, entry, text, "out-of-range")


def _beyond(entry: Entry) -> tuple[str, ...]:
    """Give numbers just outside what this value may be, and far outside."""
    if entry.path in WHOLE_NUMBERS:
        least, most = WHOLE_NUMBERS[entry.path]
        return (str(least - 1), str(most + 1), "-7", str(most * 1000 + 7))
    if entry.path == PERCENT:
        return ("0", "-5", "100.5", "101", "1e3", "0.0")
    if entry.path == _VERSION:
        return ("0", "-1")
    return ("101", "-1", "1000") if entry.above == ("traffic",) else ()


def _forms(source: Source, chance: random.Random) -> Iterator[Slip]:
    for path, texts in BAD_NAMES.items():
        entry = source.at(*path)
        for text in chance.sample(texts, k=min(4, len(texts))) if entry else ():
            assert entry is not None
            written = f'"{text}"' if entry.in_flow and set("[]{},") & set(text) else text
            yield at_value(Kind.WRONG_FORM, source, entry, written, "wrong-form")


def _too_long(source: Source, _chance: random.Random) -> Iterator[Slip]:
    for path, most in LONGEST.items():
        entry = source.at(*path)
        if entry:
            yield at_value(Kind.TOO_LONG, source, entry, "x" * (most + 1), "wrong-length")


def _references(source: Source, chance: random.Random) -> Iterator[Slip]:
    for entry in source.scalars():
        may_refer = entry.section in {"workspace", "tags"} or entry.path == ("dataset", "path")
        if is_text(source, entry) and not may_refer:
            text = f'"{chance.choice(_REFERENCES)}"'
            yield at_value(Kind.BAD_REFERENCE, source, entry, text, "env-not-allowed-here")
        elif may_refer:
            text = f'"{chance.choice(_BAD_REFERENCES)}"'
            yield at_value(Kind.BAD_REFERENCE, source, entry, text, "bad-env-reference")


def _secrets(source: Source, chance: random.Random) -> Iterator[Slip]:
    texts = [entry for entry in source.scalars() if is_text(source, entry) and entry.above not in OPEN]
    for entry in texts:
        yield at_value(Kind.SECRET, source, entry, f'"{chance.choice(_SECRETS)}"', "secret-in-recipe")
    for secret in _SECRETS if source.at("tags") else ():
        line = f'note: "{secret}"'
        yield inserted(Kind.SECRET, source, ("tags",), line, "secret-in-recipe", value=True)


MAKERS: tuple[Maker, ...] = (
    _types,
    _empty,
    _not_allowed,
    _ranges,
    _forms,
    _too_long,
    _references,
    _secrets,
)
