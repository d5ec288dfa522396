from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from tests.trainer.conftest import Server

ROOT = Path(__file__).parents[2]
HELLO = [{"role": "user", "content": "Repeat: secret words"}]


@pytest.fixture(scope="module")
def server(serve: Callable[[Path], AbstractContextManager[Server]], base_model: Path) -> Iterator[Server]:
    with serve(base_model) as running:
        assert running.answer(HELLO)
        yield running
    assert "POST /score 200" in running.log
    assert "secret words" not in running.log


def test_it_lives(server: Server) -> None:
    assert (server.get("/"), server.get("/nowhere")) == (200, 404)


def test_it_answers_the_same_twice_if_it_does_not_sample(server: Server) -> None:
    assert server.answer(HELLO) == server.answer(HELLO) != ""


def test_it_samples(server: Server) -> None:
    hot = {"do_sample": True, "temperature": 5.0, "top_p": 1.0, "max_new_tokens": 30}
    answers = {server.score(_body(parameters=hot))[1]["output"] for _ in range(3)}
    assert len(answers) > 1


def test_parameters_may_be_left_out(server: Server) -> None:
    status, tree = server.score({"input_data": {"input_string": HELLO}})
    assert (status, list(tree)) == (200, ["output"])


@pytest.mark.parametrize(
    "conversation",
    [[HELLO], [*HELLO, {"role": "assistant", "content": "x"}]],
    ids=["list of one", "answered"],
)
def test_a_conversation_is_taken_in_every_form_that_callers_send(server: Server, conversation: Any) -> None:  # noqa: ANN401 - any JSON
    status, tree = server.score(
        {"input_data": {"input_string": conversation, "parameters": {"max_new_tokens": 4}}}
    )
    assert status == 200
    assert isinstance(tree["output"], str)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"{", "the body is not JSON"),
        (b"[" * 100_000, "the body is not JSON"),
        ([], "the body must be an object"),
        ({}, "the body must have the key input_data"),
        ({"input_data": 7}, "input_data must be an object"),
        ({"input_data": {}}, "input_data must have the key input_string"),
        ({"input_data": {"input_string": "hi"}}, "input_data.input_string must be a list with at least one"),
        (
            {"input_data": {"input_string": [{"role": "user"}]}},
            "input_data.input_string[0].content must be text",
        ),
        (
            {"input_data": {"input_string": [{"role": "me", "content": ""}]}},
            "input_string[0].role must be one of",
        ),
        (
            {"input_data": {"input_string": HELLO, "parameters": []}},
            "input_data.parameters must be an object",
        ),
        (
            {"input_data": {"input_string": HELLO, "parameters": {"top_k": 1}}},
            "input_data.parameters.top_k is not",
        ),
        (
            {"input_data": {"input_string": HELLO, "parameters": {"max_new_tokens": 1025}}},
            "input_data.parameters.max_new_tokens must be a whole number from 1 to 1024",
        ),
        (
            {"input_data": {"input_string": HELLO, "parameters": {"temperature": True}}},
            "input_data.parameters.temperature must be a number above 0",
        ),
        (
            {"input_data": {"input_string": [{"role": "user", "content": "a " * 5000}]}},
            "tokens; the model takes in 1024, the answer included",
        ),
    ],
)
def test_a_bad_body_is_refused_in_words(server: Server, body: Any, sentence: str) -> None:  # noqa: ANN401 - any JSON
    status, tree = server.score(body)
    assert (status, tree["error"]["code"]) == (400, "BadRequest")
    assert sentence in tree["error"]["message"]


def test_an_enormous_body_is_refused_before_it_is_read(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("folder", ["", "nowhere"])
def test_a_folder_that_is_no_model_ends_it(tmp_path: Path, folder: str) -> None:
    command = [sys.executable, "-m", "runner.trainer", "serve", "--model", str(tmp_path / folder)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.read().startswith(b"ERROR ModelInvalid: --model has no file MLmodel")
    assert process.returncode == 1


@pytest.mark.parametrize("ending", ["end of input", "SIGTERM"])
def test_a_stage_ends_with_its_parent(ending: str) -> None:
    code = "import time; from runner.trainer import lifetime; lifetime.end_with_parent(); print(flush=True)"
    command = [sys.executable, "-c", f"{code}; time.sleep(60)"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdin
        process.stdout.readline()
        if ending == "SIGTERM":
            os.kill(process.pid, signal.SIGTERM)
        else:
            process.stdin.close()
        assert process.wait(timeout=10) != 0


def _body(parameters: Mapping[str, object]) -> dict[str, object]:
    return {"input_data": {"input_string": HELLO, "parameters": parameters}, "params": {}}
