"""`runner score`: only this run's own deployment is asked, at its own host, and nothing is kept."""

import io
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runner import opening as openings
from runner.cli import main
from runner.errors import StepFailed
from runner.facts import DeploymentState, EndpointState, Provisioning
from runner.verbs import score
from tests.unit.bench import AZURE
from tests.unit.past_runs import FIRST, TOLD, keep

HOST = "https://localhost:42327/tiny-endpoint.eastus.inference.local/score"
OURS = {"runner.recipe": "tiny", "runner.run": FIRST}
SECRET = "what nobody may keep"  # noqa: S105 - a prompt


@dataclass
class Sky:
    """A workspace with the run's endpoint and deployment, which answers in capitals what it was asked."""

    endpoint: EndpointState | None = field(
        default_factory=lambda: EndpointState(
            id="e", name="tiny-endpoint", provisioning=Provisioning.SUCCEEDED, scoring_uri=HOST, tags=OURS
        )
    )
    deployment: DeploymentState | None = field(
        default_factory=lambda: DeploymentState(
            id="d", name="demo", provisioning=Provisioning.SUCCEEDED, tags=OURS
        )
    )
    asked: list[Any] = field(default_factory=list)
    fails_at: int = -1

    @property
    def endpoints(self) -> SimpleNamespace:
        return SimpleNamespace(
            get=lambda _name: self.endpoint,
            deployment=lambda _endpoint, _name: self.deployment,
            key=lambda name: f"key of {name}",
        )

    @property
    def scoring(self) -> SimpleNamespace:
        return SimpleNamespace(chat=self._chat)

    def _chat(
        self,
        uri: str,
        key: str,
        *,
        deployment: str,
        messages: Sequence[Mapping[str, str]],
        parameters: Mapping[str, object],
    ) -> str:
        if len(self.asked) == self.fails_at:
            message = "scoring was answered 424: the model's container answered with an error"
            raise StepFailed(message)
        self.asked.append((uri, key, deployment, [dict(each) for each in messages], dict(parameters)))
        return messages[-1]["content"].upper()


@pytest.fixture
def sky(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sky:
    sky = Sky()
    monkeypatch.setattr(openings, "connected", lambda *_: sky)
    monkeypatch.setattr(openings, "reached", lambda *_: nullcontext())
    monkeypatch.setattr(score, "of_a_run", lambda *_: AZURE)
    keep(tmp_path / "runs", FIRST)
    return sky


def ask(folder: Path, *words: str) -> int:
    return main(["score", FIRST, "--runs-dir", str(folder / "runs"), *words])


def test_a_prompt_is_sent_to_the_runs_own_deployment_as_the_recipe_samples(
    tmp_path: Path, sky: Sky, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(tmp_path, "--prompt", "Order 9?") == 0
    messages = [{"role": "user", "content": "Order 9?"}]
    recorded = {"do_sample": False, "max_new_tokens": 8}
    assert sky.asked == [(HOST, "key of tiny-endpoint", "demo", messages, recorded)]
    out = capsys.readouterr().out
    assert "on the EMULATOR" in out
    assert "answer       ORDER 9?" in out


def test_parameters_have_yamls_types_and_stand_over_the_recipes(tmp_path: Path, sky: Sky) -> None:
    given = ["--parameter", "do_sample=true", "--parameter", "temperature=2e-1", "--parameter", "stop=no"]
    assert ask(tmp_path, "--prompt", "x", *given) == 0
    assert sky.asked[0][4] == {"do_sample": True, "max_new_tokens": 8, "temperature": 0.2, "stop": "no"}


@pytest.mark.parametrize("text", ["temperature", "=1", "a b=1", "x=.nan", "x=null", "x="])
def test_a_parameter_that_is_none_is_refused(tmp_path: Path, sky: Sky, text: str) -> None:
    with pytest.raises(SystemExit):
        ask(tmp_path, "--prompt", "x", "--parameter", text)
    assert sky.asked == []


ROWS = [
    {"prompt": "one"},
    {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "two"}]},
    {"messages": [{"role": "user", "content": "three"}, {"role": "assistant", "content": "drei"}]},
    {"prompt": [{"role": "user", "content": "four"}], "answer": "as in samples.jsonl"},
]


