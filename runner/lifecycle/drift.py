"""What the recipe's files say now, held against what a run recorded: by values, not by text."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from runner import origins
from runner.errors import Diagnostic, Drifted, RecipeInvalid
from runner.facts import ResourceKind
from runner.load import Loaded, load
from runner.manifest import Manifest
from runner.parameters import Origin
from runner.yaml12 import Key, Value

_PARAMETERS = ("finetune", "parameters")
_PROFILE, _SETTING = "profile", "--set"


def refuse_drift(said: Manifest, recorded: Loaded, path: Path) -> None:
    """Raise Drifted where the file means something else now; one that is not there any more means nothing.

    `recorded` is what the run has in force. Raises RecipeInvalid for a file that means nothing any more.
    """
    if not path.is_file():
        return
    parts = said.recipe.get("parts", [])
    try:
        now = load(
            path,
            profiles=[Path(part["path"]).stem for part in parts if part["kind"] == _PROFILE],
            settings=[part["text"] for part in parts if part["kind"] == _SETTING],
        )
    except RecipeInvalid as error:
        raise RecipeInvalid(error.message, error.diagnostics, hint=_hint(said, path)) from error
    found = tuple(_differences(now, _recorded(said, recorded)))
    if found:
        raise Drifted(
            f"the recipe of run {said.run_id} has changed since it was opened",
            now.source.in_order(found),
            hint=_hint(said, path),
        )


def differences(now: Loaded, then: Loaded) -> tuple[Diagnostic, ...]:
    """Give what a recipe says now that it did not say then; parameters count where they are given."""
    return now.source.in_order(_differences(now, _values(then)))


def _hint(said: Manifest, path: Path) -> str:
    """Give both ways on as they can be typed, and say what runs meanwhile."""
    jobs = [f"; job {each.name} still runs" for each in said.alive if each.kind == ResourceKind.JOB.value]
    return (
        f"runner resume {said.run_id} --as-recorded goes on with what was recorded; runner run"
        f" {shlex.quote(_seen_from_here(path))} begins anew{''.join(jobs)}"
    )


def _seen_from_here(path: Path) -> str:
    """Name a file from the working folder, where it lies below it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _recorded(said: Manifest, recorded: Loaded) -> Mapping[Key, Value]:
    """Give what the recipe's files said then; of the parameters in force, those that they gave."""
    values = {key: value for key, value in _values(recorded).items() if key[:2] != _PARAMETERS}
    given = [each for each in said.parameters if each["origin"] == Origin.RECIPE.value]
    return values | {(*_PARAMETERS, each["name"]): each["value"] for each in given}


def _values(loaded: Loaded) -> dict[Key, Value]:
    return {each.key: each.value for each in origins.values(loaded, None, None)}


def _differences(now: Loaded, then: Mapping[Key, Value]) -> Iterator[Diagnostic]:
    values = _values(now)
    for key in sorted({*values, *then}, key=str):
        if not _same(values.get(key), then.get(key)):
            yield now.source.diagnostic(
                key,
                code="drifted",
                message=f"is {_told(values.get(key))}",
                expected=f"the run was opened with {_told(then.get(key))}",
            )


def _same(one: Value, other: Value) -> bool:
    """Compare as the component does: the text `true` and the truth value are the same to it."""
    return one == other or str(one).lower() == str(other).lower()


def _told(value: Value) -> str:
    return "not given" if value is None else str(value)
