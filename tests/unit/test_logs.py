"""`logs` tells the journal in words, or what a step's processes wrote in the cloud; it writes nothing."""

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from runner import opening as openings
from runner.cli import main
from runner.clock import SystemClock
from runner.console import chronicle
from runner.facts import ChildRun, DeploymentState, Provisioning
from runner.journal import FILE_NAME, Event, Journal, Json, Record
from runner.redact import register

RUN = "20261121T082300Z-small-1a2b"
DATA: Mapping[Event, Mapping[str, Json]] = {
    Event.RUN_HELD: {"process": {"pid": 7, "host": "here"}},
    Event.RUN_RESUMED: {"process": {"pid": 7, "host": "here"}},
    Event.STEP_STARTED: {"action": "create", "attempt": 2},
    Event.INTENT: {"action": "create", "intent": {"name": "gpu"}, "kind": "compute", "bills": True},
    Event.ACKNOWLEDGED: {},
    Event.OBSERVED: {"detail": "training", "fraction": 0.5},
    Event.DONE: {
        "action": "create",
        "intent": {"name": "gpu"},
        "kind": "compute",
        "bills": True,
        "outputs": {},
        "detail": "ready",
    },
    Event.FAILED: {"error": "no quota"},
    Event.WALKED: {"status": "failed", "error": "no quota"},
    Event.DELETE_INTENT: {"intent": {"name": "gpu"}},
    Event.DELETE_DONE: {"with": []},
    Event.DELETE_FAILED: {"reason": "HTTP 409"},
    Event.RUN_CLOSED: {"status": "failed", "retried": 3},
    Event.JUDGED: {"reproduced": False},
    Event.REPAIRED: {"dropped": [{"line": 3, "reason": "checksum"}]},
}
WORDS = {
    Event.RUN_HELD: "held, by process 7 on here, which looks how to go on",
    Event.RUN_RESUMED: "resumed, by process 7 on here",
    Event.STEP_STARTED: "begun: to create, attempt 2",
    Event.INTENT: "asked for: create compute gpu",
    Event.ACKNOWLEDGED: "accepted",
    Event.OBSERVED: "seen: training 50%",
    Event.DONE: "done: create compute gpu: ready",
    Event.FAILED: "failed: no quota",
    Event.WALKED: "all steps are over, failed: no quota; what is left is to clean up and close",
    Event.DELETE_INTENT: "asked for: delete gpu",
    Event.DELETE_DONE: "gone (proved)",
    Event.DELETE_FAILED: "is not proven gone: HTTP 409",
    Event.RUN_CLOSED: "closed: failed, 3 requests were sent once more",
    Event.JUDGED: "judged: not reproduced",
    Event.REPAIRED: "repaired: 1 damaged lines were dropped",
}


def serving(run: str) -> DeploymentState:
    provisioning = Provisioning.SUCCEEDED
    return DeploymentState(id="/demo", name="demo", provisioning=provisioning, tags={"runner.run": run})


