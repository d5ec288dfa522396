"""The schemas' files: in the installed package, or in the checkout."""

import importlib.resources
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def read_schema(name: str) -> Mapping[str, Any]:
    """Read a schema by its file's name."""
    installed = importlib.resources.files("runner").joinpath("schemas", name)
    checkout = Path(__file__).parents[1] / "schemas" / name
    text = installed.read_text("utf-8") if installed.is_file() else checkout.read_text("utf-8")
    schema: Mapping[str, Any] = json.loads(text)
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
