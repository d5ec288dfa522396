"""Serves a model over HTTP on this machine: what the container behind an online deployment does."""

from __future__ import annotations

import json
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer

from runner.trainer.answering import Answer, Answerer, BadRequestError, Request
from runner.trainer.errors import Code, TrainerError
from runner.trainer.log import say

LARGEST_BODY = 1 << 20
SLOWEST_BODY = 30.0  # seconds that a connection may keep still


def run(folder: str) -> None:
    """Load the model, say `ready {"port": N}`, and answer until the process is ended."""
    if not (Path(folder) / "MLmodel").is_file():
        raise TrainerError(Code.MODEL, "--model has no file MLmodel: it must be a model in MLflow's format")
    server = ScoringServer(Answerer(Path(folder)))
    say(f"ready {json.dumps({'port': server.server_address[1]})}")
    server.serve_forever()


class ScoringServer(ThreadingHTTPServer):
    """Listens on a free port of the loopback; connections run side by side, answers one after the other."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, answerer: Answerer) -> None:
        super().__init__(("127.0.0.1", 0), ScoringHandler)
        self.answerer = answerer

    def server_bind(self) -> None:
        """Bind without the base class's look-up of this machine's name, which can take seconds."""
        TCPServer.server_bind(self)

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay silent when a client is gone; the base class would print a traceback."""
        del request, client_address


class RefusedError(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: HTTPStatus, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class ScoringHandler(BaseHTTPRequestHandler):
    """GET / tells that the server lives; POST /score answers a conversation. Prompts are never logged."""

    server: ScoringServer
    protocol_version = "HTTP/1.1"
    timeout = SLOWEST_BODY
    disable_nagle_algorithm = True  # head and body are two writes; the second must not wait for the first

    def do_GET(self) -> None:
        """Tell whether the server lives."""
        if self.path == "/":
            self._send(HTTPStatus.OK, {"status": "Healthy"}, "")
        else:
            self._refuse(RefusedError(HTTPStatus.NOT_FOUND, "there is GET / and POST /score"))

    def do_POST(self) -> None:
        """Answer a conversation."""
        started = time.monotonic()
        try:
            answer = self._answer()
        except RefusedError as error:
            self._refuse(error)
        except BadRequestError as error:
            self._refuse(RefusedError(HTTPStatus.BAD_REQUEST, str(error)))
        else:
            took = time.monotonic() - started
            note = f"{answer.prompt_tokens} prompt tokens, {answer.new_tokens} new, {took:.2f} s"
            self._send(HTTPStatus.OK, {"output": answer.text}, note)

    def log_message(self, *_: object) -> None:
        """Drop the base class's log lines: they go to standard error and know less than ours."""

    def _answer(self) -> Answer:
        body = self._body()
        if self.path != "/score":
            raise RefusedError(HTTPStatus.NOT_FOUND, "there is GET / and POST /score")
        try:
            tree = json.loads(body)
        except (ValueError, RecursionError):
            raise BadRequestError("the body is not JSON") from None
        return self.server.answerer.answer(Request.read(tree))

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            self.close_connection = True  # where the next request begins is not known
            raise RefusedError(HTTPStatus.LENGTH_REQUIRED, "a Content-Length is required")
        if int(length) > LARGEST_BODY:
            self.close_connection = True
            raise RefusedError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body has more than {LARGEST_BODY} bytes"
            )
        return self.rfile.read(int(length))

    def _refuse(self, error: RefusedError) -> None:
        self._send(
            error.status, {"error": {"code": error.status.phrase.replace(" ", ""), "message": str(error)}}, ""
        )

    def _send(self, status: HTTPStatus, tree: object, note: str) -> None:
        body = json.dumps(tree).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        if self.path in {"/", "/score"}:  # any other path is the client's text
            say(f"{self.command} {self.path} {status.value}" + f" {note}" * bool(note))
