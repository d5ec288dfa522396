"""The only room that prints: for people at a terminal, for logs, or as one JSON value.

`Console` is in `runner.console.console`: it knows all that a plan and a run are made of.
"""

from runner.console.voice import Output, Voice

__all__ = ["Output", "Voice"]
