"""What is kept of a mistake of ours: where it happened, and nothing of what was being worked on."""

import os
import sys
import traceback
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from runner.redact import redact

_MOST_FRAMES = 40


def keep(folder: Path, error: BaseException, moment: datetime) -> Path | None:
    """Write a file that only its owner reads, and give it; None where it cannot be written.

    It holds kinds of errors and places in the code. An error's own text may be a row, a prompt or a key, and
    so may a variable: neither is written.
    """
    path = folder / f"crash-{moment:%Y%m%dT%H%M%S%fZ}.txt"
    text = redact("".join(f"{line}\n" for line in _lines(error)))
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
    except OSError:
        return None
    return path


def _lines(error: BaseException) -> Iterator[str]:
    yield f"python {sys.version.split()[0]}"
    told: BaseException | None = error
    while told is not None:
        yield f"{type(told).__module__}.{type(told).__qualname__}"
        # After a RecursionError there are a thousand frames: the last ones tell.
        for frame in traceback.extract_tb(told.__traceback__)[-_MOST_FRAMES:]:
            yield f"  {frame.filename}:{frame.lineno} in {frame.name}"
        told = told.__cause__ or told.__context__
