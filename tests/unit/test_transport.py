"""How requests leave: sent again by the rules, signed in anew once, and no stranger's answer is taken."""

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.core import PipelineClient
from azure.core.credentials import AccessToken, TokenCredential
from azure.core.exceptions import IncompleteReadError, ServiceRequestError, ServiceResponseError
from azure.core.rest import HttpRequest, HttpResponse
from urllib3 import HTTPResponse
from urllib3.exceptions import SSLError

from runner.azure import answers
from runner.azure.answers import AnswerRefused, BoundedSession
from runner.azure.credential import RenewableCredential
from runner.azure.rest import seen_twice, signed_in_client
from runner.azure.retrying import Patience
from runner.azure.transport import Transport
from runner.errors import NotFound
from tests.unit.arm_server import ArmServer, CountingCredential, Reply, serving

WELL = Reply(body={"well": True})
BAD = [408, 429, 500, 502, 503, 504]


@pytest.fixture(scope="module")
def arm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArmServer]:
    with serving(tmp_path_factory.mktemp("tls")) as server:
        yield server


@pytest.fixture
def server(arm: ArmServer) -> ArmServer:
    arm.forget()
    return arm


class Bench:
    """A signed-in client whose pauses take no time."""

    def __init__(self, server: ArmServer, make: Callable[[], TokenCredential] | None = None) -> None:
        self.server = server
        self.pauses: list[float] = []
        self.credential = RenewableCredential(make or _one_for_all())
        self.wire = Transport(self.credential, wait=self.pauses.append)
        self.client: PipelineClient[Any, Any] = signed_in_client(self.credential, server.target, self.wire)

    def send(self, method: str, path: str) -> HttpResponse:
        request = HttpRequest(method, f"{self.server.url}{path}", headers={"Accept": "application/json"})
        response: HttpResponse = self.client.send_request(request)
        return response


def _one_for_all() -> Callable[[], TokenCredential]:
    credential = CountingCredential()
    return lambda: credential


@pytest.mark.parametrize("status", BAD)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_what_passes_by_itself_is_sent_again(server: ArmServer, method: str, status: int) -> None:
    bench = Bench(server)
    server.on(method, "/x", Reply(status=status), Reply(status=status), WELL)
    assert bench.send(method, "/x").json() == {"well": True}
    assert (len(bench.pauses), bench.wire.retried) == (2, 2)
    assert min(bench.pauses) > 0


def test_a_service_that_stays_down_is_given_up_on(server: ArmServer) -> None:
    bench = Bench(server)
    server.on("GET", "/x", Reply(status=503, headers={"Retry-After": "0"}))
    assert bench.send("GET", "/x").status_code == 503
    assert server.count("GET", "/x") == Patience().attempts


def test_nothing_is_sent_again_when_the_time_is_up(server: ArmServer) -> None:
    bench = Bench(server)
    bench.wire = Transport(bench.credential, patience=Patience(total=1.0), wait=bench.pauses.append)
    bench.client = signed_in_client(bench.credential, server.target, bench.wire)
    server.on("GET", "/x", Reply(status=503, headers={"Retry-After": "2"}))
    bench.send("GET", "/x")
    assert (server.count("GET", "/x"), bench.pauses) == (1, [])


def test_nothing_is_sent_again_when_the_run_is_to_end(server: ArmServer) -> None:
    bench = Bench(server)
    bench.wire.hurry()
    server.on("GET", "/x", Reply(status=503))
    bench.send("GET", "/x")
    assert server.count("GET", "/x") == 1


def test_nothing_is_sent_again_after_a_pause_in_which_the_run_was_to_end(server: ArmServer) -> None:
    bench = Bench(server)
    bench.wire = Transport(bench.credential, wait=lambda _: bench.wire.hurry())
    bench.client = signed_in_client(bench.credential, server.target, bench.wire)
    server.on("GET", "/x", Reply(status=503))
    assert bench.send("GET", "/x").status_code == 503
    assert (server.count("GET", "/x"), bench.wire.retried) == (1, 0)


def test_whoever_waits_to_send_again_is_woken_when_the_run_is_to_end() -> None:
    wire = Transport()
    thread = threading.Thread(target=lambda: wire.pause(60.0))
    thread.start()
    wire.hurry()
    thread.join(5)
    assert not thread.is_alive()


@pytest.mark.parametrize("status", [400, 404, 409, 412])
def test_l7_a_retry_after_alone_is_no_reason(server: ArmServer, status: int) -> None:
    bench = Bench(server)
    server.on("PUT", "/x", Reply(status=status, headers={"Retry-After": "0"}), WELL)
    assert bench.send("PUT", "/x").status_code == status
    assert server.count("PUT", "/x") == 1


