"""Which runs processes carry out: who follows one is told, and a second run of its recipe is refused."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from runner import manifest
from runner import sweep as sweeps
from runner.errors import RunHeld, RunnerError
from runner.facts import Target
from runner.holder import is_held, last_holder
from runner.journal import FILE_NAME, read
from runner.target import is_of


class Carried(StrEnum):
    """Who carries a run on; `elsewhere` where only its manifest is at hand."""

    BY_A_PROCESS = "by a process"
    BY_NOBODY = "by nobody"
    ELSEWHERE = "elsewhere"


def carried(folder: Path) -> Carried:
    """Tell who carries a run on."""
    journal = folder / FILE_NAME
    if not journal.exists():
        return Carried.ELSEWHERE
    return Carried.BY_A_PROCESS if is_held(journal) else Carried.BY_NOBODY


def refuse_a_second(runs: Path, recipe: str, workspace: Target, *, sweep: str = "") -> None:
    """Raise RunHeld where a process holds a run of that recipe; what another machine holds is not seen.

    For the sweep of that id its own points are no others.
    """
    _refuse_beside_a_sweep(runs, recipe, workspace, sweep)
    for folder in _held(runs, recipe):
        try:
            records = read(folder / FILE_NAME)
            said = manifest.fold(records)
        except RunnerError:  # which workspace it is about cannot be told
            continue
        if sweep and said.sweep and said.sweep["id"] == sweep:
            continue
        if said.recipe["name"] == recipe and is_of(said.target, workspace):
            holder = last_holder(records) or "another process"
            raise RunHeld(
                f"{holder} carries out run {said.run_id} of this recipe in the same workspace: two at once"
                " would change the same endpoint",
                hint=f"runner attach {said.run_id} follows it; runner cancel {said.run_id} ends it; or give"
                " the recipe another name, and another endpoint",
            )


def _refuse_beside_a_sweep(runs: Path, recipe: str, workspace: Target, ours: str) -> None:
    """Raise RunHeld where a process holds a sweep of that recipe, even between two of its runs."""
    for folder in sorted(runs.glob(f"*-{recipe}-sweep-*")):
        try:
            listed = sweeps.read(folder) if folder.name != ours and is_held(folder / sweeps.LOCK) else None
        except (RunnerError, OSError):  # which workspace it is about cannot be told
            continue
        if listed and listed.recipe["name"] == recipe and is_of(listed.target, workspace):
            raise RunHeld(
                f"{sweeps.holder_of(folder) or 'another process'} carries out sweep {folder.name} of this"
                " recipe in the same workspace",
                hint=f"wait until it ends; runner cancel {folder.name} ends it; or give the recipe another"
                " name",
            )


def _held(runs: Path, recipe: str) -> Iterator[Path]:
    """Give the runs that are held, of those whose id has the recipe's name."""
    for folder in sorted(runs.glob(f"*-{recipe}-*")):
        try:
            if is_held(folder / FILE_NAME):
                yield folder
        except OSError:  # a link, or no folder: no run of ours
            continue
