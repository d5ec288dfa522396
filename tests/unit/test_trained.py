"""What the finetune step tells of its output's files; that it cannot be told loses no training."""

from collections.abc import Mapping
from threading import Event
from types import SimpleNamespace
from typing import Any, cast

import pytest
from azure.core.exceptions import ServiceRequestError

from runner.azure.giving_up import PATIENCE_SECONDS
from runner.azure.storage import Storage
from runner.errors import CloudUnavailable, RunnerError, StepFailed
from runner.facts import TRAINED_MODEL, JobState, Provisioning, StoredFile
from runner.steps import STEPS
from runner.steps.step import Observation, Status
from tests.unit.bench import Bench

FILES = {
    "MLmodel": StoredFile(bytes=3, md5="bWQ1"),
    "data/model.safetensors": StoredFile(bytes=7, sha256="ab"),
    "huge": StoredFile(bytes=9),
}


class Output:
    """A job that has completed, and what tells of its output."""

    def __init__(self, uri: str | None = "azureml://datastores/b/paths/p/") -> None:
        self.uri = uri
        self.trouble: RunnerError | None = None
        self.reads = 0
        self.interrupted = False

    def contents(self, uri: str, stop: Event) -> Mapping[str, StoredFile]:
        assert (uri, stop.is_set()) == (self.uri, False)
        self.reads += 1
        if self.interrupted:
            stop.set()
            raise StepFailed("the run was stopped while the output was read")
        if self.trouble:
            raise self.trouble
        return FILES

    def seen(self, bench: Bench) -> Observation:
        job = JobState(
            id="/j",
            name="j",
            status="Completed",
            provisioning=Provisioning.SUCCEEDED,
            outputs=(TRAINED_MODEL,),
        )
        history = SimpleNamespace(
            descendants=lambda _: (),
            output_asset=lambda *_: "asset",
            output_uri=lambda _: self.uri,
        )
        jobs = SimpleNamespace(get=lambda _: job)
        metrics = SimpleNamespace(points=lambda _: ())
        bench.on(SimpleNamespace(jobs=jobs, history=history, metrics=metrics, storage=self))
        return STEPS["finetune"].observe(bench.context, {"name": "j"})


def test_a_finished_training_tells_the_digests_of_its_files(bench: Bench) -> None:
    seen = Output().seen(bench)
    assert seen.outputs["files"] == {
        "MLmodel": {"bytes": 3, "md5": "bWQ1"},
        "data/model.safetensors": {"bytes": 7, "sha256": "ab"},
        "huge": {"bytes": 9},
    }
    assert "files_unknown" not in seen.outputs


def test_files_that_cannot_be_read_lose_no_training(bench: Bench) -> None:
    output = Output()
    output.trouble = StepFailed("HTTP 403")
    seen = output.seen(bench)
    assert (seen.status, seen.outputs["files_unknown"]) == (Status.SUCCEEDED, "HTTP 403")
    assert "files" not in seen.outputs


def test_files_that_nobody_tells_now_are_asked_for_again(bench: Bench) -> None:
    output = Output()
    output.trouble = CloudUnavailable("storage: no answer")
    with pytest.raises(CloudUnavailable):
        output.seen(bench)
    output.trouble = None
    assert "files" in output.seen(bench).outputs


def test_a_storage_that_stays_silent_is_asked_for_minutes_and_no_longer() -> None:
    now = [0.0]

    def silent(*_: object, **__: object) -> None:
        raise ServiceRequestError("no answer")

    workspace: Any = SimpleNamespace(datastores=SimpleNamespace(get=silent))
    storage = Storage(workspace, cast("Any", None), cast("Any", None), clock=lambda: now[0])
    for now[0] in (0.0, PATIENCE_SECONDS):
        with pytest.raises(CloudUnavailable):
            storage.contents("azureml://datastores/b/paths/p/", Event())
    now[0] += 60
    with pytest.raises(StepFailed, match="for 6 minutes"):
        storage.contents("azureml://datastores/b/paths/p/", Event())


def test_a_run_that_is_stopped_meanwhile_leaves_them_to_be_read_later(bench: Bench) -> None:
    """Else nothing would ever read them: the step would be done."""
    output = Output()
    output.interrupted = True
    assert output.seen(bench).status is Status.IN_PROGRESS
    bench.context.stop.clear()
    output.interrupted = False
    assert "files" in output.seen(bench).outputs


def test_an_output_whose_place_is_not_told_loses_no_training(bench: Bench) -> None:
    seen = Output(uri=None).seen(bench)
    assert seen.status is Status.SUCCEEDED
    assert "does not tell" in str(seen.outputs["files_unknown"])
