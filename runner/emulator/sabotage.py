"""Carrying out a fault upon one request: what the client gets to see instead of the service's answer."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from starlette.types import Receive, Scope, Send

from runner.emulator.clock import Clock
from runner.emulator.faults import Action, Rule, When

_DEATH_SECONDS = 2.0
_HANG_SECONDS = 60.0
_DRIP_SECONDS = 5.0
_DRIP_PIECES = 10
_PROXY_PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Network sign-in</body></html>"
_ELSEWHERE = "https://elsewhere.invalid"
_NO_BODY = {204, 304}

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Answer:
    """What the service answered, held back."""

    status: int
    headers: Headers
    body: bytes

    def with_body(self, body: bytes, content_type: str | None = None, status: int | None = None) -> "Answer":
        """Return it with another body, whose length it tells."""
        changed = {b"content-length", *([b"content-type"] if content_type else [])}
        headers = [item for item in self.headers if item[0].lower() not in changed]
        if content_type:
            headers.append((b"content-type", content_type.encode()))
        return Answer(status or self.status, [*headers, (b"content-length", str(len(body)).encode())], body)


# What stands for the service's answer if it was never asked.
_NONE = Answer(200, [(b"content-type", b"application/json")], b'{"value": []}')


class Exchange:
    """One request in the hands of a fault: the service can be let answer, and the connection be cut."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, serve: "Serve", clock: Clock) -> None:
        self.path = str(scope["path"])
        self.clock = clock
        self._scope = scope
        self._receive = receive
        self._send = send
        self._serve = serve

    async def answered(self) -> Answer:
        """Let the service do what was asked, and hold its answer back."""
        return await self._serve()

    async def drained(self) -> None:
        """Take in the request, so that its client has sent all of it, and forget it."""
        while (message := await self._receive())["type"] == "http.request":
            if not message.get("more_body"):
                return

    async def respond(self, answer: Answer) -> None:
        """Answer."""
        await self.begin(answer)
        await self.send(answer.body, more=False)

    async def begin(self, answer: Answer) -> None:
        """Send the status and the headers."""
        start = {"type": "http.response.start", "status": answer.status, "headers": answer.headers}
        await self._send(start)

    async def send(self, content: bytes, *, more: bool) -> None:
        """Send a part of the body."""
        await self._send({"type": "http.response.body", "body": content, "more_body": more})

    async def reset(self) -> None:
        """Cut the connection by a reset, and return when it is gone."""
        if transport := self._transport():
            linger = b"\1\0\0\0\0\0\0\0"  # on, and no seconds: what is not sent yet is thrown away
            connection = transport.get_extra_info("socket")
            with contextlib.suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            transport.abort()
            await self.gone()

    async def close(self) -> None:
        """End the connection in good order, in the middle of what was announced."""
        if transport := self._transport():
            transport.close()
            await self.gone()

    async def gone(self) -> None:
        """Return when the client is not there any more."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def _transport(self) -> asyncio.Transport | None:
        """Find the connection among the server's: a request only knows who is at its other end."""
        connections = cast("set[_Connection]", self._scope["app"].state.connections)
        client = tuple(self._scope["client"])
        return next((each.transport for each in connections if each.client == client), None)


class _Connection(Protocol):
    """What the server keeps of a connection."""

    transport: asyncio.Transport
    client: tuple[str, int]


Serve = Callable[[], Awaitable[Answer]]
Deed = Callable[[Exchange, Rule, Answer], Awaitable[None]]


async def carry_out(rule: Rule, exchange: Exchange) -> None:
    """Bring a request to the point that the rule names, then do to it what the rule says."""
    if rule.when is When.BEFORE:
        await exchange.drained()
        answer = _NONE
    else:
        answer = await exchange.answered()
    if rule.when is When.MID_RESPONSE or rule.action is Action.HALF:
        await _send_part(exchange, rule, answer)
    await _DEEDS[rule.action](exchange, rule, answer)


