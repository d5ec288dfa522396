"""The gate of test mode: every request is listed, its change written to the books, its fault carried out.

It stands before all routes but the emulator's own; outside of test mode it is not there.
"""

import hashlib
import json
import uuid
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runner.emulator.cloud import Cloud, bench_of
from runner.emulator.faults import Action, Rule, When
from runner.emulator.incoming import Asked, Seen, Signposts
from runner.emulator.ledger import Body
from runner.emulator.sabotage import Answer, Exchange, carry_out
from runner.emulator.scripted_operations import SCRIPT, OperationScript
from runner.emulator.scripted_store import VIEW, View
from runner.emulator.wire import MAX_JSON_BYTES

OWN = "/_emu/"
# What changes how the service acts, and leaves its answer as it is.
_BEFOREHAND = {Action.LRO_SCRIPT, Action.DROP_WRITE}
_QUIET = {Action.HIDE_READS, Action.EXPIRE_TOKENS} | _BEFOREHAND


class Sabotaged:
    """The application with a test's faults in front of it."""

    def __init__(self, app: ASGIApp, *, templates: Iterable[str]) -> None:
        self._app = app
        self._templates = tuple(templates)
        self._signposts: Signposts | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or do to it what a rule says."""
        if scope["type"] != "http" or str(scope["path"]).startswith(OWN):
            await self._app(scope, receive, send)
            return
        bench = bench_of(scope["app"].state.cloud)
        self._signposts = self._signposts or bench.signposts(self._templates)
        asked = self._signposts.read(scope)
        seen = Seen(asked)
        bench.seen.append(seen)
        visit = _Visit(self._app, scope, _Reading(receive), _noting(seen, send), asked)
        await visit.go(bench.faults.take(asked))


class _Visit:
    """One request on its way to the service and back."""

    def __init__(self, app: ASGIApp, scope: Scope, receive: "_Reading", send: Send, asked: Asked) -> None:
        self._app = app
        self._scope = scope
        self._receive = receive
        self._send = send
        self._asked = asked
        self._cloud: Cloud = scope["app"].state.cloud
        self._bench = bench_of(self._cloud)
        self._exchange = Exchange(scope, receive, send, self._answered, self._cloud.clock)
        self._drops_writes = False
        self._script: OperationScript | None = None

    async def go(self, rule: Rule | None) -> None:
        """Let the request through, or what its rule makes of it."""
        if rule is None:
            await self._serve(self._send)
        elif rule.action in _QUIET:
            await self._go_quietly(rule)
        else:
            await carry_out(rule, self._exchange)

    async def _go_quietly(self, rule: Rule) -> None:
        if rule.action is Action.DROP_WRITE and "{blob:path}" in self._asked.route:
            await self._exchange.drained()
            await self._exchange.respond(_blob_written())
        elif rule.when is When.BEFORE or rule.action in _BEFOREHAND:
            self._affect(rule)
            await self._serve(self._send)
        else:
            answer = await self._answered()
            self._affect(rule)
            await self._exchange.respond(answer)

    def _affect(self, rule: Rule) -> None:
        if rule.action is Action.HIDE_READS:
            self._bench.hide(self._asked.key, int(rule.args.get("reads", 1)))
        elif rule.action is Action.EXPIRE_TOKENS:
            self._cloud.tokens.expire_all()
        elif rule.action is Action.LRO_SCRIPT:
            self._script = OperationScript.of(self._asked.key, rule.args)
        else:
            self._drops_writes = True

    async def _answered(self) -> Answer:
        """Have the service act, and return its answer instead of sending it."""
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self._serve(keep)
        body = b"".join(message.get("body", b"") for message in messages[1:])
        return Answer(messages[0]["status"], list(messages[0]["headers"]), body)

    async def _serve(self, send: Send) -> None:
        """Have the service act; its change is in the books before the first word of its answer is out."""
        change = None if self._drops_writes else self._bench.ledger.intended(self._asked)

        async def send_noted(message: Message) -> None:
            if change and message["type"] == "http.response.start":
                self._bench.ledger.note(self._asked, change, message["status"], self._receive.body())
            await send(message)

        view = VIEW.set(View(hidden=self._bench.hidden_from(self._asked), drops_writes=self._drops_writes))
        script = SCRIPT.set(self._script)
        try:
            await self._app(self._scope, self._receive, send_noted)
        finally:
            VIEW.reset(view)
            SCRIPT.reset(script)


class _Reading:
    """Reads a request's body, and remembers what the books want to know of it."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._hash = hashlib.sha256()
        self._start = bytearray()

    async def __call__(self) -> Message:
        """Read on."""
        message = await self._receive()
        content = message.get("body", b"")
        self._hash.update(content)
        if len(self._start) < MAX_JSON_BYTES:
            self._start += content
        return message

    def body(self) -> Body:
        """Return what has been read by now."""
        try:
            given = json.loads(self._start)
        except ValueError:
            given = {}
        holders = (given, given.get("properties")) if isinstance(given, dict) else ()
        tags = [each["tags"] for each in holders if isinstance(each, dict) and each.get("tags")]
        return Body(self._hash.hexdigest(), dict(tags[0]) if tags and isinstance(tags[0], dict) else {})


def _noting(seen: Seen, send: Send) -> Send:
    async def send_noted(message: Message) -> None:
        if message["type"] == "http.response.start":
            seen.status = message["status"]
        await send(message)

    return send_noted


def _blob_written() -> Answer:
    etag = f'"0x{uuid.uuid4().hex[:12].upper()}"'.encode()
    return Answer(201, [(b"etag", etag), (b"content-length", b"0")], b"")
