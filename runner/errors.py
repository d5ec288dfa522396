"""Every error a person can meet and the exit code it ends the process with.

RunnerError                      1
├── StepFailed                   1   a step ended in failure; says what is left alive
│   ├── NotFound                 1   the resource is not there
│   └── Conflict                 1   the service refuses because of something else that is under way
├── NotWritten                   1   what has to be on the disk could not be written; the run can be resumed
├── Undecided                    1   a mistake of ours while something was under way; the run can be resumed
├── UsageError                   2   the command line is wrong, or names a run that is not there
├── RecipeInvalid                3   Diagnostics of the recipe, its parameters or its data
├── PricesInvalid                2   Diagnostics of a file of prices that was named on the command line
├── LockInvalid                  3   Diagnostics of a recipe's lock
├── QuestionsInvalid             2   Diagnostics of a file of questions that was named on the command line
├── PreflightRefused             4   Diagnostics that only the target's facts could give
├── Drifted                      5   Diagnostics: a recipe or its data are not what a run, or a lock, recorded
├── NotReproduced                5   a run came to something else than the one that it reproduces
├── RunHeld                      7   another process holds the run
├── CloudUnavailable             8   sign-in or the service cannot be reached; the run can be resumed
│   └── SignInRefused            8   the service refused a token that was new; waiting does not help
├── RunLeft                      8   no process carries the run on, and it has not ended; it can be resumed
└── StillBilling                 9   a deletion that was asked for is not confirmed
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class ExitCode(IntEnum):
    """What the process says to the shell."""

    DONE = 0
    STEP_FAILED = 1
    USAGE = 2
    RECIPE_INVALID = 3
    PREFLIGHT_REFUSED = 4
    NOT_REPRODUCED = 5
    RUN_HELD = 7
    CLOUD_UNAVAILABLE = 8
    STILL_BILLING = 9
    INTERRUPTED = 130
    TERMINATED = 143


class Severity(StrEnum):
    """How much a diagnostic weighs: only an error refuses."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnostic:
    """One finding about a recipe, at the very value it is about.

    `line` and `column` count from 1. `key` is the dotted path (`finetune.parameters.lora_r`, `traffic.demo`).
    `code` is a stable slug such as `unknown-key`. `message` says what is wrong, `expected` what would be
    right and `mend` how to get there; the last two may be empty. Values of secret-like keys are never in any
    of them.
    """

    path: str
    line: int
    column: int
    code: str
    key: str
    message: str
    expected: str = ""
    mend: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        """Give the line a person reads: `file:line:col CODE key: what; expected; how to mend`."""
        parts = "; ".join(part for part in (self.message, self.expected, self.mend) if part)
        subject = f" {self.key}:" if self.key else ":"
        return f"{self.path}:{self.line}:{self.column} {self.code}{subject} {parts}"


class RunnerError(Exception):
    """Something a person has to know; `hint` says what to do next."""

    exit_code = ExitCode.STEP_FAILED

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class StepFailed(RunnerError):
    """A step of the run ended in failure. `log_tail` holds the last lines of its log, if it has one."""

    def __init__(self, message: str, *, hint: str = "", log_tail: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.log_tail = log_tail


class NotFound(StepFailed):
    """The resource is not there: an answer to who only looks, a failure to who wants to change it."""


class Conflict(StepFailed):
    """The service refuses for now (HTTP 409): something else is under way, or has to go first."""


class NotWritten(RunnerError):
    """What has to be on the disk could not be written; nothing was asked for that is not on it."""


class Undecided(RunnerError):
    """A mistake of ours in looking at what the cloud does: nothing is decided, the run can be resumed."""


class UsageError(RunnerError):
    """The command line asks for something that is not there or makes no sense."""

    exit_code = ExitCode.USAGE


class DiagnosticError(RunnerError):
    """Carries diagnostics, all that could be found at once and in the order of the file."""

    def __init__(self, message: str, diagnostics: tuple[Diagnostic, ...], *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.diagnostics = diagnostics


class RecipeInvalid(DiagnosticError):
    """The recipe (or the data it names) cannot be meant as written."""

    exit_code = ExitCode.RECIPE_INVALID


class PricesInvalid(DiagnosticError):
    """A file of prices, which the command line names, cannot be meant as written."""

    exit_code = ExitCode.USAGE


class LockInvalid(DiagnosticError):
    """The lock of a recipe, which the command line asks for, cannot be meant as written."""

    exit_code = ExitCode.RECIPE_INVALID


class QuestionsInvalid(DiagnosticError):
    """Rows that a model is to be asked, which the command line names, cannot be asked."""

    exit_code = ExitCode.USAGE


class PreflightRefused(DiagnosticError):
    """The recipe is well formed, but the target would refuse it or waste money on it."""

    exit_code = ExitCode.PREFLIGHT_REFUSED


class Drifted(DiagnosticError):
    """A run cannot go on, or begin: its recipe, or the data it names, are no longer what was recorded."""

    exit_code = ExitCode.NOT_REPRODUCED


class NotReproduced(RunnerError):
    """A run has succeeded, but did not come to the same as the one that it reproduces."""

    exit_code = ExitCode.NOT_REPRODUCED


class RunHeld(RunnerError):
    """Another process works on the same run."""

    exit_code = ExitCode.RUN_HELD


class CloudUnavailable(RunnerError):
    """Sign-in or the service is out of reach: nothing is decided, the run can go on later."""

    exit_code = ExitCode.CLOUD_UNAVAILABLE


class SignInRefused(CloudUnavailable):
    """A service refused a token that was fetched for it: the run can go on once somebody has signed in.

    What runs in the cloud goes on meanwhile. Not to be waited out: it does not pass by itself.
    """


class RunLeft(RunnerError):
    """A run has not ended, but no process carries it on: it can be resumed, or cancelled."""

    exit_code = ExitCode.CLOUD_UNAVAILABLE


class StillBilling(RunnerError):
    """A deletion that was asked for is not confirmed: something may still cost money."""

    exit_code = ExitCode.STILL_BILLING


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP, taken the way of a Ctrl-C but remembered for the exit code."""
