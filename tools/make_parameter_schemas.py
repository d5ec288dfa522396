"""Make the schemas of `finetune.parameters` that editors read, one a task, out of the components' inputs.

    python tools/make_parameter_schemas.py                       from the committed catalog
    python tools/make_parameter_schemas.py --registry azureml    from a live registry, signed in as for a run
    python tools/make_parameter_schemas.py --check               say whether the files are up to date

With a registry, the component's newest version and its inputs go into runner/catalog/components as well. What
the catalog of the emulator takes from there is made by tools/make_emulator_catalog.py afterwards.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from runner import catalog
from runner.catalog import Component, ComponentInput
from runner.errors import RunnerError
from runner.facts import Target, TargetKind
from runner.parameters import normalise
from runner.parameters.schema import parameters_schema
from runner.recipe import Scalar

if TYPE_CHECKING:
    from runner.azure.registry import Registry

ROOT = Path(__file__).resolve().parent.parent

Json = dict[str, Any]


def main() -> int:
    """Write what is made, or with --check compare it."""
    options = _options()
    try:
        made = schemas(options.root) if options.registry is None else live(options.root, options.registry)
    except KeyError as missing:
        print(f"runner/catalog/descriptions.json does not describe {missing}: add it", file=sys.stderr)
        return 1
    except RunnerError as error:
        print(f"error: {error.message}. {error.hint}", file=sys.stderr)
        return int(error.exit_code)
    if options.check:
        return _compare(options.root, made)
    for path, text in made.items():
        (options.root / path).parent.mkdir(parents=True, exist_ok=True)
        (options.root / path).write_text(text, encoding="utf-8")
    return 0


def schemas(root: Path) -> Mapping[str, str]:
    """Return each schema's path and text, as the catalog under `root` has its component."""
    components = {task: _component_file(root, task) for task in catalog.tasks()}
    return {
        schema_path(task): schema_text(catalog.component_from(content))
        for task, content in components.items()
    }


def live(root: Path, registry_name: str) -> Mapping[str, str]:
    """Return each schema's and each component file's path and text, as a registry has the component now."""
    registry = _registry(registry_name)
    made = {}
    for task in catalog.tasks():
        found = registry.component(catalog.component_name(task), "latest")
        if found is None:
            raise RunnerError(f"registry {registry_name} has no component {catalog.component_name(task)}")
        made[component_path(task)] = component_text(_component_file(root, task), found)
        made[schema_path(task)] = schema_text(found)
    return made


def schema_path(task: str) -> str:
    """Return where a task's schema lies under the root."""
    return f"schemas/parameters/{task}.schema.json"


def component_path(task: str) -> str:
    """Return where the facts about a task's component lie under the root."""
    return f"runner/catalog/components/{catalog.component_name(task)}.json"


def schema_text(component: Component) -> str:
    """Return the text of a component's schema."""
    return _text(parameters_schema(component, catalog.input_descriptions()), indent=2)


def component_text(committed: Json, found: Component) -> str:
    """Return the text of a component's file, with what a registry says of it today."""
    known = {entry["name"]: entry for entry in committed["inputs"]}
    inputs = [_entry(known.get(name, {}), each) for name, each in found.inputs.items()]
    same = found.version == committed["version"] and inputs == committed["inputs"]
    today = datetime.now(UTC).date().isoformat()
    source = committed["source"] if same else f"the registry's own answer about version {found.version}"
    news = {"version": found.version, "as_of": today, "source": source, "inputs": inputs}
    return _text(committed | news, indent=1)


def _entry(known: Json, found: ComponentInput) -> Json:
    """Return an input as the catalog writes it; how it is mounted is kept, for the SDK does not tell it."""
    made: Json = {"name": found.name, "type": found.type, "optional": found.optional}
    if found.default is not None:
        made["default"] = _spelled_as_before(known.get("default"), found.default, found)
    if found.enum:
        made["enum"] = list(found.enum)
    if found.minimum is not None:
        made["min"] = int(found.minimum) if found.type == "integer" else found.minimum
    return made | {key: known[key] for key in ("mode",) if key in known}


def _spelled_as_before(known: Scalar | None, found: Scalar, accepted: ComponentInput) -> Scalar:
    """Return a default; what the SDK merely writes otherwise, 1e-08 for "1e-8", is no news."""
    same = known is not None and normalise(known, accepted) == normalise(found, accepted)
    return known if known is not None and same else found


def _registry(name: str) -> "Registry":
    """Sign in as the runner does, to the cloud that the environment names, and open a registry."""
    # The SDK takes a second and a half to import, and is needed here alone.
    from runner.azure.registry import connect_registry  # noqa: PLC0415
    from runner.azure.signin import sign_in  # noqa: PLC0415

    credential = sign_in(_target(os.environ), os.environ, at_a_terminal=sys.stdin.isatty())
    return connect_registry(name, credential)


def _target(environment: Mapping[str, str]) -> Target:
    """Return the emulator if the environment is the one that `runner emulator env` prints, else Azure."""
    ids = {"subscription_id": "", "resource_group": "", "workspace_name": ""}
    if "ARM_CLOUD_METADATA_URL" not in environment:
        return Target(kind=TargetKind.AZURE, **ids)
    address = urlsplit(environment["ARM_CLOUD_METADATA_URL"])
    return Target(kind=TargetKind.EMULATOR, resource_manager=f"{address.scheme}://{address.netloc}", **ids)


def _compare(root: Path, made: Mapping[str, str]) -> int:
    stale = [path for path, text in made.items() if _read(root / path) != text]
    for path in stale:
        print(f"{path} is out of date: run tools/make_parameter_schemas.py", file=sys.stderr)
    return 1 if stale else 0


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _component_file(root: Path, task: str) -> Json:
    content: Json = json.loads(_read(root / component_path(task)))
    return content


def _text(content: Json, *, indent: int) -> str:
    return json.dumps(content, indent=indent) + "\n"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--registry", help="read the components from this registry, such as azureml")
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout to write to")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
