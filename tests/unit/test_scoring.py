"""The scoring request: sent once, to the host it was meant for, and nothing but an answer is one."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from requests import PreparedRequest, Response

from runner.azure.answers import BoundedSession
from runner.azure.scoring import Scoring
from runner.errors import CloudUnavailable, RunnerError, StepFailed

PROMPT = [{"role": "user", "content": "a prompt that is nobody's business"}]


class Endpoint(ThreadingHTTPServer):
    """A scoring address that answers as told and remembers what it was sent."""

    status: int
    body: bytes
    headers: dict[str, str]

    def __init__(self, status: int, body: object, **headers: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.body, self.headers = status, json.dumps(body).encode(), headers
        self.received: list[tuple[dict[str, str], Any]] = []

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/score"


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((dict(self.headers), json.loads(sent)))
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(status: int, body: object, **headers: str) -> Iterator[Endpoint]:
    with Endpoint(status, body, **headers) as endpoint:
        thread = threading.Thread(target=endpoint.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield endpoint
        finally:
            endpoint.shutdown()
            thread.join()


def score(endpoint: Endpoint) -> str:
    return Scoring().chat(
        endpoint.uri, "key-of-this-endpoint", deployment="demo", messages=PROMPT, parameters={}
    )


def test_the_body_and_the_deployment_are_what_the_service_takes() -> None:
    with serving(200, {"output": "Yes."}) as endpoint:
        assert score(endpoint) == "Yes."

    headers, body = endpoint.received[0]
    assert headers["azureml-model-deployment"] == "demo"
    assert body == {"input_data": {"input_string": PROMPT, "parameters": {}}, "params": {}}


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_request_is_sent_once_whatever_comes_back(status: int) -> None:
    with (
        serving(status, {}, **{"Retry-After": "0"}) as endpoint,
        pytest.raises(RunnerError, match=str(status)),
    ):
        score(endpoint)

    assert len(endpoint.received) == 1


def test_a_request_that_never_left_is_not_sent_again_either(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = []
    send = BoundedSession.send

    def counted(session: BoundedSession, request: PreparedRequest, **options: Any) -> Response:  # noqa: ANN401
        sent.append(request.url)
        return send(session, request, **options)

    monkeypatch.setattr(BoundedSession, "send", counted)
    uri = "http://127.0.0.1:9/score"  # nobody listens on the port of `discard`
    with pytest.raises(CloudUnavailable, match="no answer"):
        Scoring().chat(uri, "key", deployment="demo", messages=PROMPT, parameters={})
    assert sent == [uri]


def test_an_endpoint_that_is_busy_may_be_asked_again_later() -> None:
    with serving(429, {}) as endpoint, pytest.raises(CloudUnavailable, match="too many requests"):
        score(endpoint)


@pytest.mark.parametrize(
    ("status", "reason"), [(401, "the key or token is not valid"), (403, "may not score: with aad_token")]
)
def test_whoever_is_not_let_in_is_told_why(status: int, reason: str) -> None:
    with serving(status, {}) as endpoint, pytest.raises(StepFailed, match=reason):
        score(endpoint)


@pytest.mark.parametrize("status", [400, 424])
def test_what_is_refused_as_bare_messages_is_sent_as_a_list_of_conversations(status: int) -> None:
    with serving(status, {}) as endpoint, pytest.raises(StepFailed):
        score(endpoint)

    assert [body["input_data"]["input_string"] for _, body in endpoint.received] == [PROMPT, [PROMPT]]


def test_a_container_that_answered_with_an_error_is_looked_into() -> None:
    with serving(424, {}) as endpoint, pytest.raises(StepFailed) as raised:
        score(endpoint)

    assert raised.value.hint.startswith("runner logs RUN deployment")


def test_a_redirect_is_not_followed_with_the_key() -> None:
    with (
        serving(200, {"output": "stolen"}) as other,
        serving(307, {}, Location=other.uri) as endpoint,
        pytest.raises(CloudUnavailable, match="answered 307, a redirect to another host"),
    ):
        score(endpoint)

    assert other.received == []


ECHOED = {"error": PROMPT[0]["content"]}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {}),
        (200, ""),
        (200, []),
        (200, {"output": "yes", "error": "no"}),
        (200, {"output": 7}),
        (200, ECHOED),
        (400, ECHOED),
        (424, ECHOED),
        (500, ECHOED),
    ],
)
def test_all_but_an_output_is_a_failure_that_does_not_repeat_the_prompt(status: int, body: object) -> None:
    with (
        serving(status, body) as endpoint,
        pytest.raises(StepFailed, match=f"^scoring was answered {status}") as raised,
    ):
        score(endpoint)

    assert "nobody" not in raised.value.message + raised.value.hint
    assert raised.value.log_tail == ()
