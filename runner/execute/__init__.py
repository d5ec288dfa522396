"""Walk a plan forward, or a manifest backward; every step is treated alike.

Forward: fix the intent, look, write the intent to disk, act, look until it is decided, write what came.
Backward: look whose it is, write the intent to delete, ask, look until it is gone, write that. What is
decided is decided by a fresh GET, never by what a request or a poller returned. What was begun by a process
that is no more is taken up by the same walks: a recorded intent is looked for before it is asked for again.
"""

from runner.execute.attempts import Cause
from runner.execute.backward import backward, cancel, to_take_back
from runner.execute.forward import forward
from runner.execute.heard import heard
from runner.execute.looking import note_what_is_gone
from runner.execute.mistakes import decisive, our_mistake
from runner.execute.observer import Observer
from runner.execute.remaining import remaining
from runner.execute.run import Run, close, manifest_of, record
from runner.execute.waiting import DELETE_SECONDS, GRACE_SECONDS, PATIENCE_SECONDS

__all__ = [
    "DELETE_SECONDS",
    "GRACE_SECONDS",
    "PATIENCE_SECONDS",
    "Cause",
    "Observer",
    "Run",
    "backward",
    "cancel",
    "close",
    "decisive",
    "forward",
    "heard",
    "manifest_of",
    "note_what_is_gone",
    "our_mistake",
    "record",
    "remaining",
    "to_take_back",
]
