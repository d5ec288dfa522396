"""The schemas' files: in the installed package, or in the checkout.

A schema refers to another by its path from the schemas' folder. Nothing else can be referred to: no address
leads to a network or to another folder.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

# A host that cannot be (RFC 2606): where relative references of the schemas start.
BASE = "https://schemas.invalid/"

_INSTALLED = Path(__file__).parent / "schemas"
_CHECKOUT = Path(__file__).parents[1] / "schemas"
_EDITORS = "x-editors"
_NAME = re.compile(r"(?:[a-z0-9_]+/)?[a-z0-9_]+\.schema\.json")


@cache
def read_schema(name: str) -> Mapping[str, Any]:
    """Read a schema by its file's name, with its folder's if it is in one under `schemas/`."""
    folder = _INSTALLED if _INSTALLED.is_dir() else _CHECKOUT
    schema: Mapping[str, Any] = json.loads((folder / name).read_text("utf-8"))
    return schema


def bundled(name: str) -> Mapping[str, Any]:
    """Give a schema with every file that it refers to under its own `$defs`, so that it works anywhere."""
    homes = {name: "#"}
    whole: dict[str, Any] = _rewritten(read_schema(name), "#", homes)
    parts: dict[str, Any] = {}
    while len(parts) + 1 < len(homes):  # a part may refer to further ones
        file, home = list(homes.items())[len(parts) + 1]
        part = {key: value for key, value in read_schema(file).items() if key != "$schema"}
        parts[_key(file)] = _rewritten(part, home, homes)
    return whole | {"$defs": whole.get("$defs", {}) | parts} if parts else whole


def _rewritten(value: Any, home: str, homes: dict[str, str]) -> Any:  # noqa: ANN401 - JSON may be anything
    """Copy a part of a file that will stand at `home`; where the files it refers to will, goes to `homes`."""
    if isinstance(value, list):
        return [_rewritten(each, home, homes) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _reference(inner, home, homes)
        if key == "$ref" and isinstance(inner, str)
        else _rewritten(inner, home, homes)
        for key, inner in value.items()
    }


def _reference(reference: str, home: str, homes: dict[str, str]) -> str:
    file, _, place = reference.partition("#")
    if file:
        home = homes.setdefault(file, f"#/$defs/{_key(file)}")
    return f"{home}{place}"


def _key(file: str) -> str:
    return file.removesuffix(".schema.json").replace("/", "_")


def referred(address: str) -> Mapping[str, Any]:
    """Read the schema that a reference leads to, for a validator; raises LookupError for all but our own.

    It comes without its `$id`, so that its own references start at its file, and without its `$schema`, for
    which a validator would put another one, less strict than itself, in its place. What is marked `x-editors`
    is left out, too: the loader tells of a task's parameters in the component's words, and once.
    """
    name = address.removeprefix(BASE)
    if not address.startswith(BASE) or not _NAME.fullmatch(name):
        raise LookupError("a schema refers to something that is no schema of ours")
    schema = {key: value for key, value in read_schema(name).items() if key not in {"$id", "$schema"}}
    return {key: _for_loading(value) for key, value in schema.items()}


def _for_loading(value: Any) -> Any:  # noqa: ANN401 - a schema is JSON, and so is all there is in it
    if isinstance(value, list):
        return [_for_loading(each) for each in value if not (isinstance(each, dict) and each.get(_EDITORS))]
    if isinstance(value, dict):
        kept = {key: _for_loading(each) for key, each in value.items()}
        return {key: each for key, each in kept.items() if each != [] or value[key] == []}
    return value