class Sky:
    """A cloud of which only the logs are asked."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts = texts
        self.history = SimpleNamespace(descendants=self._descendants, log=texts.__getitem__)
        self.endpoints = SimpleNamespace(container_log=self._container, deployment=lambda *_: self.serving)
        self.serving: DeploymentState | None = serving(RUN)

    def _descendants(self, job: str) -> tuple[ChildRun, ...]:
        assert job == f"{RUN}-1"
        return tuple(ChildRun(run_id=name, name=f"node_{name}", status="Running") for name in self.texts)

    def _container(self, endpoint: str, name: str, lines: int) -> str:
        return f"{endpoint}/{name}, {lines} lines"


@pytest.fixture
def journal(tmp_path: Path, opening: Mapping[str, Json]) -> Journal:
    (tmp_path / "runs" / RUN).mkdir(parents=True)
    journal = Journal(tmp_path / "runs" / RUN / FILE_NAME, SystemClock(), new=True)
    journal.append(Event.RUN_OPENED, data={**opening, "target": {**opening["target"], "kind": "azure"}})
    return journal


def mean(journal: Journal, step: str, intent: Mapping[str, Json]) -> None:
    made = {"action": "create", "intent": intent, "kind": step, "bills": True}
    journal.append(Event.STEP_STARTED, step=step, data={"action": "create"})
    journal.append(Event.INTENT, step=step, data=made)


def logs(folder: Path, *words: str) -> int:
    return main(["logs", RUN, *words, "--runs-dir", str(folder / "runs")])


@pytest.fixture
def under(monkeypatch: pytest.MonkeyPatch) -> Sky:
    sky = Sky({"validation": "fine\n", "finetune": "\x1b[31mloss 1.0\n", "model_converter": ""})
    monkeypatch.setattr(openings, "connected", lambda *_: sky)
    return sky


def test_every_record_has_its_words(opening: Mapping[str, Json]) -> None:
    assert {*WORDS, Event.RUN_OPENED} == set(Event)
    for event, data in {**DATA, Event.RUN_OPENED: opening}.items():
        record = Record(seq=1, time="2026-11-21T08:23:00.000Z", event=event, step="compute", data=data)
        words = WORDS.get(event, "opened: small.yaml on emulator workspace ws")
        assert chronicle.line(record) == f"2026-11-21T08:23:00.000Z  compute     {words}"


def test_a_job_is_cancelled_and_not_deleted_and_what_is_left_alone_is_told_as_that() -> None:
    told: list[tuple[Event, str, Mapping[str, Json], str]] = [
        (Event.DELETE_INTENT, "finetune", {"intent": {"name": "job"}}, "asked for: cancel job"),
        (Event.DELETE_DONE, "finetune", {"with": []}, "has stopped (proved)"),
        (Event.DELETE_DONE, "endpoint", {"with": [], "left": "it serves"}, "left alone: it serves"),
    ]
    for event, step, data, words in told:
        record = Record(seq=1, time="2026-11-21T08:23:00.000Z", event=event, step=step, data=data)
        assert chronicle.line(record).endswith(f"  {words}")


def test_without_a_step_it_is_the_whole_journal_a_line_each(
    tmp_path: Path, journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    mean(journal, "compute", {"name": "gpu\n\x1b[2J"})
    assert logs(tmp_path) == 0
    told = capsys.readouterr().out.splitlines()
    assert len(told) == 3
    assert told[2].endswith("asked for: create compute gpu \\x1b[2J")


def test_a_step_without_a_log_of_its_own_is_told_from_its_records(
    tmp_path: Path, journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    mean(journal, "compute", {"name": "gpu"})
    mean(journal, "endpoint", {"name": "e"})
    assert logs(tmp_path, "compute", "--output", "json") == 0
    said = json.loads(capsys.readouterr().out)
    assert [(each["event"], each["step"]) for each in said["records"]] == [
        ("step_started", "compute"),
        ("intent", "compute"),
    ]


@pytest.mark.usefixtures("under")
def test_a_training_has_the_logs_of_its_children(
    tmp_path: Path, journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    mean(journal, "finetune", {"name": f"{RUN}-1"})
    before = sorted((path, path.read_bytes()) for path in tmp_path.rglob("*") if path.is_file())
    assert logs(tmp_path, "finetune") == 0
    assert capsys.readouterr().out.splitlines() == [
        "==> node_validation <==",
        "fine",
        "==> node_finetune <==",
        "\\x1b[31mloss 1.0",
    ]
    assert sorted((path, path.read_bytes()) for path in tmp_path.rglob("*") if path.is_file()) == before


@pytest.mark.usefixtures("under")
@pytest.mark.parametrize("step", ["baseline", "deployment"])
def test_a_deployment_has_the_log_of_its_container(
    tmp_path: Path, journal: Journal, capsys: pytest.CaptureFixture[str], step: str
) -> None:
    mean(journal, step, {"name": "demo", "endpoint": "e"})
    assert logs(tmp_path, step, "--lines", "7", "--output", "json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["logs"] == [{"name": "demo", "text": "e/demo, 7 lines"}]


@pytest.mark.parametrize("found", [serving("another"), None])
def test_another_runs_log_is_never_shown_as_this_ones(
    tmp_path: Path,
    journal: Journal,
    under: Sky,
    capsys: pytest.CaptureFixture[str],
    found: DeploymentState | None,
) -> None:
    mean(journal, "deployment", {"name": "demo", "endpoint": "e"})
    under.serving = found
    assert logs(tmp_path, "deployment") == 2
    told = "its log is of another" if found else "its log went with it"
    assert told in capsys.readouterr().err


def test_the_log_of_what_this_run_has_deleted_is_not_asked_for(
    tmp_path: Path, journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    mean(journal, "deployment", {"name": "demo", "endpoint": "e"})
    journal.append(Event.DELETE_DONE, step="deployment", data={"with": []})
    assert logs(tmp_path, "deployment") == 2
    assert "its log went with it" in capsys.readouterr().err


def test_no_secret_is_shown(
    tmp_path: Path, journal: Journal, under: Sky, capsys: pytest.CaptureFixture[str]
) -> None:
    mean(journal, "finetune", {"name": f"{RUN}-1"})
    key = register("logs-canary-0123456789")
    under.texts = {"finetune": f"key {key}"}
    under.history.log = under.texts.__getitem__
    for words in ((), ("--output", "json")):
        assert logs(tmp_path, "finetune", *words) == 0
        said = capsys.readouterr().out
        assert "key [redacted]" in said
        assert "canary" not in said


def test_a_step_that_has_asked_for_nothing_has_no_log(
    tmp_path: Path, journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    journal.append(Event.STEP_STARTED, step="finetune", data={"action": "create"})
    assert logs(tmp_path, "finetune") == 2
    assert "finetune of run" in capsys.readouterr().err


def test_what_is_not_proven_gone_ends_this_with_9_too(
    tmp_path: Path, journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    mean(journal, "compute", {"name": "gpu"})
    assert logs(tmp_path) == 0
    journal.append(Event.DELETE_FAILED, step="compute", data={"reason": "HTTP 409"})
    assert logs(tmp_path) == 9
    assert "not proven gone: compute gpu (HTTP 409)" in capsys.readouterr().err


@pytest.mark.parametrize(("closed", "code"), [(True, 0), (False, 8)])
def test_a_journal_is_followed_until_its_process_lets_go(
    tmp_path: Path, journal: Journal, capsys: pytest.CaptureFixture[str], code: int, *, closed: bool
) -> None:
    def go_on() -> None:
        mean(journal, "compute", {"name": "gpu"})
        if closed:
            journal.append(Event.RUN_CLOSED, data={"status": "succeeded"})
        journal.close()

    timer = threading.Timer(0.5, go_on)
    timer.start()
    try:
        assert logs(tmp_path, "--follow") == code
    finally:
        timer.join()
    assert "asked for: create compute gpu" in capsys.readouterr().out
    assert logs(tmp_path, "finetune", "--follow") == 2
