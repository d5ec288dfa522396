"""What the quick verbs do without: most of their time was once spent on importing what they never used."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from runner.clock import SystemClock
from runner.console import Output, Voice
from runner.console.console import Console
from runner.journal import FILE_NAME, Event, Journal, Json
from runner.session import Session

ROOT = Path(__file__).parents[2]
RECIPES = [
    "benchmarks/recipe.yaml",
    *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "configs").glob("*.yaml"))),
]
SCRIPT = (
    "import json, sys; from runner.cli import main\n"
    "try: main(sys.argv[1:])\n"
    "except SystemExit: pass\n"
    "sys.stdout.write('\\n' + json.dumps(sorted(sys.modules)))\n"
)
# Of what plans and runs are made of, and what words refusals.
NOT_TO_VALIDATE = (
    *("runner.steps", "runner.execute", "runner.manifest", "runner.journal", "runner.launcher"),
    *("runner.facts", "runner.plan", "runner.dataset", "runner.console.console"),
    *("jsonschema", "referencing", "importlib.metadata", "rich", "ssl"),
)


def _imported(*words: str) -> set[str]:
    command = [sys.executable, "-c", SCRIPT, *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    modules: list[str] = json.loads(done.stdout.splitlines()[-1])
    return set(modules)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_valid_recipe_is_told_so_without_what_only_others_need(recipe: str) -> None:
    imported = _imported("validate", recipe)
    assert "runner.load" in imported
    assert imported & set(NOT_TO_VALIDATE) == set()


def test_the_recipe_that_is_measured_has_120_lines() -> None:
    assert len((ROOT / "benchmarks" / "recipe.yaml").read_text(encoding="utf-8").splitlines()) == 120


def test_a_version_is_told_without_a_recipes_rooms() -> None:
    imported = _imported("--version")
    assert "runner.cli" in imported
    assert imported & {"runner.load", "runner.console", "runner.session", "yaml", "jsonschema_rs"} == set()


def test_a_session_tells_with_one_voice() -> None:
    """What was told before a verb asked for more is not told again."""
    stdout = io.StringIO()
    voice = Voice(stdout, io.StringIO(), Output.JSON, SystemClock(), told=True)
    session = Session(voice=voice, clock=voice.clock, environment={})
    console = session.console
    assert isinstance(console, Console)
    assert session.voice is session.console is console
    console.emulator(None)
    assert stdout.getvalue() == ""


def test_a_run_that_is_over_is_told_without_a_runs_rooms(tmp_path: Path, opening: Mapping[str, Json]) -> None:
    with Journal(tmp_path / FILE_NAME, SystemClock(), new=True) as journal:
        journal.append(Event.RUN_OPENED, data=opening)
        journal.append(Event.RUN_CLOSED, data={"status": "succeeded"})
    imported = _imported("resume", str(tmp_path))
    assert "runner.journal" in imported
    assert imported & {"runner.execute", "runner.load", "runner.steps", "runner.opening", "yaml"} == set()
    assert imported & {"azure", "jsonschema", "rich", "runner.console.console"} == set()
