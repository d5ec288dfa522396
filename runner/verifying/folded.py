"""The manifest, field by field, as what the journal's records come to."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice

from runner import manifest as manifests
from runner.errors import UsageError
from runner.journal import FILE_NAME, Event, Json, Record
from runner.journal.records import Covered
from runner.manifest import FORMAT, Manifest
from runner.manifest.states import run_from
from runner.manifest_file import FILE_NAME as MANIFEST
from runner.verifying.findings import Finding, differs, fits, notice

FOLD, AGREES = "against the journal", "agrees with the journal"
MOST_FIELDS = 20
_LONGEST_PLACE = 120
# Texts that may be shown: digests, times, and single words such as a status.
_HARMLESS = re.compile(r"[0-9a-f]{8}|[0-9a-f]{64}|[0-9TZ:.-]{24}|[a-z_]{1,16}")
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class _Unlike:
    place: str
    expected: object
    found: object


def folded(records: Sequence[Record], covered: Covered, said: Mapping[str, Json]) -> Iterator[Finding]:
    """Hold a manifest against the records that it counts, and tell what came after them."""
    if _repaired_since(records, covered):
        yield notice(MANIFEST, FOLD, "the journal was repaired after it was written: runner repair renews it")
        return
    counted = records[: covered.records] if covered.records else records
    known = told(counted)
    if known is None:
        yield differs(FILE_NAME, "", "its records do not tell a run from its opening on")
        return
    yield from _fields(known, _plain(run_from({**said, "format": FORMAT})))
    if covered.records and len(records) > covered.records:
        reason = (
            f"counts {covered.records} of {len(records)} records, as a run under way or a cut-off leaves it:"
            " runner resume or runner repair brings it up to date"
        )
        yield notice(MANIFEST, "journal.records", reason)


def told(records: Sequence[Record]) -> Mapping[str, Json] | None:
    """Give what records come to as a manifest's file has it; None where they tell of no run."""
    try:
        return _plain(manifests.fold(records))
    except (UsageError, LookupError, TypeError, ValueError, AttributeError):  # records of another shape
        return None


def _repaired_since(records: Sequence[Record], covered: Covered) -> bool:
    return any(
        each.event is Event.REPAIRED and each.data.get("covered") == asdict(covered) for each in records
    )


def _plain(manifest: Manifest) -> Mapping[str, Json]:
    """Give a manifest as its file has it."""
    plain: Mapping[str, Json] = json.loads(json.dumps(asdict(manifest)))
    return plain


def _fields(known: Mapping[str, Json], said: Mapping[str, Json]) -> Iterator[Finding]:
    unlike = list(_unlike(known, said, ""))
    if not unlike:
        yield fits(MANIFEST, AGREES)
    for each in islice(unlike, MOST_FIELDS):
        yield differs(
            MANIFEST,
            each.place[:_LONGEST_PLACE],
            "is not what the journal's records come to",
            expected=_shown(each.expected),
            found=_shown(each.found),
        )
    if len(unlike) > MOST_FIELDS:
        yield differs(MANIFEST, "further fields", f"{len(unlike) - MOST_FIELDS} more differ")


def _unlike(expected: object, found: object, place: str) -> Iterator[_Unlike]:
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in {**expected, **found}:
            below = f"{place}.{key}" if place else str(key)
            yield from _unlike(expected.get(key, _ABSENT), found.get(key, _ABSENT), below)
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for number, pair in enumerate(zip(expected, found, strict=True)):
            yield from _unlike(*pair, f"{place}.{number}")
    elif expected != found or type(expected) is not type(found):
        yield _Unlike(place, expected, found)


def _shown(value: object) -> str:
    """Give a value to be shown; of a text that might be a secret only its length."""
    if value is _ABSENT:
        return "(nothing)"
    if isinstance(value, str):
        return value if _HARMLESS.fullmatch(value) else f"a text of {len(value)} characters"
    if isinstance(value, dict | list):
        return f"{len(value)} entries"
    return json.dumps(value)
