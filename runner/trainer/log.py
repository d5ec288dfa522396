"""The job's log: standard output, which the emulator keeps as the child job's log file."""

from __future__ import annotations


def say(line: object) -> None:
    """Write one line; never one with text out of a data set or a prompt."""
    print(line, flush=True)  # noqa: T201 - the one place that prints
