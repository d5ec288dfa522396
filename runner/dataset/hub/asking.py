"""A question to the Hub, asked again later where it says that it was asked too much."""

import time
from collections.abc import Callable
from typing import TypeVar

from runner.dataset.fetching.ranges import PATIENCE
from runner.dataset.fetching.transfer import seconds_before
from runner.dataset.hub.errors import hub_errors
from runner.dataset.hub.file import retry_after
from runner.dataset.progress import Progress

_Answer = TypeVar("_Answer")
_TOO_MANY = 429
_SLICE_SECONDS = 0.2


def asked(name: str, question: Callable[[], _Answer], progress: Progress) -> _Answer:
    """Give the answer, after a bounded number of tries; any other error is not asked about again.

    Raises what the Hub's refusal means, and what `progress` raises, which is called while it is waited.
    """
    from huggingface_hub.errors import HfHubHTTPError  # noqa: PLC0415 heavy, and most commands load no data

    for failures in range(1, PATIENCE.tries):
        with hub_errors(name):
            try:
                return question()
            except HfHubHTTPError as error:
                if error.response.status_code != _TOO_MANY:
                    raise
                seconds = seconds_before(PATIENCE, failures, retry_after(error.response))
        _wait(seconds, progress)
    with hub_errors(name):
        return question()


def _wait(seconds: float, progress: Progress) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        progress("waiting for the Hub", 0, None)
        time.sleep(min(left, _SLICE_SECONDS))
