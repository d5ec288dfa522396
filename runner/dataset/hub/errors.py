"""What the Hub's libraries raise, turned into what a person can act on.

Their own words are not carried along, not even as a cause: they repeat what a server said, and to whom.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from runner.dataset.fetching.remote import Later, NotFetched
from runner.dataset.reading.refusals import refusal
from runner.errors import CloudUnavailable, RecipeInvalid, RunnerError

_UNAUTHORIZED, _FORBIDDEN, _TOO_MANY, _SERVER_ERROR = 401, 403, 429, 500
_TOKEN = "set HF_TOKEN to a token of an account that may read it"  # noqa: S105 - advice, no token


@contextmanager
def hub_errors(name: str) -> Iterator[None]:
    """Translate whatever is raised within; errors of our own pass as they are."""
    try:
        yield
    except (RunnerError, Later):
        raise
    except Exception as error:  # noqa: BLE001 two HTTP libraries beneath, each with its own errors
        translated = _translated(name, error)
    else:
        return
    raise translated


def _translated(name: str, error: Exception) -> RunnerError:
    from huggingface_hub import errors  # noqa: PLC0415 heavy, and most commands load no data

    if isinstance(error, errors.OfflineModeIsEnabled) or _is_offline(error):
        return NotFetched(
            f"not all that is needed of {name} is here, and HF_HUB_OFFLINE forbids to fetch it",
            hint="unset HF_HUB_OFFLINE for one run; afterwards it goes without the Hub",
        )
    if isinstance(error, errors.HfHubHTTPError | errors.HFValidationError):
        return _answered(name, error)
    if _is_of_datasets(error):
        message = "the Hub has the data set, but not in a form whose splits can be told"
        return _refusal(name, "unreadable-dataset", message, mend="use path: with files of your own")
    message = f"the Hub cannot be reached for {name} ({type(error).__name__})"
    return CloudUnavailable(message, hint="check the network, and HF_ENDPOINT if it is set")


def _answered(name: str, error: Exception) -> RunnerError:
    from huggingface_hub import errors  # noqa: PLC0415 as above

    status = getattr(getattr(error, "response", None), "status_code", 0)
    if isinstance(error, errors.GatedRepoError):
        return of_status(name, _FORBIDDEN)
    if isinstance(error, errors.RevisionNotFoundError):
        return refusal(name, "revision", "no-such-revision", "the data set has no such revision")
    if isinstance(error, errors.RepositoryNotFoundError | errors.HFValidationError):
        message = "the Hub has no such data set"
        message += ", or shows it to others only" if status == _UNAUTHORIZED else ""
        mend = f"check the name; if it is private, {_TOKEN}"
        return _refusal(name, "no-such-dataset", message, mend=mend)
    return of_status(name, status)


def of_status(name: str, status: int) -> RunnerError:
    """Say what an answer means that is none."""
    if status == _UNAUTHORIZED:
        return _refusal(name, "no-such-dataset", "the Hub does not know who asks", mend=_TOKEN)
    if status == _FORBIDDEN:
        message = "the data set is open only to those who were granted it"
        return _refusal(name, "gated-dataset", message, mend=f"ask for access on its page, then {_TOKEN}")
    said = f"the Hub answered {status} for {name}"
    final = _FORBIDDEN < status < _SERVER_ERROR and status != _TOO_MANY
    return (NotFetched if final else CloudUnavailable)(said, hint="try again later")


def _is_offline(error: Exception) -> bool:
    """Tell whether a library that was not let out says so in its own way: it looks in its cache instead."""
    from huggingface_hub import constants  # noqa: PLC0415 as above

    return constants.is_offline_mode() and isinstance(error, OSError)


def _is_of_datasets(error: Exception) -> bool:
    from datasets.exceptions import DatasetsError  # noqa: PLC0415 as above

    return isinstance(error, DatasetsError | ValueError)


def _refusal(name: str, code: str, message: str, *, mend: str) -> RecipeInvalid:
    return refusal(name, "huggingface", code, message, mend=mend)
