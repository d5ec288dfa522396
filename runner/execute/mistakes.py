"""Our own mistakes, as errors that a run can record: a bug in one step must not hide what the others left."""

import traceback
from pathlib import Path

from runner.errors import StepFailed, Undecided
from runner.execute.crash import keep
from runner.execute.run import Run


def our_mistake(error: BaseException, *, hint: str = "") -> StepFailed:
    """Name a bug of ours by its kind and place; its text might hold anything."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    kind = type(error).__name__
    reason = f": {error.strerror}" if isinstance(error, OSError) and error.strerror else ""
    return StepFailed(f"internal error: {kind}{reason}{place}", hint=hint)


def decisive(run: Run, error: BaseException) -> StepFailed:
    """Keep a mistake by which a step, or the run, has failed; give it with the name of its file."""
    return our_mistake(error, hint=f"this is a bug in runner{_kept(run, error)}")


def undecided(run: Run, error: BaseException) -> Undecided:
    """Keep a mistake in looking, which decides nothing about what is looked at."""
    hint = f"what runs in the cloud goes on; this is a bug in runner{_kept(run, error)}"
    return Undecided(our_mistake(error).message, hint=f"{hint}; to go on: runner resume {run.folder.name}")


def _kept(run: Run, error: BaseException) -> str:
    path = keep(run.folder, error, run.clock.now())
    return f", and {path} tells where" if path else ""
