"""Our own mistakes, as errors that a run can record: a bug in one step must not hide what the others left."""

import traceback
from pathlib import Path

from runner.errors import StepFailed


def our_mistake(error: Exception) -> StepFailed:
    """Name a bug of ours by its kind and place; its text might hold anything."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    kind = type(error).__name__
    reason = f": {error.strerror}" if isinstance(error, OSError) and error.strerror else ""
    return StepFailed(f"internal error: {kind}{reason}{place}")