async def _send_part(exchange: Exchange, rule: Rule, answer: Answer) -> None:
    """Send the headers and half of the body, which are not all that they announce."""
    size = int(rule.args.get("bytes", len(answer.body) // 2))
    if not answer.body and answer.status not in _NO_BODY:
        answer = Answer(answer.status, answer.with_body(b"0").headers, b"")
    await exchange.begin(answer)
    await exchange.send(answer.body[:size], more=True)


async def _reset(exchange: Exchange, _rule: Rule, _answer: Answer) -> None:
    await exchange.reset()


async def _close(exchange: Exchange, _rule: Rule, _answer: Answer) -> None:
    await exchange.close()


async def _hang(exchange: Exchange, rule: Rule, _answer: Answer) -> None:
    """Say nothing more until the time is up or the client has gone; then there is no connection either."""
    seconds = float(rule.args.get("seconds", _HANG_SECONDS))
    waits = [asyncio.ensure_future(exchange.clock.sleep(seconds)), asyncio.ensure_future(exchange.gone())]
    _, late = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in late:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)
    await exchange.reset()


async def _kill(exchange: Exchange, rule: Rule, _answer: Answer) -> None:
    """Kill, and send nothing more, not even an end, before the process is seen to be dead."""
    pid = rule.args["pid"]
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    end = time.monotonic() + _DEATH_SECONDS
    while _is_alive(pid) and time.monotonic() < end:  # noqa: ASYNC110 - nothing of ours knows of its death
        await asyncio.sleep(0.001)
    await exchange.reset()


def _is_alive(pid: int) -> bool:
    """Say whether a process runs; who was killed and not yet waited for does not, but still has its id."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False  # on a system without /proc the signal is trusted


async def _status(exchange: Exchange, rule: Rule, _answer: Answer) -> None:
    await exchange.respond(_stated(rule.args))


async def _drip(exchange: Exchange, rule: Rule, answer: Answer) -> None:
    """Send the body in small pieces, each after a while."""
    pieces = int(rule.args.get("pieces", _DRIP_PIECES))
    size = -(-len(answer.body) // pieces) or 1
    if rule.when is When.AFTER_APPLY:
        await exchange.begin(answer)
    rest = answer.body if rule.when is When.AFTER_APPLY else answer.body[len(answer.body) // 2 :]
    for start in range(0, len(rest), size):
        await exchange.clock.sleep(float(rule.args.get("seconds", _DRIP_SECONDS)) / pieces)
        await exchange.send(rest[start : start + size], more=True)
    await exchange.send(b"", more=False)


async def _corrupt(exchange: Exchange, rule: Rule, answer: Answer) -> None:
    """Answer what no service of Azure answers, by `kind`: html, content_type, truncated or empty."""
    body, kind = answer.body, rule.args.get("kind", "html")
    if kind == "html":
        answer = Answer(200, [], b"").with_body(_PROXY_PAGE, "text/html; charset=utf-8")
    elif kind == "truncated":
        answer = answer.with_body(body[: max(1, len(body) // 2)])
    elif kind == "empty":
        answer = answer.with_body(b"")
    else:
        answer = answer.with_body(body, "application/octet-stream")
    await exchange.respond(answer)


async def _redirect(exchange: Exchange, rule: Rule, _answer: Answer) -> None:
    location = str(rule.args.get("location", f"{_ELSEWHERE}{exchange.path}"))
    await exchange.respond(_stated({"status": 307, "body": "", "headers": {"Location": location}}))


_DEEDS: dict[Action, Deed] = {
    Action.RESET: _reset,
    Action.HALF: _close,
    Action.HANG: _hang,
    Action.KILL_PID: _kill,
    Action.STATUS: _status,
    Action.DRIP: _drip,
    Action.CORRUPT: _corrupt,
    Action.REDIRECT: _redirect,
}


def _stated(args: Mapping[str, Any]) -> Answer:
    """Write an answer as a rule gives it; without a body, ARM's envelope."""
    status, body = int(args["status"]), args.get("body")
    if body is None:
        body = {"error": {"code": args.get("code", f"Http{status}"), "message": "A test's fault."}}
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    given = {str(name).lower(): str(value) for name, value in args.get("headers", {}).items()}
    headers = {
        "content-type": "application/json; charset=utf-8",
        "x-ms-request-id": str(uuid.uuid4()),
        "content-length": str(len(content)),
        **given,
    }
    return Answer(status, [(name.encode(), value.encode()) for name, value in headers.items()], content)
