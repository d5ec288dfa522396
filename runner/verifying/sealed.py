"""The manifest by itself: its digest, its form, its schema, and the recipe's texts against their digests."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runner import manifest_file
from runner.errors import UsageError
from runner.journal import Json
from runner.load import SETTING
from runner.manifest_file import FILE_NAME, FORMAT, UNSEALED
from runner.redact import MASK
from runner.schema_files import read_schema
from runner.verifying import opening
from runner.verifying.findings import Finding, compared, differing, differs, fits, notice, unchecked

LARGEST = 64 << 20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# What a later version adds is not this version's business.
_TOLERATED = {"additionalProperties", "propertyNames"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Sealed:
    """A manifest that was looked at; `content` is empty where it is none, or not as its schema says."""

    content: Mapping[str, Json]
    findings: tuple[Finding, ...]


def sealed(folder: Path, name: str = FILE_NAME) -> Sealed:
    """Look at the manifest alone. Raises UsageError for one that a later version wrote."""
    try:
        written = opening.content(folder, name, at_most=LARGEST)
    except opening.Missing:
        return _nothing(unchecked(FILE_NAME, "", "is not here"))
    except opening.Refused as refused:
        return _nothing(differs(FILE_NAME, "", str(refused)))
    try:
        said = _parsed(written)
    except (ValueError, TypeError, RecursionError) as error:
        return _nothing(differs(FILE_NAME, "", _why_no_json(error)))
    by_itself = (*_digest(said, folder), *_form(said, written))
    shape = tuple(shaped(said))
    if differing(shape):
        return Sealed(content={}, findings=(*by_itself, *shape))
    return Sealed(content=said, findings=(*by_itself, *shape, *_recipe(said["recipe"])))


class _Twice(ValueError):
    """A key that stands twice: one reader takes the first, another the last."""


def _nothing(finding: Finding) -> Sealed:
    return Sealed(content={}, findings=(finding,))


def _parsed(written: bytes) -> Mapping[str, Json]:
    found = json.loads(written.decode(), object_pairs_hook=_once, parse_constant=_no_number)
    if not isinstance(found, dict):
        raise TypeError
    return found


def _once(pairs: Sequence[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Twice
    return found


def _no_number(_constant: str) -> Json:
    raise ValueError


def _why_no_json(error: Exception) -> str:
    return "says a key twice" if isinstance(error, _Twice) else "is no JSON object"


def _digest(said: Mapping[str, Json], folder: Path) -> Iterator[Finding]:
    """Hold the manifest against its own digest."""
    if "digest" not in said and said.get("format") == UNSEALED:
        yield unchecked(FILE_NAME, "digest", "manifests of format 1 have none")
        return
    counted = manifest_file.digest(said)
    kind = said.get("format")
    if said.get("digest") == counted and type(kind) is int and kind > FORMAT:
        raise UsageError(
            f"{folder / FILE_NAME} has manifest format {kind}; this version reads {UNSEALED} to {FORMAT}",
            hint="a later version of runner wrote it: install that",
        )
    yield compared(
        FILE_NAME,
        "digest",
        expected=_as_digest(said.get("digest")),
        found=counted,
        reason="its content is not what its digest was made of",
    )


def _as_digest(said: Json) -> str:
    """Give a digest to be shown; what else may stand in its place is not repeated."""
    is_one = isinstance(said, str) and len(said) == len(hashlib.sha256().hexdigest()) and said.isalnum()
    return str(said) if is_one else "(none)"


def _form(said: Mapping[str, Json], written: bytes) -> Iterator[Finding]:
    """See that it is laid out as it was written; line ends are git's to change."""
    if written.replace(b"\r\n", b"\n") != json.dumps(said, indent=2).encode() + b"\n":
        yield notice(
            FILE_NAME, "form", "another program has written it anew: it says the same in other bytes"
        )


def shaped(said: Mapping[str, Json]) -> Iterator[Finding]:
    """Hold a manifest against its schema."""
    # Only who looks at a manifest pays for the validator.
    from jsonschema import Draft202012Validator  # noqa: PLC0415

    found = list(Draft202012Validator(read_schema("manifest.schema.json")).iter_errors(said))
    if not found:
        yield fits(FILE_NAME, "schema")
    for error in found:
        place = ".".join(str(part) for part in error.absolute_path) or "the top"
        if error.validator in _TOLERATED:
            yield notice(FILE_NAME, place, "has keys that this version does not know; they are not looked at")
        else:
            yield differs(FILE_NAME, place, "is not as the manifest's schema says")


def _recipe(recipe: Mapping[str, Json]) -> Iterator[Finding]:
    """Hold each text that the manifest keeps against the digest beside it."""
    yield _text("recipe", recipe["text"], recipe["sha256"])
    settings = 0
    for part in recipe.get("parts", ()):
        settings += part["kind"] == SETTING
        place = f"{SETTING} {settings}" if part["kind"] == SETTING else f"{part['kind']} {part['path']}"
        yield _text(place, part["text"], part["sha256"])


def _text(place: str, text: str, sha256: str) -> Finding:
    if MASK in text:
        return unchecked(FILE_NAME, place, "a secret was taken out of it when it was recorded")
    written = text.encode("utf-8", "surrogatepass")
    digests = [hashlib.sha256(each).hexdigest() for each in (written, _BYTE_ORDER_MARK + written)]
    if sha256 in digests:
        return fits(FILE_NAME, place)
    return differs(
        FILE_NAME,
        place,
        "its text is not the one that its digest was made of",
        expected=sha256,
        found=digests[0],
    )