@pytest.mark.parametrize("status", BAD)
def test_l7_a_post_that_changes_something_is_sent_once(server: ArmServer, status: int) -> None:
    bench = Bench(server)
    server.on("POST", "/cancel", Reply(status=status, headers={"Retry-After": "0"}), WELL)
    assert bench.send("POST", "/cancel").status_code == status
    assert (server.count("POST", "/cancel"), bench.wire.retried) == (1, 0)


def test_a_post_that_only_reads_is_sent_again(server: ArmServer) -> None:
    bench = Bench(server)
    server.on("POST", "/listKeys", Reply(status=503), WELL)
    assert bench.send("POST", "/listKeys").status_code == 200


@pytest.mark.parametrize("broken", [Reply(status=0), Reply(body={"well": True}, cut=3)])
def test_an_answer_that_breaks_off_is_asked_for_again(server: ArmServer, broken: Reply) -> None:
    bench = Bench(server)
    server.on("GET", "/x", broken, WELL)
    assert bench.send("GET", "/x").json() == {"well": True}
    assert bench.wire.retried == 1


def test_an_answer_whose_encryption_breaks_is_asked_for_again(
    server: ArmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, broken = HTTPResponse.read1, iter([SSLError("decryption failed or bad record mac")])

    def broken_once(body: HTTPResponse, *given: Any, **named: Any) -> bytes:  # noqa: ANN401 - as urllib3 has it
        for error in broken:
            body.close()  # as urllib3 does
            raise error
        return read(body, *given, **named)

    monkeypatch.setattr(HTTPResponse, "read1", broken_once)
    bench = Bench(server)
    server.on("GET", "/x", WELL)
    assert bench.send("GET", "/x").json() == {"well": True}
    assert bench.wire.retried == 1


@pytest.mark.parametrize("broken", [Reply(status=0), Reply(body={"well": True}, cut=3)])
def test_l7_a_post_whose_answer_was_lost_is_not_sent_again(server: ArmServer, broken: Reply) -> None:
    bench = Bench(server)
    server.on("POST", "/cancel", broken, WELL)
    with pytest.raises((ServiceResponseError, IncompleteReadError)):
        bench.send("POST", "/cancel")
    assert server.count("POST", "/cancel") == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_never_arrived_is_sent_again_whatever_it_was(server: ArmServer, method: str) -> None:
    bench = Bench(server)
    request = HttpRequest(method, "https://localhost:9/cancel")  # nobody listens on the port of `discard`
    with pytest.raises(ServiceRequestError):
        bench.client.send_request(request)
    assert bench.wire.retried == Patience().attempts - 1


def test_a_token_that_is_refused_is_renewed_once(server: ArmServer) -> None:
    bench = Bench(server)
    server.on("GET", "/x", Reply(status=401), WELL)
    assert bench.send("GET", "/x").status_code == 200
    assert [each.token for each in server.seen] == ["token-number-1", "token-number-2"]
    assert bench.pauses == []


def test_a_second_refusal_is_final(server: ArmServer) -> None:
    bench = Bench(server)
    server.on("GET", "/x", Reply(status=401))
    assert bench.send("GET", "/x").status_code == 401
    assert server.count("GET", "/x") == 2


def test_a_renewal_goes_past_what_the_credential_keeps(server: ArmServer) -> None:
    """As MSAL does, and with it a managed identity: the same object gives the same token to its end."""

    class Keeping:
        def __init__(self) -> None:
            self.token = inner.get_token()

        def get_token(self, *_: str, **__: object) -> AccessToken:
            return self.token

    inner = CountingCredential()
    bench = Bench(server, Keeping)
    server.on("GET", "/x", Reply(status=401), WELL)
    assert bench.send("GET", "/x").status_code == 200
    assert [each.token for each in server.seen] == ["token-number-1", "token-number-2"]


def test_other_clients_show_the_renewed_token_at_once(server: ArmServer) -> None:
    bench = Bench(server)
    other = Bench(server)
    other.client = signed_in_client(bench.credential, server.target, bench.wire)
    server.on("GET", "/warm", WELL)
    other.send("GET", "/warm")
    server.on("GET", "/x", Reply(status=401), WELL)
    bench.send("GET", "/x")
    other.send("GET", "/x")
    assert [each.token[-1] for each in server.seen] == ["1", "1", "2", "2"]


def test_threads_that_were_refused_together_fetch_one_token_between_them(server: ArmServer) -> None:
    bench = Bench(server)
    barrier = threading.Barrier(4)
    first = bench.credential.get_token("s").token
    fresh: list[str | None] = []

    def refused() -> None:
        barrier.wait()
        fresh.append(bench.credential.renewed(first))

    threads = [threading.Thread(target=refused) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert fresh == ["token-number-2"] * 4


def test_a_key_that_is_refused_is_nobodys_token(server: ArmServer) -> None:
    bench = Bench(server)
    assert bench.credential.renewed("some key of an endpoint") is None
    assert bench.credential.current("some key of an endpoint") == "some key of an endpoint"


@pytest.mark.parametrize(
    "page",
    [
        Reply(body=b"<html>sign in, secret-of-the-page</html>", headers={"Content-Type": "text/html"}),
        Reply(body=b"<html>sign in, secret-of-the-page</html>"),
        Reply(body={"looks": "well"}, headers={"Content-Type": "text/html; charset=utf-8"}),
        Reply(body=b'{"value": [', headers={"Content-Type": "application/json"}),
        Reply(body=b"[" * 100_000),
    ],
)
def test_a_page_of_a_proxy_is_not_an_answer(server: ArmServer, page: Reply) -> None:
    bench = Bench(server)
    server.on("GET", "/x", page)
    with pytest.raises(
        AnswerRefused, match="localhost answered 200 with something that is not Azure ML's"
    ) as told:
        bench.send("GET", "/x")
    assert "secret-of-the-page" not in str(told.value)


def test_a_404_of_a_proxy_does_not_say_that_something_is_gone(server: ArmServer) -> None:
    page = Reply(status=404, body=b"<html>no such page</html>", headers={"Content-Type": "text/html"})
    server.on("GET", "/x", page)
    with pytest.raises(AnswerRefused, match="localhost answered 404 with something that is not Azure ML's"):
        Bench(server).send("GET", "/x")


@pytest.mark.parametrize("body", [b"", b'{"error": {"code": "ResourceNotFound"}}'])
def test_a_404_of_the_service_is_an_answer(server: ArmServer, body: bytes) -> None:
    server.on("GET", "/x", Reply(status=404, body=body))
    assert Bench(server).send("GET", "/x").status_code == 404


@pytest.mark.parametrize("answer", [Reply(status=204), Reply(body=b"null"), Reply(body=b"\xef\xbb\xbf{}")])
def test_an_answer_without_much_is_one(server: ArmServer, answer: Reply) -> None:
    server.on("GET", "/x", answer)
    assert Bench(server).send("GET", "/x").status_code == answer.status


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("address", ["https://127.0.0.1:{}", "http://localhost:{}", "//127.0.0.1:{}"])
def test_a_redirect_to_another_host_is_not_followed(server: ArmServer, status: int, address: str) -> None:
    elsewhere = f"{address.format(server.server_port)}/stolen"
    server.on("GET", "/x", Reply(status=status, headers={"Location": elsewhere}))
    with pytest.raises(AnswerRefused, match=f"localhost answered {status}, a redirect to another host"):
        Bench(server).send("GET", "/x")
    assert server.count("GET", "/stolen") == 0


@pytest.mark.parametrize("where", ["/y", "https://localhost:{}/y"])
def test_a_redirect_on_the_host_itself_is_none_to_refuse(server: ArmServer, where: str) -> None:
    to = where.format(server.server_port)
    server.on("GET", "/x", Reply(status=307, headers={"Location": to}))
    assert Bench(server).send("GET", "/x").status_code == 307


def test_an_answer_without_end_is_cut_off(server: ArmServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MOST_BYTES", 1000)
    bomb = gzip.compress(b" " * 10_000_000)
    server.on("GET", "/x", Reply(body=bomb, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(AnswerRefused, match="localhost sent an answer without end"):
        Bench(server).send("GET", "/x")


def test_an_answer_that_drips_is_cut_off(server: ArmServer) -> None:
    server.on("GET", "/x", Reply(body=b" " * 1_000_000))
    hours = iter(range(0, 3600 * 100, 3600))
    with (
        BoundedSession(60.0, clock=lambda: next(hours)) as session,
        pytest.raises(AnswerRefused, match="without end"),
    ):
        session.get(f"{server.url}/x", timeout=5)


def test_a_server_that_hangs_ends_in_bounded_time(server: ArmServer) -> None:
    server.on("GET", "/x", Reply(delay=2.0))
    wire = Transport(patience=Patience(attempts=1), read_seconds=0.2)
    client: PipelineClient[Any, Any] = PipelineClient("", policies=[], transport=wire)
    began = time.monotonic()
    with pytest.raises(ServiceResponseError):
        client.send_request(HttpRequest("GET", f"{server.url}/x"))
    assert time.monotonic() - began < 1.5


def test_what_is_not_there_is_looked_at_twice() -> None:
    pauses: list[float] = []
    found = iter([NotFound("not yet"), None])

    def look() -> str:
        error = next(found)
        if error:
            raise error
        return "there"

    assert seen_twice(look, Transport(wait=pauses.append)) == "there"
    assert len(pauses) == 1


def test_what_is_not_there_twice_is_not_there() -> None:
    def look() -> str:
        raise NotFound("not at all")

    with pytest.raises(NotFound, match="not at all"):
        seen_twice(look, Transport(wait=lambda _: None))
