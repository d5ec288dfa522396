"""The house keeps its shape: layers, laws and agreements, each read from the code and not from a page."""

import ast
import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from runner.cli import VERBS
from runner.errors import PreflightRefused, Severity
from runner.facts import TargetKind
from runner.load import load
from runner.opening import offline
from runner.recipe import STEP_SECTIONS
from runner.steps import STEPS
from runner.target import choose

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
SCHEMAS = sorted((ROOT / "schemas").rglob("*.schema.json"))
TODAY = date(2026, 11, 21)

# The rooms of the house, lowest first: each imports only rooms of the lines above its own, types included.
LAYERS = (
    ("__init__",),
    ("errors", "redact", "clock", "schema_files", "durable"),
    ("recipe", "yaml12", "manifest_file", "metric_table"),
    ("catalog",),
    ("parameters", "dataset", "journal"),
    ("facts",),
    ("naming", "manifest", "load", "fit", "holder", "checkout", "statistics"),
    ("target", "launcher", "runs", "outstanding", "provenance", "cost", "background", "repair"),
    ("index", "questions"),
    ("sweep",),
    ("sizing", "billing", "orphans", "under_way"),
    ("azure",),
    ("steps",),
    ("survey", "preflight", "plan", "origins", "compare", "reasons", "verifying"),
    ("crate",),
    ("execute", "pins"),
    ("replay", "collect"),
    ("console",),
    ("report",),
    ("reporting",),
    ("session", "recipe_argument", "on_interrupt"),
    ("opening",),
    ("lifecycle",),
    ("sweeping",),
    ("verbs",),
    ("cli",),
    ("__main__",),
)
# Programs of their own, which only a process reaches.
PROGRAMS = ("emulator", "trainer")

# The readers of argv and of the environment, each with its reason.
READERS = {
    "runner.cli": "reads both once and hands them down",
}
HEAVY = {
    "azure",
    "datasets",
    "jinja2",
    "mlflow",
    "pandas",
    "pyarrow",
    "tokenizers",
    "torch",
    "transformers",
    "vl_convert",
}
VAGUE = re.compile(r"(^|_)(util|helper|common|manager|handler)s?(_|$)")


class Moment(StrEnum):
    """When an import happens."""

    AT_ONCE = "with the module"
    CALLED = "when a function is called"
    TYPES = "for types only, never"


@dataclass(frozen=True, kw_only=True, slots=True)
class Import:
    """One imported module; its `room` is None outside runner/."""

    name: str
    line: int
    moment: Moment

    @property
    def room(self) -> str | None:
        return _room(self.name) if _is_under(self.name, "runner") else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Module:
    """One file of the package; its `room` is the file or the folder right under runner/."""

    name: str
    package: str
    path: Path
    tree: ast.Module

    @property
    def room(self) -> str:
        return _room(self.name)

    def imports(self) -> Iterator[Import]:
        """Walk over every import, wherever it stands."""
        for node, moment in _moments(self.tree, Moment.AT_ONCE):
            if isinstance(node, ast.Import | ast.ImportFrom):
                for name in self._imported(node):
                    yield Import(name=name, line=node.lineno, moment=moment)

    def _imported(self, node: ast.Import | ast.ImportFrom) -> Iterator[str]:
        """Resolve each name to a module: `from runner import plan` is about runner.plan."""
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
            return
        origin = importlib.util.resolve_name("." * node.level + (node.module or ""), self.package)
        for alias in node.names:
            inner = f"{origin}.{alias.name}"
            yield inner if _is_module(inner) else origin

    def names(self) -> set[str]:
        """Give every dotted name that is used, as it is called where it comes from: `os.environ`."""
        origins: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                origins |= {alias.asname: alias.name for alias in node.names if alias.asname}
            elif isinstance(node, ast.ImportFrom):
                origins |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        written = {
            ast.unparse(node) for node in ast.walk(self.tree) if isinstance(node, ast.Name | ast.Attribute)
        }
        parted = [name.partition(".") for name in written]
        return {f"{origins.get(first, first)}{dot}{rest}" for first, dot, rest in parted}

    def at(self, line: int) -> str:
        return f"{self.path.relative_to(ROOT)}:{line}"


def _room(name: str) -> str:
    return name.split(".")[1] if "." in name else "__init__"


