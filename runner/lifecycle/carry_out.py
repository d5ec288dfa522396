"""A run from where it stands to its end: walk forward, clean up by policy, close; for `run` and `resume`."""

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace

from runner import execute
from runner.errors import (
    CloudUnavailable,
    ExitCode,
    NotWritten,
    RunnerError,
    StepFailed,
    StillBilling,
    Terminated,
    Undecided,
)
from runner.execute import Observer, Run
from runner.journal import Event
from runner.manifest import Manifest, RunStatus
from runner.outstanding import outstanding
from runner.plan import Plan
from runner.recipe import Cleanup
from runner.session import Session
from runner.steps.step import Context

# After these nothing is decided: what was begun is kept, and goes on in the cloud.
_UNDECIDED = (KeyboardInterrupt, CloudUnavailable, NotWritten, Undecided)
_REASON_LOST = {RunStatus.FAILED: "the run has failed; why is lost with a damaged line of its journal"}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended: what it recorded, by which error, and what may still bill although it was to go."""

    manifest: Manifest
    error: BaseException | None = None
    billing: StillBilling | None = None

    @property
    def exit_code(self) -> ExitCode:
        """Give what the process says: what may bill stands over a failure, an interruption over both."""
        if isinstance(self.error, KeyboardInterrupt):
            return ExitCode.TERMINATED if isinstance(self.error, Terminated) else ExitCode.INTERRUPTED
        decisive = self.billing or self.error
        if isinstance(decisive, RunnerError):
            return decisive.exit_code
        return ExitCode.STEP_FAILED if decisive else ExitCode.DONE


@dataclass(frozen=True, kw_only=True)
class _Walked:
    """How the forward walk ended."""

    status: RunStatus
    error: BaseException | None = None


def carry_out(run: Run, plan: Plan, context: Context, cleanup: Cleanup) -> Outcome:
    """Bring a run to its end, from wherever its journal says it is; whatever happens on the way, close it.

    It tells people nothing: who is told while it goes on is the run's observer, and the outcome is returned.
    """
    run = replace(run, observer=execute.heard(run.observer, run.stop))
    walked = _recorded(run) or _walk(run, plan, context)
    left: list[str] = []
    trouble = _caught(lambda: left.extend(_clean_up(run, cleanup, walked)))
    return _closed(run, walked, trouble, left)


def _recorded(run: Run) -> _Walked | None:
    """Give how the walk ended before this process began: then only cleaning up and closing are left."""
    if run.manifest.walked is None:
        return None
    status = RunStatus(run.manifest.walked)
    told = [each.data for each in run.journal.records if each.event is Event.WALKED]
    # A repair may have lost the record, and taken how it ended from the manifest.
    known = bool(told) and told[-1]["status"] == status.value
    reason = told[-1].get("error") if known else _REASON_LOST.get(status)
    return _Walked(status=status, error=StepFailed(reason) if reason else None)


def _walk(run: Run, plan: Plan, context: Context) -> _Walked:
    """Walk forward, and write down how that ended if it is decided."""
    error = _caught(lambda: execute.forward(run, plan, context))
    walked = _Walked(status=_status(error, cancel=run.cancel), error=error)
    if walked.status is RunStatus.INTERRUPTED:
        return walked
    reason = getattr(error, "message", type(error).__name__) if error else None
    trouble = _caught(lambda: run.record(Event.WALKED, data={"status": walked.status.value, "error": reason}))
    return _Walked(status=RunStatus.INTERRUPTED, error=trouble) if trouble else walked


def _status(error: BaseException | None, *, cancel: bool) -> RunStatus:
    if error is None:
        return RunStatus.SUCCEEDED
    if isinstance(error, KeyboardInterrupt) and cancel:
        return RunStatus.CANCELED
    return RunStatus.INTERRUPTED if isinstance(error, _UNDECIDED) else RunStatus.FAILED


def _clean_up(run: Run, policy: Cleanup, walked: _Walked) -> tuple[str, ...]:
    """Take back what the run made, if the recipe says so.

    A run that was interrupted, or has lost its cloud from sight, keeps what it has: nothing is decided there,
    and a training of hours may be doing well.
    """
    if walked.status is RunStatus.INTERRUPTED:
        return ()
    if walked.status is RunStatus.CANCELED:
        run.stop.clear()  # it ended the walk forward, and is not to end this one
    if policy is Cleanup.NEVER or (policy is Cleanup.ON_FAILURE and walked.status is RunStatus.SUCCEEDED):
        return execute.cancel(run) if walked.status is RunStatus.CANCELED else ()
    return execute.backward(run, down=False)


def _closed(run: Run, walked: _Walked, trouble: BaseException | None, left: list[str]) -> Outcome:
    """Write the end, and give it; an interruption during the cleanup leaves that to be resumed."""
    error, status = walked.error or trouble, walked.status
    if isinstance(trouble, _UNDECIDED):
        error, status = trouble, RunStatus.INTERRUPTED
    elif trouble is not None:
        status = RunStatus.FAILED
    elif left and run.stop.is_set() and status is not RunStatus.INTERRUPTED:
        error, status = KeyboardInterrupt(), RunStatus.INTERRUPTED
    if error is not None and not isinstance(error, RunnerError | KeyboardInterrupt):
        error = _told(run, error)
    unwritten = _caught(lambda: execute.close(run, status))
    manifest = run.manifest
    return Outcome(manifest=manifest, error=error or unwritten, billing=outstanding(manifest, left))


def _told(run: Run, error: BaseException) -> RunnerError:
    mistake = execute.decisive(run, error)
    mistake.__cause__ = error
    return mistake


def at_the_console(
    session: Session,
    run: Run,
    plan: Plan,
    context: Context,
    judged: Callable[[Run, Outcome], Outcome] = lambda _run, outcome: outcome,
) -> Outcome:
    """Do the same before people's eyes; `judged` has a say in how it ended before they are told."""
    outcome: Outcome | None = None
    cleanup = _policy(run, context)
    # However the run ends, it has ended so, whether anybody listens or not.
    with suppress(OSError), _following(session, run, plan, context) as observer:
        outcome = carry_out(replace(run, observer=observer), plan, context, cleanup)
    if outcome is None:  # nobody listened to its beginning
        run.stop.set()
        outcome = carry_out(run, plan, context, cleanup)
    outcome = judged(run, outcome)
    with suppress(OSError):
        session.console.finished(
            outcome.manifest, run.folder, outcome.error, outcome.billing, prices=plan.prices
        )
    return outcome


def _policy(run: Run, context: Context) -> Cleanup:
    """Give when the run takes back what it made; a point of a sweep does not: others may be using it."""
    return Cleanup.NEVER if run.manifest.sweep else context.recipe.cleanup


def _following(session: Session, run: Run, plan: Plan, context: Context) -> AbstractContextManager[Observer]:
    return session.console.following(run.folder.name, context.facts.target, plan)


def _caught(action: Callable[[], object]) -> BaseException | None:
    """Do something and give what it raised: a run is closed before its error goes on."""
    try:
        action()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - it is raised again once the run is closed
        return error
    return None
