"""What a job and the runs below it have logged, point by point, as the workspace's MLflow keeps it."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from azure.core import PipelineClient

from runner.azure.giving_up import GivingUp
from runner.azure.rest import seen_twice
from runner.azure.run_history import RunHistory
from runner.azure.translate import translated
from runner.azure.transport import Transport
from runner.errors import NotFound
from runner.facts import ChildRun
from runner.metric_table import Point
from runner.redact import printable

if TYPE_CHECKING:
    from runner.azure.tracking import Tracking

# The job's own points; those of the runs below it go by the names of these.
_JOB = "job"


class Metrics:
    """Metrics of one workspace's jobs."""

    def __init__(
        self,
        history: RunHistory,
        client: PipelineClient[Any, Any],
        wire: Transport,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._history = history
        self._client = client
        self._wire = wire
        self._giving_up = GivingUp(clock)

    def points(self, job: str) -> tuple[Point, ...]:
        """Give every point of a job that has ended, by run, metric, step and time.

        Raises CloudUnavailable where nothing is decided, which may be asked again, and StepFailed where it
        is: the metrics are not there, may not be read, or have not been told for too long.
        """
        with self._giving_up.asking(job), translated(f"reading the metrics of job {job}"):
            found = seen_twice(lambda: tuple(self._read(job)), self._wire)
        return tuple(sorted(found, key=lambda point: (point.job, point.metric, point.step, point.time)))

    def _read(self, job: str) -> Iterator[Point]:
        """Read the job's tree. Raises NotFound unless the child that trained is known to MLflow.

        A run that MLflow does not know has no metrics; of the others nothing hangs on whether it does.
        """
        children = self._history.descendants(job)
        if not any(child.trains for child in children):
            raise NotFound(f"reading the metrics of job {job}: it has no child that trained")
        tracking = self._tracking()
        for run in (ChildRun(run_id=job, name=_JOB, status=""), *children):
            try:
                yield from _points(tracking, run)
            except NotFound:
                if run.trains:
                    raise

    def _tracking(self) -> "Tracking":
        # Seconds of imports, at the end of a training and nowhere else.
        from runner.azure.tracking import Tracking  # noqa: PLC0415

        return Tracking(self._history.tracking_address(), self._client)


def _points(tracking: "Tracking", run: ChildRun) -> tuple[Point, ...]:
    with translated(f"reading the metrics of {run.name}"):
        return tuple(
            Point(
                job=printable(run.name),
                metric=printable(str(metric.key)),
                step=int(metric.step),
                value=float(metric.value),
                time=_stamp(int(metric.timestamp)),
            )
            for metric in tracking.logged(run.run_id)
        )


def _stamp(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"