def jsonl(rows: Sequence[object]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.parametrize("way", ["file", "stdin"])
def test_rows_are_asked_in_order_and_not_with_their_answers(
    tmp_path: Path, sky: Sky, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(jsonl(ROWS), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(file.read_bytes())))
    assert ask(tmp_path, "--file", str(file) if way == "file" else "-", "--output", "json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [each["answer"] for each in told["answers"]] == ["ONE", "TWO", "THREE", "FOUR"]
    assert [each["ground_truth"] for each in told["answers"]] == [None, None, "drei", None]
    assert (told["run_id"], told["target"], told["error"]) == (FIRST, "emulator", None)
    assert [each[3][-1]["content"] for each in sky.asked] == ["one", "two", "three", "four"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{", "2:1 "),
        ("[]", '2:1 row-no-question: the row is no question; an object with "messages" or a "prompt"'),
        ('{"prompt": " "}', "2:1 content-empty prompt: is empty"),
        ('{"prompt": "a", "messages": []}', "2:1 messages-empty messages:"),
        ('{"messages": []}', "2:1 messages-empty messages:"),
        ('{"messages": 5}', "2:1 messages-not-a-list messages:"),
        ('{"messages": [{"role": "robot", "content": "a"}]}', "2:1 unknown-role messages[0].role:"),
        ('{"messages": [{"role": "system", "content": "a"}]}', "2:1 no-user-turn messages:"),
        ('{"messages": [{"role": "user", "content": 5}]}', "2:1 content-not-text messages[0].content:"),
        ('{"prompt": "a", "prompt": "b"}', "2:1 "),
        ("", "2:1 "),
    ],
)
def test_a_row_that_cannot_be_asked_is_told_by_its_line_and_nothing_is_sent(
    tmp_path: Path, sky: Sky, capsys: pytest.CaptureFixture[str], row: str, said: str
) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(f'{{"prompt": "{SECRET}"}}\n{row}\n{{"prompt": "x"}}\n', encoding="utf-8")
    assert ask(tmp_path, "--file", str(file)) == 2
    told = capsys.readouterr().err
    assert f"{file}:{said}" in told
    assert SECRET not in told
    assert sky.asked == []


@pytest.mark.parametrize("words", [("--prompt", " "), ("--file", "nowhere.jsonl"), ("--file", "/dev/null")])
def test_nothing_to_ask_is_said(tmp_path: Path, sky: Sky, words: tuple[str, ...]) -> None:
    assert ask(tmp_path, *words) == 2
    assert sky.asked == []


def steps(step: str, **others: object) -> dict[str, Any]:
    return {**TOLD["steps"], step: TOLD["steps"][step] | others}


@pytest.mark.parametrize("step", ["endpoint", "deployment"])
def test_what_was_cleaned_up_is_refused_before_anything_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setattr(openings, "reached", lambda *_: pytest.fail("no cloud is needed to know it"))
    keep(tmp_path / "runs", FIRST, steps=steps(step, status="deleted"))
    assert ask(tmp_path, "--prompt", "x") == 2
    assert "was deleted when the run was cleaned up or taken down" in capsys.readouterr().err


def test_a_run_that_deployed_nothing_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(tmp_path / "runs", FIRST, steps={"finetune": TOLD["steps"]["finetune"]})
    assert ask(tmp_path, "--prompt", "x") == 2
    assert "has no endpoint: there is nothing to ask" in capsys.readouterr().err


def refused(folder: Path, sky: Sky, capsys: pytest.CaptureFixture[str]) -> str:
    assert ask(folder, "--prompt", SECRET) == 2
    assert sky.asked == []
    told = capsys.readouterr().err
    assert SECRET not in told
    return told


def test_what_is_gone_or_not_ours_is_never_asked(
    tmp_path: Path, sky: Sky, capsys: pytest.CaptureFixture[str]
) -> None:
    endpoint, deployment = sky.endpoint, sky.deployment
    assert endpoint
    assert deployment
    sky.endpoint = None
    assert "endpoint tiny-endpoint of run" in refused(tmp_path, sky, capsys)
    sky.endpoint = replace(endpoint, tags={"runner.recipe": "other"})
    assert "is not from a run of this recipe any more" in refused(tmp_path, sky, capsys)
    sky.endpoint, sky.deployment = endpoint, None
    assert "deployment demo of run" in refused(tmp_path, sky, capsys)
    sky.deployment = replace(deployment, tags=OURS | {"runner.run": "20261122T000000Z-tiny-ffff"})
    told = refused(tmp_path, sky, capsys)
    assert "serves the model of 20261122T000000Z-tiny-ffff" in told
    assert "hint: runner score 20261122T000000Z-tiny-ffff" in told


@pytest.mark.parametrize(
    "uri",
    [
        "https://elsewhere.example/score",
        "http://localhost:42327/score",
        "",
        "https://localhost.evil/s",
        "https://[x",
    ],
)
def test_the_key_goes_to_no_other_host_than_the_one_registered(
    tmp_path: Path, sky: Sky, capsys: pytest.CaptureFixture[str], uri: str
) -> None:
    assert sky.endpoint
    sky.endpoint = replace(sky.endpoint, scoring_uri=uri)
    assert "run 20261121T181034Z-tiny-5623 registered localhost: its key is not sent there" in refused(
        tmp_path, sky, capsys
    )


@pytest.mark.parametrize("uri", ["https://[x", "http://localhost/score"])
def test_a_manifest_that_registered_no_address_of_https_is_refused(
    tmp_path: Path, sky: Sky, capsys: pytest.CaptureFixture[str], uri: str
) -> None:
    keep(tmp_path / "runs", FIRST, steps=steps("endpoint", outputs={"scoring_uri": uri}))
    assert "registered None: its key is not sent there" in refused(tmp_path, sky, capsys)
    assert sky.endpoint
    sky.endpoint = replace(sky.endpoint, scoring_uri=uri)
    assert "is now at host None" in refused(tmp_path, sky, capsys)


def test_rows_as_ultrachat_has_them_are_asked_by_their_messages(
    tmp_path: Path, sky: Sky, capsys: pytest.CaptureFixture[str]
) -> None:
    turns = [{"role": "user", "content": "who?"}, {"role": "assistant", "content": "nobody"}]
    file = tmp_path / "test.jsonl"
    file.write_text(jsonl([{"prompt": "who", "prompt_id": "1", "messages": turns}]), encoding="utf-8")
    assert ask(tmp_path, "--file", str(file)) == 0
    assert sky.asked[0][3] == turns[:1]
    out = capsys.readouterr().out
    assert "answer       WHO?" in out
    assert "ground truth nobody" in out


def test_a_mistake_of_many_rows_is_told_once(
    tmp_path: Path, sky: Sky, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rows.jsonl"
    empty = {"role": "user", "content": ""}
    rows = [{"prompt": "x"}, *[{"text": SECRET}] * 40, {"messages": [empty, empty]}, {"messages": []}]
    file.write_text(jsonl(rows), encoding="utf-8")
    assert ask(tmp_path, "--file", str(file)) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith(str(file))]
    expected = 'an object with "messages" or a "prompt"'
    assert [line.removeprefix(f"{file}:") for line in told] == [
        f"2:1 row-no-question: the row is no question (in 40 rows: lines 2, 3, 4, …); {expected}",
        "42:1 content-empty messages[0].content: is empty",
        "43:1 messages-empty messages: is an empty list",
    ]
    assert sky.asked == []


def test_an_emulator_that_came_back_at_another_port_is_asked(tmp_path: Path, sky: Sky) -> None:
    assert sky.endpoint
    sky.endpoint = replace(sky.endpoint, scoring_uri=HOST.replace("42327", "1"))
    assert ask(tmp_path, "--prompt", "x") == 0


def test_answers_that_came_before_a_failure_are_told_with_it(
    tmp_path: Path, sky: Sky, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(jsonl(ROWS), encoding="utf-8")
    sky.fails_at = 2
    assert ask(tmp_path, "--file", str(file), "--output", "json") == 1
    told = json.loads(capsys.readouterr().out)
    assert [each["answer"] for each in told["answers"]] == ["ONE", "TWO"]
    assert "424" in told["error"]["message"]


def test_nothing_of_a_question_or_its_answer_is_kept(tmp_path: Path, sky: Sky) -> None:
    before = {path: path.read_bytes() for path in (tmp_path / "runs").rglob("*") if path.is_file()}
    assert ask(tmp_path, "--prompt", SECRET) == 0
    assert len(sky.asked) == 1
    assert {path: path.read_bytes() for path in (tmp_path / "runs").rglob("*") if path.is_file()} == before


def test_an_answer_cannot_move_the_cursor(
    tmp_path: Path, sky: Sky, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sky, "_chat", lambda *_, **__: "\x1b[2Jgone")
    assert ask(tmp_path, "--prompt", "x") == 0
    assert "\\x1b[2Jgone" in capsys.readouterr().out
    assert sky.asked == []


def test_an_endpoint_without_a_name_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before any cloud is reached; no schema says what a step intends."""
    steps = {**TOLD["steps"], "endpoint": TOLD["steps"]["endpoint"] | {"intent": {"x": 1}}}
    keep(tmp_path, "20261121T082300Z-small-1a2b", steps=steps)
    assert main(["score", "latest", "--prompt", "Hello", "--runs-dir", str(tmp_path)]) == 2
    assert "has no endpoint" in capsys.readouterr().err
