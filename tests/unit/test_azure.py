"""What the SDK and a scoring address raise, as a person reads it: with what to do, and without the prompt."""

from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from azure.core.exceptions import ResourceNotFoundError

from runner.azure.scoring import Scoring
from runner.azure.translate import translated
from runner.errors import StepFailed


def test_what_is_not_found_while_it_is_changed_is_an_error_a_person_can_read() -> None:
    said = r"^routing traffic of endpoint e: \(ResourceNotFound\) endpoint e$"
    with pytest.raises(StepFailed, match=said), translated("routing traffic of endpoint e"):
        raise ResourceNotFoundError("(ResourceNotFound) endpoint e")


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was sent."""

    server: "EchoServer"

    def do_POST(self) -> None:
        body = self.server.prefix + self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


class EchoServer(HTTPServer):
    status = 400
    prefix = b""


@pytest.mark.parametrize(
    ("status", "prefix"),
    [(400, b""), (424, b""), (500, b""), (200, b""), (200, b"not JSON: "), (200, b'{"output": 7}')],
)
def test_a_prompt_that_a_model_echoes_is_in_no_error(status: int, prefix: bytes) -> None:
    with EchoServer(("127.0.0.1", 0), Echo) as server:
        server.status, server.prefix = status, prefix
        Thread(target=server.handle_request, daemon=True).start()
        with pytest.raises(StepFailed, match=f"^scoring was answered {status}") as caught:
            Scoring().chat(
                f"http://127.0.0.1:{server.server_port}/score",
                "key",
                deployment="demo",
                messages=[{"role": "user", "content": "private words"}],
                parameters={},
            )
    assert "private" not in caught.value.message + caught.value.hint
    assert caught.value.log_tail == ()
