"""The only room that prints: for people at a terminal, for logs, or as one JSON value."""

from runner.console.console import Console, Output

__all__ = ["Console", "Output"]
