"""How a run has ended, from its manifest alone: what `attach` tells as the run's own process did."""

from dataclasses import dataclass
from pathlib import Path

from runner.errors import CloudUnavailable, ExitCode, RunnerError, StepFailed, StillBilling
from runner.manifest import Manifest, RunStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """What was wrong, what is not proven gone, and the exit code that both come to."""

    error: BaseException | None
    billing: StillBilling | None

    @property
    def exit_code(self) -> ExitCode:
        """Give the run's own; what may still bill stands over everything."""
        if self.billing:
            return self.billing.exit_code
        if isinstance(self.error, RunnerError):
            return self.error.exit_code
        return ExitCode.DONE if self.error is None else ExitCode.INTERRUPTED


def of(said: Manifest, folder: Path) -> Ending:
    """Tell how a run ended that is no longer running."""
    return Ending(error=_error(said), billing=_billing(said, folder))


def _error(said: Manifest) -> BaseException | None:
    """Give what ended it; the end of a failed step's log is not kept in a journal."""
    failed = [step.error for step in said.steps.values() if step.error]
    if said.status is RunStatus.INTERRUPTED:  # by a person, or because the cloud was lost from sight
        return CloudUnavailable(failed[0]) if failed else KeyboardInterrupt()
    if said.status is RunStatus.FAILED:
        return StepFailed(failed[0] if failed else said.walked or "the run failed")
    return None


def _billing(said: Manifest, folder: Path) -> StillBilling | None:
    left = [f"{each.kind} {each.name}" for each in said.alive if each.deletion]
    if not left:
        return None
    return StillBilling(f"not proven gone: {', '.join(left)}", hint=f"runner down {folder.name}")
