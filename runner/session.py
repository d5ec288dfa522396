"""What a verb is given of the process it runs in: read once, handed down."""

from collections.abc import MutableMapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from runner.clock import Clock
from runner.console import Voice

if TYPE_CHECKING:
    from runner.console.console import Console

RUNS_FOLDER = Path("runs")
RUNS_FOLDER_HELP = "where the run folders are (default: %(default)s)"
RUN_HELP = "an id, a unique prefix, a path (of its manifest, too), or latest"
STATE_FOLDER = Path(".runner/emulator")


@dataclass(kw_only=True, slots=True)
class Session:
    """What tells people, the clock and the process's environment (which the SDK reads its cloud from)."""

    voice: Voice
    clock: Clock
    environment: MutableMapping[str, str]

    @property
    def console(self) -> "Console":
        """Give a voice that knows plans and runs, too; from then on it is the only one."""
        # It takes as long to import as a whole `validate`, which has no use for it.
        from runner.console.console import Console  # noqa: PLC0415

        if not isinstance(self.voice, Console):
            self.voice = Console(**vars(self.voice))
        return self.voice

    @property
    def current_clock(self) -> Clock:
        """Give a clock that tells the time as the session has it by then: an emulator may bring its own."""
        return _CurrentClock(self)

    def emulator_state(self, asked: Path | None) -> Path:
        """Give the emulator's state folder: `--state`, else RUNNER_STATE, else in the working folder."""
        return (asked or Path(self.environment.get("RUNNER_STATE") or STATE_FOLDER)).absolute()


@dataclass(frozen=True, slots=True)
class _CurrentClock:
    session: Session

    def now(self) -> datetime:
        """See `Clock.now`."""
        return self.session.clock.now()

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return self.session.clock.monotonic()

    def wait(self, seconds: float, stop: Event) -> bool:
        """See `Clock.wait`."""
        return self.session.clock.wait(seconds, stop)
