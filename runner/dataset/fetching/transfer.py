"""A span of a remote file brought here, however often the transfer breaks off: it goes on where it broke."""

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass

from runner.dataset.fetching.held import Span
from runner.dataset.fetching.remote import Later, NotFetched, Remote
from runner.errors import CloudUnavailable, RunnerError, SignInRefused

# A try that brought less than this counts as one that failed.
_WORTH_A_TRY = 64 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How often in a row, and how long between, it is tried again. Times in seconds.

    Waits double from `first_wait` to `longest_wait`; a server is heard that asks for up to `longest_asked`.
    """

    tries: int = 6
    first_wait: float = 0.5
    longest_wait: float = 30.0
    longest_asked: float = 120.0


class _Broken(Exception):
    """Tells a transfer that broke off from what its receiver raises."""


def transfer(
    remote: Remote,
    span: Span,
    *,
    take: Callable[[int, bytes], None],
    wait: Callable[[float], None],
    patience: Patience,
) -> None:
    """Hand over every byte of the span with its place. Raises CloudUnavailable once patience is at its end.

    What `take` and `wait` raise ends it at once; what was handed over before is not asked for again.
    """
    (first, past), failures = span, 0
    while first < past:
        begun, said, asked = first, "the transfer ended early", None
        try:
            with closing(_pieces(remote, first, past)) as pieces:
                for piece in pieces:
                    take(first, piece)
                    first += len(piece)
        except Later as later:
            said, asked = str(later), later.seconds
        except _Broken as broken:
            said = str(broken)
        if first < past:
            failures = 1 if first - begun >= _WORTH_A_TRY else failures + 1
            if failures >= patience.tries:
                raise _given_up(remote, said)
            wait(seconds_before(patience, failures, asked))


def _pieces(remote: Remote, first: int, past: int) -> Generator[bytes]:
    try:
        for piece in remote.stream(first, past):
            taken = piece[: past - first]
            first += len(taken)
            yield taken
            if first == past:
                return
    except (Later, NotFetched, SignInRefused):
        raise
    except CloudUnavailable as error:
        raise _Broken(error.message) from error
    except RunnerError:
        raise
    except Exception as error:  # whatever library brings the bytes has errors of its own
        raise _Broken(f"the transfer broke off ({type(error).__name__})") from error


def seconds_before(patience: Patience, failures: int, asked: float | None) -> float:
    """Give how long to wait after so many failures, and what the server asks for, if it does."""
    doubled: float = patience.first_wait * 2 ** (failures - 1)
    return max(min(doubled, patience.longest_wait), min(asked or 0.0, patience.longest_asked))


def _given_up(remote: Remote, said: str) -> CloudUnavailable:
    return CloudUnavailable(
        f"{remote.name} cannot be fetched: {said}",
        hint="what has come is kept: the next run goes on from there",
    )
