"""What looks at a resource show, written down when it changes: who follows a run reads it there."""

from collections.abc import Callable
from dataclasses import dataclass

from runner.execute.run import Run
from runner.journal import Event, Json
from runner.steps.step import Observation, Status

# A resource that tells of something else at every look does not fill the disk.
_MOST = 50


@dataclass
class Notes:
    """Writes down what one step's looks show while it is under way: stages, not percentages."""

    run: Run
    step: str
    look: Callable[[], Observation]
    _last: dict[str, Json] | None = None
    _written: int = 0

    def __call__(self) -> Observation:
        """Look, and write down what is new."""
        seen = self.look()
        if seen.status is Status.IN_PROGRESS:
            self._note(seen)
        return seen

    def _note(self, seen: Observation) -> None:
        data: dict[str, Json] = {"detail": seen.detail, "outputs": dict(seen.outputs)}
        if seen.queued:
            data["queued"] = True
        if data != self._last and self._written < _MOST:
            self.run.record(Event.OBSERVED, step=self.step, data=data)
            self._last, self._written = data, self._written + 1
