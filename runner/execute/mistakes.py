"""Our own mistakes, as errors that a run can record: a bug in one step must not hide what the others left."""

import traceback
from pathlib import Path

from runner.errors import StepFailed


def our_mistake(error: Exception) -> StepFailed:
    """Name a bug of ours by its kind and place; its text might hold anything."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    kind = type(error).__name__
    reason = f": {error.strerror}" if isinstance(error, OSError) and error.strerror else ""
    return StepFailed(f"internal error: {kind}{reason} ({Path(place.filename).name}:{place.lineno})")
