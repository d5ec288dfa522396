"""Generate the emulator's catalog from the runner's: what its registry, its VM sizes and its components are.

    python tools/make_emulator_catalog.py            write runner/emulator/data/catalog.json
    python tools/make_emulator_catalog.py --check    say whether the file is up to date

The emulator may not read the runner's files, so what both know is copied by this script alone.
"""

import argparse
import copy
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CATALOG = ROOT / "runner" / "catalog"
TARGET = ROOT / "runner" / "emulator" / "data" / "catalog.json"

Json = dict[str, Any]


def main() -> int:
    """Write the catalog, or with --check compare it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true")
    wanted = render()
    if not parser.parse_args().check:
        TARGET.write_text(wanted, encoding="utf-8")
        return 0
    if TARGET.read_text(encoding="utf-8") == wanted:
        return 0
    print(f"{TARGET.relative_to(ROOT)} is out of date: run tools/make_emulator_catalog.py", file=sys.stderr)
    return 1


def render() -> str:
    """Return the text that the catalog file must hold."""
    models = _read("models.json")
    sizes = _read("vm_sizes.json")
    components = [
        _read(path.relative_to(CATALOG)) for path in sorted((CATALOG / "components").glob("*.json"))
    ]
    catalog = {
        "as_of": models["as_of"],
        "models": [*_older_models(models["models"]), *map(_wire_model, models["models"])],
        "components": [version for component in components for version in _component_versions(component)],
        "vm_sizes": [_size(size) for size in sizes["sizes"]],
    }
    return json.dumps(catalog, indent=1, ensure_ascii=False) + "\n"


def _read(name: str | Path) -> Json:
    content: Json = json.loads((CATALOG / name).read_text(encoding="utf-8"))
    return content


def _wire_model(model: Json) -> Json:
    """Turn tags into strings, as the service sends them: text stays, the rest becomes a Python literal."""
    return {
        "name": model["name"],
        "version": model["version"],
        "archived": model["archived"],
        "tags": {key: _wire_text(value) for key, value in model["tags"].items()},
        "properties": {key: _wire_text(value) for key, value in model["properties"].items()},
    }


def _wire_text(value: object) -> str:
    return value if isinstance(value, str) else str(value)


def _older_models(models: list[Json]) -> list[Json]:
    """Make up two older versions of Phi-3-mini: no retirement dates, no bounds of the learning rate."""
    newest = next(model for model in models if model["name"] == "Phi-3-mini-4k-instruct")
    older = []
    for version in ("13", "14"):
        model = copy.deepcopy(newest) | {"version": version}
        model["tags"] = {key: value for key, value in model["tags"].items() if not key.endswith("Date")}
        defaults = model["tags"]["model_specific_defaults"]
        model["tags"]["model_specific_defaults"] = {
            key: value
            for key, value in defaults.items()
            if key not in {"learning_rate_min", "learning_rate_max"}
        }
        older.append(_wire_model(model))
    return older


def _component_versions(component: Json) -> list[Json]:
    """Add older versions: two with the same inputs, and one from when an enum said `no`, not `disable`."""
    newest = component["version"]
    prefix, _, last = newest.rpartition(".")
    versions = [
        f"{prefix}.{int(last) - 25}",
        f"{prefix}.{int(last) - 2}",
        f"{prefix}.{int(last) - 1}",
        newest,
    ]
    wired = [_wire_component(component | {"version": version}) for version in versions]
    for enum in (spec["enum"] for spec in wired[0]["inputs"].values() if "disable" in spec.get("enum", [])):
        enum[enum.index("disable")] = "no"
    return wired


def _wire_component(component: Json) -> Json:
    """Write booleans and numbers as text, as the registry answers them."""
    inputs = {
        spec["name"]: {key: _wire_input(value) for key, value in spec.items() if key != "name"}
        for spec in component["inputs"]
    }
    return {
        "name": component["name"],
        "version": component["version"],
        "display_name": component["display_name"],
        "description": f"Pipeline component {component['display_name']}",
        "type": component["type"],
        "is_deterministic": "True",
        "inputs": inputs,
        "outputs": component["outputs"],
        "jobs": component["jobs"],
    }


def _wire_input(value: object) -> object:
    return list(value) if isinstance(value, list) else _wire_text(value)


def _size(size: Json) -> Json:
    return {key: size[key] for key in ("name", "family", "vcpus", "memory_gb", "gpus", "disk_gb")}


if __name__ == "__main__":
    sys.exit(main())
