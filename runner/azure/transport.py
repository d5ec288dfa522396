"""The one way on which requests leave: sent again, signed in anew, answers checked, alike for all clients.

A transport, not a retry policy, because the SDK hands one object to all of its two dozen clients: a policy
knows who comes after it and belongs to one pipeline; shared, it would send each request through the last
client's sign-in. The SDK's own retries are turned off (`NO_RETRIES`) and everything is decided here.
"""

import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Self

from azure.core.exceptions import (
    IncompleteReadError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.core.pipeline.transport import HttpTransport, RequestsTransport
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from runner.azure.answers import BoundedSession, refuse_all_but_json, refuse_redirects
from runner.azure.credential import RenewableCredential
from runner.azure.retrying import TRANSIENT, Patience, is_repeatable

# What tells the SDK's clients, and storage's, to leave sending again to the transport.
NO_RETRIES = 0
CONNECT_SECONDS = 15.0
READ_SECONDS = 120.0
_POLLER = "LROPoller("
_BEARER = "Bearer "
_BROKEN_OFF = (ServiceRequestError, ServiceResponseError, IncompleteReadError)


class PollerRefused(Exception):
    """A poller of azure-core wanted to look for itself; its thread ends by this, and nobody is told."""


class Transport(HttpTransport[Any, Any]):
    """Sends requests through sessions of its own, one for each thread: requests' are not made to be shared.

    `retried` counts what was sent again. After `hurry` nothing is, and no pause is waited out: whoever ends a
    run does not wait for a service that is down. `wait` is given the seconds of each pause.
    """

    def __init__(
        self,
        credential: RenewableCredential | None = None,
        *,
        patience: Patience | None = None,
        wait: Callable[[float], object] | None = None,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self._credential = credential
        self._patience = patience or Patience()
        self._hurried = threading.Event()
        self._wait = wait or self._hurried.wait
        self._read_seconds = read_seconds
        self._sessions = threading.local()
        self._lock = threading.Lock()
        self._retried = 0

    @property
    def retried(self) -> int:
        """Give how many requests were sent again so far."""
        with self._lock:
            return self._retried

    def hurry(self) -> None:
        """Send nothing again from now on; whoever waits to do so stops waiting."""
        self._hurried.set()

    def pause(self, seconds: float) -> None:
        """Wait as before a request that is sent again."""
        self._wait(seconds)

    def send(self, request: Any, **options: Any) -> Any:  # noqa: ANN401 - azure-core has two of each
        """Send a request until it is answered, or is not to be sent again.

        Raises what azure-core's own transport does, AnswerRefused for what is no answer, and PollerRefused.
        """
        _refuse_pollers()
        self._show_the_current_token(request)
        began, attempt, renewed = time.monotonic(), 1, False
        while True:
            outcome = self._attempt(request, options)
            if not renewed and _status(outcome) == HTTPStatus.UNAUTHORIZED and self._renew_the_token(request):
                renewed = True
                continue
            pause = self._patience.pause(attempt, _headers(outcome))
            spent = time.monotonic() - began
            if not self._may_go_on(attempt, spent + pause) or not _is_to_be_repeated(request, outcome):
                return _given(outcome)
            self.pause(pause)
            if self._hurried.is_set():
                return _given(outcome)
            self._count()
            attempt += 1

    def open(self) -> None:
        """Do nothing: a session opens with its first request."""

    def close(self) -> None:
        """Do nothing: clients close what they were given, and other clients still send here."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _attempt(self, request: Any, options: dict[str, Any]) -> Any:  # noqa: ANN401 - an answer or an error
        """Send once, and give the answer or how it broke off."""
        try:
            response = self._session().send(request, **options)
        except _BROKEN_OFF as error:
            return error
        _refuse_strangers(request, response)
        return response

    def _session(self) -> RequestsTransport:
        """Give this thread's own connections."""
        session = getattr(self._sessions, "own", None)
        if session is None:
            session = RequestsTransport(
                session=BoundedSession(self._read_seconds),
                connection_timeout=CONNECT_SECONDS,
                read_timeout=self._read_seconds,
            )
            self._sessions.own = session
        return session

    def _may_go_on(self, attempt: int, seconds: float) -> bool:
        within = attempt < self._patience.attempts and seconds <= self._patience.total
        return within and not self._hurried.is_set()

    def _count(self) -> None:
        with self._lock:
            self._retried += 1

    def _show_the_current_token(self, request: Any) -> None:  # noqa: ANN401 - azure-core has two
        """Put a renewed token in place of the one that a client still keeps."""
        shown = _shown(request)
        if self._credential and shown:
            request.headers["Authorization"] = _BEARER + self._credential.current(shown)

    def _renew_the_token(self, request: Any) -> bool:  # noqa: ANN401 - azure-core has two
        shown = _shown(request)
        fresh = self._credential.renewed(shown) if self._credential and shown else None
        if fresh:
            request.headers["Authorization"] = _BEARER + fresh
        return bool(fresh)


def _refuse_pollers() -> None:
    """Let nobody look but us: a poller prints, gives up early, and dies of what the work outlives."""
    if threading.current_thread().name.startswith(_POLLER):
        raise PollerRefused


def _refuse_strangers(request: Any, response: Any) -> None:  # noqa: ANN401 - azure-core has two
    refuse_redirects(response.status_code, response.headers, request.url)
    if "json" in (request.headers.get("Accept") or ""):
        kind = response.headers.get("content-type") or ""
        refuse_all_but_json(response.status_code, kind, response.internal_response.raw.whole, request.url)


def _shown(request: Any) -> str:  # noqa: ANN401 - azure-core has two
    given = str(request.headers.get("Authorization") or "")
    return given.removeprefix(_BEARER) if given.startswith(_BEARER) else ""


def _is_to_be_repeated(request: Any, outcome: Any) -> bool:  # noqa: ANN401 - azure-core has two
    if hasattr(getattr(request, "content", None) or getattr(request, "data", None), "read"):
        return False  # half of it may be read already
    repeatable = is_repeatable(request.method, request.url)
    if isinstance(outcome, Exception):
        return repeatable or _never_left(outcome)
    return repeatable and outcome.status_code in TRANSIENT


def _never_left(error: BaseException) -> bool:
    """Tell whether no connection was made: then even what must not happen twice has not happened once."""
    inner = getattr(error, "inner_exception", None)
    for cause in (inner, *getattr(inner, "args", ())):
        reason = getattr(cause, "reason", cause)
        if isinstance(reason, NewConnectionError | ConnectTimeoutError):
            return True
    return False


def _status(outcome: Any) -> int:  # noqa: ANN401 - an answer or an error
    return int(getattr(outcome, "status_code", None) or 0)


def _headers(outcome: Any) -> Any:  # noqa: ANN401 - an answer's are a mapping of azure-core's
    return {} if isinstance(outcome, Exception) else outcome.headers


def _given(outcome: Any) -> Any:  # noqa: ANN401 - an answer or an error
    if isinstance(outcome, Exception):
        raise outcome
    return outcome