def _is_under(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def _moments(node: ast.AST, moment: Moment) -> Iterator[tuple[ast.AST, Moment]]:
    """Walk over all there is in a node, and tell when each comes to run."""
    yield node, moment
    is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    below = Moment.CALLED if is_function and moment is Moment.AT_ONCE else moment
    for_types = node.body if isinstance(node, ast.If) and _asks_for_types(node.test) else []
    for child in ast.iter_child_nodes(node):
        yield from _moments(child, Moment.TYPES if child in for_types else below)


def _asks_for_types(test: ast.expr) -> bool:
    return ast.unparse(test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def _module(path: Path) -> Module:
    parts = path.relative_to(ROOT).with_suffix("").parts
    is_package = parts[-1] == "__init__"
    name = ".".join(parts[:-1] if is_package else parts)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return Module(name=name, package=name if is_package else name.rpartition(".")[0], path=path, tree=tree)


MODULES = [_module(path) for path in sorted((ROOT / "runner").rglob("*.py"))]
OURS = [module for module in MODULES if module.room not in PROGRAMS]


def test_the_guards_see_the_whole_house() -> None:
    """A guard that walks over nothing finds nothing."""
    assert len(OURS) > 40
    assert all(sum(module.room == program for module in MODULES) > 10 for program in PROGRAMS)
    assert sum(found.room is not None for module in OURS for found in module.imports()) > 200


# --- layers -------------------------------------------------------------------------------------------------


def test_every_room_has_its_layer_and_every_layer_its_rooms() -> None:
    listed = [room for layer in LAYERS for room in layer]
    assert sorted(listed) == sorted({module.room for module in OURS})


def test_a_room_imports_only_lower_ones() -> None:
    height = {room: floor for floor, layer in enumerate(LAYERS) for room in layer}
    upward = [
        f"{module.at(found.line)} imports {found.name}"
        for module in OURS
        for found in module.imports()
        if found.room not in {None, module.room}
        and height.get(str(found.room), len(LAYERS)) >= height[module.room]
    ]
    assert upward == []


def test_no_import_leads_back_to_where_it_started() -> None:
    """Not inside a package either, and not for types."""
    graph = {module.name: {found.name for found in module.imports()} for module in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as cycle:
        pytest.fail(f"a cycle: {' -> '.join(cycle.args[1])}")


def test_the_cloud_is_imported_late() -> None:
    """Who merely holds a cloud names its type; only what connects imports it, when it does."""
    moments = {
        (module.room, found.moment)
        for module in OURS
        for found in module.imports()
        if found.room == "azure" != module.room
    }
    assert moments == {
        ("steps", Moment.TYPES),
        ("survey", Moment.TYPES),
        ("execute", Moment.TYPES),
        ("collect", Moment.TYPES),
        ("opening", Moment.TYPES),
        ("opening", Moment.CALLED),
        ("lifecycle", Moment.TYPES),
        ("sweeping", Moment.TYPES),
        ("verbs", Moment.TYPES),
    }


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_of_its_own_shares_no_import_with_the_rest(program: str) -> None:
    crossing = [
        f"{module.at(found.line)} imports {found.name}"
        for module in MODULES
        for found in module.imports()
        if found.room is not None and (module.room == program) != (found.room == program)
    ]
    assert crossing == []


def test_only_verbs_are_imported_by_name_and_the_trainers_own_stages() -> None:
    """What is imported by a name made at run time escapes the guards above."""
    dynamic = {"importlib.import_module", "__import__", "runpy.run_module"}
    users = {module.name for module in MODULES if dynamic & module.names()}
    assert users == {"runner.cli", "runner.trainer.__main__"}
    files = {module.name for module in OURS if module.room == "verbs"} - {"runner.verbs"}
    assert {f"runner.verbs.{verb}" for verb in VERBS} == files


# --- laws ---------------------------------------------------------------------------------------------------


def test_only_the_azure_room_imports_azure() -> None:
    rooms = {
        module.room for module in MODULES for found in module.imports() if _is_under(found.name, "azure")
    }
    assert rooms == {"azure"}


def test_mlflow_is_imported_by_one_module_when_it_reads() -> None:
    users = {
        module.name for module in MODULES for found in module.imports() if _is_under(found.name, "mlflow")
    }
    moments = {
        (module.name, found.moment)
        for module in MODULES
        for found in module.imports()
        if found.name == "runner.azure.tracking"
    }
    assert users == {"runner.azure.tracking"}
    assert moments == {("runner.azure.metrics", Moment.CALLED), ("runner.azure.metrics", Moment.TYPES)}


def test_only_the_console_writes_to_the_terminal() -> None:
    prints = {"print", "builtins.print", "traceback.print_exc", "pprint.pprint"}
    rich = {module.room for module in OURS for found in module.imports() if _is_under(found.name, "rich")}
    assert [module.name for module in OURS if module.room != "console" and prints & module.names()] == []
    assert rich == {"console"}


def test_only_the_command_line_holds_the_streams_and_writes_to_neither() -> None:
    """It hands them to the console."""
    streams = re.compile(r"sys\.(__)?(stdout|stderr)(__)?\b")
    used = {module.name: {name for name in module.names() if streams.match(name)} for module in OURS}
    assert {name: found for name, found in used.items() if found} == {
        "runner.cli": {"sys.stdout", "sys.stderr"}
    }


def test_only_the_command_line_reads_argv_and_the_environment() -> None:
    sources = {"sys.argv", "sys.orig_argv", "os.environ", "os.environb", "os.getenv", "os.getenvb"}
    assert {module.name for module in OURS if sources & module.names()} == set(READERS)


@pytest.mark.parametrize(
    "words",
    [
        "--version",
        "--help",
        "validate configs/quickstart.yaml",
        "plan --offline configs/quickstart.yaml",
        "plan --offline configs/phi4_ultrachat.yaml",
        "schema",
        "runs",
        "init -",
    ],
)
def test_what_works_without_a_cloud_imports_nothing_heavy(words: str, tmp_path: Path) -> None:
    script = (
        "import json, pathlib, sys; from runner.cli import main\n"
        "try: code = main(sys.argv[2:])\n"
        "except SystemExit as exit: code = exit.code\n"
        "pathlib.Path(sys.argv[1]).write_text(json.dumps([code, sorted(sys.modules)]))\n"
    )
    seen = tmp_path / "modules.json"
    command = [sys.executable, "-c", script, str(seen), *words.split()]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True)
    code, modules = json.loads(seen.read_text())
    assert not code
    assert "runner.cli" in modules
    assert HEAVY & {name.split(".")[0] for name in modules} == set()


# --- files --------------------------------------------------------------------------------------------------


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert [module.name for module in MODULES if any(map(VAGUE.search, module.name.split(".")))] == []


def test_every_file_opens_with_a_sentence() -> None:
    assert [module.name for module in MODULES if not ast.get_docstring(module.tree)] == []


# --- agreements ---------------------------------------------------------------------------------------------


def test_steps_are_the_same_in_schema_recipe_and_code() -> None:
    properties = _read("recipe.schema.json")["properties"]
    marked = [name for name, section in properties.items() if section.get("x-step")]
    named = _read("manifest.schema.json")["properties"]["steps"]["propertyNames"]["enum"]
    assert len(marked) == 9
    assert tuple(marked) == tuple(named) == STEP_SECTIONS == tuple(STEPS)


def test_a_step_needs_and_takes_along_only_other_steps() -> None:
    """What it needs comes before it, what goes with it after."""
    for place, (name, step) in enumerate(STEPS.items()):
        assert set(step.traits.needs) <= set(STEP_SECTIONS[:place]), name
        assert set(step.traits.takes_along) <= set(STEP_SECTIONS[place + 1 :]), name
    assert any(step.traits.needs for step in STEPS.values())
    assert any(step.traits.takes_along for step in STEPS.values())


def test_there_are_recipes() -> None:
    assert len(CONFIGS) >= 3


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_recipe_plans_offline_every_step_it_has_a_section_for(path: Path) -> None:
    """On the emulator, where what Azure has retired still runs."""
    loaded = load(path)
    planned = [change.step for change in offline(loaded, TargetKind.EMULATOR, TODAY).changes]
    given = [name for name in STEP_SECTIONS if getattr(loaded.recipe, name) is not None]
    assert given
    assert sorted(planned) == sorted(given)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_recipe_plans_on_its_own_target_unless_its_model_is_retired(path: Path) -> None:
    loaded = load(path)
    try:
        planned = offline(loaded, choose(loaded.recipe, None), TODAY)
    except PreflightRefused as refused:
        errors = {each.code for each in refused.diagnostics if each.severity is Severity.ERROR}
        assert errors == {"model-retired"}
    else:
        assert planned.changes


def test_there_are_schemas() -> None:
    assert {"manifest.schema.json", "recipe.schema.json"} <= {path.name for path in SCHEMAS}


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_a_schema_is_one_and_says_of_every_object_what_else_it_may_hold(path: Path) -> None:
    schema = json.loads(path.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    objects = {place: each for place, each in _schemas(schema, "#") if "object" in each.get("type", ())}
    assert len(objects) > (0 if path.parent.name in {"parameters", "rows"} else 5)
    assert [place for place, each in objects.items() if "additionalProperties" not in each] == []


@pytest.mark.parametrize("path", sorted((ROOT / "schemas").rglob("*.json")), ids=lambda path: path.name)
def test_a_schema_travels_in_the_wheel(path: Path) -> None:
    """It goes where the loader looks for it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    mapping = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    homes = [
        Path(target) / path.relative_to(ROOT / source)
        for source, target in mapping.items()
        if path.is_relative_to(ROOT / source)
    ]
    assert homes == [Path("runner") / path.relative_to(ROOT)]


def _read(name: str) -> Mapping[str, Any]:
    schema: Mapping[str, Any] = json.loads((ROOT / "schemas" / name).read_text(encoding="utf-8"))
    return schema


def _schemas(schema: Mapping[str, Any], place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Walk over a schema and those within; a property may be called like a keyword."""
    yield place, schema
    inner = {key: schema[key] for key in ("items", "additionalProperties", "propertyNames") if key in schema}
    for key in ("properties", "$defs"):
        inner |= {f"{key}/{name}": each for name, each in schema.get(key, {}).items()}
    for key in ("oneOf", "anyOf", "allOf"):
        inner |= {f"{key}/{index}": each for index, each in enumerate(schema.get(key, ()))}
    for key, each in inner.items():
        if isinstance(each, dict):
            yield from _schemas(each, f"{place}/{key}")
