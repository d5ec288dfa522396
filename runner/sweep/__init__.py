"""A sweep as it lies under `runs/`: a folder with its list of points, each of which is an ordinary run.

The list is written before anything else and never changed: which runs there are to be, with which values, is
known from then on, however often the process that carries them out is cut off.
"""

from runner.runs import SWEEP_FILE
from runner.sweep.finding import find, members, runs_of
from runner.sweep.holding import FILE_NAME as LOCK
from runner.sweep.holding import Hold, holder_of
from runner.sweep.record import Member, Sweep, read, write

__all__ = [
    "LOCK",
    "SWEEP_FILE",
    "Hold",
    "Member",
    "Sweep",
    "find",
    "holder_of",
    "members",
    "read",
    "runs_of",
    "write",
]
