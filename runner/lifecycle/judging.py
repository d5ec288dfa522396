"""A run that has ended, held against the one that it reproduces; the verdict becomes part of its record."""

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from runner import compare, execute, manifest
from runner.compare import TOLERANCE, Verdict
from runner.compare.verdict import as_json
from runner.errors import NotReproduced, RunnerError
from runner.execute import Run
from runner.journal import Event, Journal, Json
from runner.lifecycle.carry_out import Outcome
from runner.manifest import Manifest, RunStatus

# In the first record of a run; a manifest has no use for it.
REPRODUCTION = "reproduction"


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """How a reproduction is judged: by which manifest (None where it is gone), how nearly."""

    path: Path | None
    tolerance: float = TOLERANCE
    exact: bool = False

    def as_json(self, folder: Path) -> dict[str, Json]:
        """Give it for the first record of the run in this folder, from which the manifest is found again."""
        path = os.path.relpath(self.path.resolve(), folder.resolve()) if self.path else None
        return {"manifest": path, "tolerance": self.tolerance, "exact": self.exact}


def measure_of(journal: Journal, folder: Path) -> Measure:
    """Give by what a run that goes on is judged: as it was opened, else by the runs beside it."""
    kept: dict[str, Json] = journal.records[0].data.get(REPRODUCTION) or {}
    parent: dict[str, Json] = journal.records[0].data["parent"]
    # A first record that a repair made anew is the manifest's: it has the parent alone.
    told = {**parent, **kept}
    places = [folder / kept["manifest"]] if kept.get("manifest") else []
    places.append(folder.parent / str(parent["run_id"]) / manifest.FILE_NAME)
    return Measure(
        path=next((path for path in places if path.is_file()), None),
        tolerance=float(told.get("tolerance", TOLERANCE)),
        exact=bool(told.get("exact")),
    )


def is_to_be_judged(said: Manifest) -> bool:
    """Tell a reproduction that has succeeded and has no verdict yet."""
    return said.parent is not None and said.verdict is None and said.status is RunStatus.SUCCEEDED


def judged(run: Run, outcome: Outcome) -> Outcome:
    """Judge a run that has come to its end, if it reproduces another, and give what that makes of it."""
    if outcome.error or not is_to_be_judged(outcome.manifest):
        return outcome
    try:
        verdict = record_verdict(run.journal, run.folder)
    except RunnerError as error:
        return replace(outcome, error=error)
    missed = not_reproduced(run.manifest, verdict)
    return replace(outcome, manifest=run.manifest, error=missed)


def record_verdict(journal: Journal, folder: Path) -> Verdict | None:
    """Hold a run against its parent and write down what came of it; None where the parent's manifest is gone.

    Raises NotWritten.
    """
    said = execute.manifest_of(journal)
    measure = measure_of(journal, folder)
    original = _read(measure.path)
    if original is None or original.run_id != (said.parent or {}).get("run_id"):  # its place is another's now
        return None
    verdict = compare.judge(original, said, tolerance=measure.tolerance, exact=measure.exact)
    execute.record(journal, folder, Event.JUDGED, data=as_json(verdict))
    return verdict


def not_reproduced(said: Manifest, verdict: Verdict | None) -> NotReproduced | None:
    """Give the error that a run ends with which did not come to the same."""
    parent = (said.parent or {}).get("run_id", "")
    hint = f"runner diff {parent} {said.run_id} shows all that differs"
    if verdict is None:
        return NotReproduced(
            f"{said.run_id} cannot be judged: the manifest of {parent} is not there any more",
            hint=f"with that manifest: {hint}",
        )
    if verdict.reproduced:
        return None
    return NotReproduced(f"{said.run_id} did not reproduce {parent}: {_told(verdict)}", hint=hint)


def missed(said: Manifest) -> NotReproduced | None:
    """Give the error of a run whose verdict, written down before, is that it came to something else."""
    if said.verdict is None or said.verdict.get("reproduced"):
        return None
    parent = (said.parent or {}).get("run_id", "")
    return NotReproduced(
        f"{said.run_id} did not reproduce {parent}",
        hint=f"runner show {said.run_id} has the verdict; runner diff {parent} {said.run_id} shows all of it",
    )


def _read(path: Path | None) -> Manifest | None:
    with suppress(RunnerError):
        return manifest.load(path) if path else None
    return None


def _told(verdict: Verdict) -> str:
    levels = {"inputs": verdict.inputs, "metrics": verdict.metrics, "outputs": verdict.outputs}
    if not verdict.exact:
        del levels["outputs"]
    parts = []
    for name, level in levels.items():
        named = ", ".join(each.key for each in level.differs)
        if named:
            parts.append(f"{name} differ: {named}")
        elif level.reason and (name != "metrics" or verdict.trained):
            parts.append(f"{name} are not known: {level.reason}")
    return "; ".join(parts)
