"""Look at what a run left alive, and write down what is gone without having been asked to go."""

from runner.execute.run import Run
from runner.execute.waiting import first_answer
from runner.journal import Event
from runner.steps import STEPS

# One look and one list that come in the same instant may both be out of date.
SECONDS_BETWEEN = 10.0


def note_what_is_gone(run: Run) -> tuple[str, ...]:
    """Give the steps whose resources are gone by two looks and lists each; the cloud is only looked at."""
    missing = [each.step for each in run.manifest.alive if _is_missing(run, each.step)]
    if not missing or run.clock.wait(SECONDS_BETWEEN, run.stop):
        return ()
    gone = tuple(name for name in missing if _is_missing(run, name))
    for name in gone:
        run.record(Event.DELETE_DONE, step=name, data={"with": [], "seen": "gone without being asked to go"})
    return gone


def _is_missing(run: Run, name: str) -> bool:
    step, intent = STEPS[name], run.manifest.steps[name].intent
    return first_answer(
        run, lambda: step.standing(run.cloud, intent) is None and not step.listed(run.cloud, intent)
    )
