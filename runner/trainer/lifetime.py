"""Ends this process when the one that started it is gone, so that nothing trains or serves on unseen."""

from __future__ import annotations

import os
import signal
import sys
import threading


def end_with_parent() -> None:
    """End at once when standard input ends, as it does when its other side dies, and on SIGTERM.

    A person who starts a stage by hand has a terminal there; that is left alone. A program that starts one
    gives it a pipe and keeps that open.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # it may have been inherited as ignored
    if sys.stdin is not None and not sys.stdin.isatty():
        threading.Thread(target=_wait_for_end, name="parent", daemon=True).start()


def _wait_for_end() -> None:
    descriptor = sys.stdin.fileno()
    while os.read(descriptor, 4096):
        pass
    os._exit(1)
