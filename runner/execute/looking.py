"""Look at what a run left alive, and write down what is gone without having been asked to go."""

from collections.abc import Mapping

from runner.execute.run import Run
from runner.execute.waiting import first_answer
from runner.journal import Event, Json
from runner.steps import STEPS


def note_what_is_gone(run: Run) -> tuple[str, ...]:
    """Give the steps whose resources are gone; the cloud is only looked at."""
    manifest = run.manifest
    gone = tuple(
        each.step for each in manifest.alive if _is_gone(run, each.step, manifest.steps[each.step].intent)
    )
    for name in gone:
        run.record(Event.DELETE_DONE, step=name, data={"with": [], "seen": "gone without being asked to go"})
    return gone


def _is_gone(run: Run, name: str, intent: Mapping[str, Json]) -> bool:
    step = STEPS[name]
    return first_answer(
        run, lambda: step.standing(run.cloud, intent) is None and not step.listed(run.cloud, intent)
    )
