"""What a verb is given of the process it runs in: read once, handed down."""

from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path

from runner.clock import Clock
from runner.console import Console

RUNS_FOLDER = Path("runs")
STATE_FOLDER = Path(".runner/emulator")


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """The console, the clock and the process's environment (which the SDK reads its cloud from)."""

    console: Console
    clock: Clock
    environment: MutableMapping[str, str]

    def emulator_state(self, asked: Path | None) -> Path:
        """Give the emulator's state folder: `--state`, else RUNNER_STATE, else in the working folder."""
        return (asked or Path(self.environment.get("RUNNER_STATE") or STATE_FOLDER)).absolute()
