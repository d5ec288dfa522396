"""Runs that go on without their terminal: detached, followed, looked at, cancelled, and collected."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.emulator.emulated import Emulated
from tests.end_to_end.shell import RECIPE, ROWS, Done, Shell, write_recipe

Fake: TypeAlias = tuple[Shell, Emulated]
HANGING = [{"messages": [{"role": "user", "content": "HANG finetune"}, ROWS[0]["messages"][1]]}]
ON_FAILURE = RECIPE.replace("cleanup: never", "limits: {endpoint_ttl: 3600}\ncleanup: on_failure")


def detached(shell: Shell) -> str:
    done = shell.runner("run", "recipe.yaml", "--detach", "--output", "json")
    assert done.code == 0, done.out + done.err
    return str(done.json["run_id"])


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.1)


def found(done: Done) -> dict[str, Mapping[str, Any]]:
    return {each["kind"]: each for each in done.json["found"]}


def test_a_detached_run_is_followed_to_its_end_and_what_it_leaves_is_known(fake: Fake) -> None:
    shell, emulated = fake
    write_recipe(shell, ON_FAILURE)
    run = detached(shell)

    followed = shell.runner("attach", run)

    assert followed.code == 0, followed.out + followed.err
    assert "✓ create: Completed" in followed.out
    assert f"succeeded: runs/{run}" in followed.out
    assert shell.manifest()["resumed"] == 1
    log = (shell.folder / "runs" / run / "console.log").read_text(encoding="utf-8")
    assert "✓ create: Completed" in log
    secret = emulated.info["env"]["IDENTITY_HEADER"]
    assert secret not in log
    assert "Order 8?" in followed.out
    assert "Order 8?" not in log

    training, container = (shell.runner("logs", run, step) for step in ("finetune", "deployment"))
    assert "==> chat_completion_finetune <==\nfinetune with" in training.out
    assert container.out.startswith("==> demo <==\nready")

    here, elsewhere = (
        found(shell.runner("gc", "--output", "json", *words)) for words in ((), ("--runs-dir", "elsewhere"))
    )
    assert {each["standing"] for each in here.values()} == {"in a run here"}
    assert {each["standing"] for each in elsewhere.values()} == {"in no run here"}
    assert here["endpoint"]["expires"]
    assert not here["endpoint"]["expired"]

    deleted = shell.runner("gc", "--runs-dir", "elsewhere", "--delete")
    assert deleted.code == 0, deleted.err
    assert found(shell.runner("gc", "--output", "json")) == {}


def test_a_detached_run_is_cancelled_from_another_terminal(fake: Fake) -> None:
    shell, emulated = fake
    write_recipe(shell, ON_FAILURE, train=HANGING)
    run = detached(shell)
    wait_for(lambda: emulated.admin("GET", "/_emu/status").json()["jobs_running"] == 1)

    canceled = shell.runner("cancel", run)

    assert canceled.code == 0, canceled.out + canceled.err
    assert f"job {run}-1 has stopped" in canceled.out
    assert f"canceled: runs/{run}" in canceled.out
    assert shell.manifest()["status"] == "canceled"
    assert shell.manifest()["alive"] == []
    assert emulated.admin("GET", "/_emu/status").json()["jobs_running"] == 0
    log = (shell.folder / "runs" / run / "console.log").read_text(encoding="utf-8")
    assert f"runner resume {run}" in log

    again = shell.runner("cancel", run)
    assert again.code == 0
    assert again.out.startswith("nothing to cancel")
    told = shell.runner("logs", run)
    assert "closed: canceled" in told.out


def test_cancel_keeps_what_the_recipe_never_cleans_up_but_not_what_trains(fake: Fake) -> None:
    shell, emulated = fake
    write_recipe(shell, train=HANGING)
    run = detached(shell)
    wait_for(lambda: emulated.admin("GET", "/_emu/status").json()["jobs_running"] == 1)

    assert shell.runner("cancel", run).code == 0

    assert {each["kind"] for each in shell.manifest()["alive"]} == {"compute", "endpoint"}
    assert emulated.admin("GET", "/_emu/status").json()["jobs_running"] == 0


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="nobody tells a process's environment")
def test_a_detached_process_has_the_environment_that_the_command_was_given(fake: Fake) -> None:
    """With what the SDK and the way to a cloud add to it, its own SDK would ask for addresses at once."""
    shell, _ = fake
    write_recipe(shell, ON_FAILURE, train=HANGING)
    done = shell.runner("run", "recipe.yaml", "--detach", "--output", "json")
    environment = Path(f"/proc/{done.json['pid']}/environ").read_text(encoding="utf-8")
    names = {each.partition("=")[0] for each in environment.split("\0")}
    assert not names & {"AZUREML_CURRENT_CLOUD", "ARM_CLOUD_METADATA_URL", "IDENTITY_HEADER"}
    assert shell.runner("cancel", done.json["run_id"]).code == 0


def test_an_emulator_that_a_detached_run_needs_stays_up(shell: Shell) -> None:
    write_recipe(shell, train=HANGING)
    try:
        run = detached(shell)
        assert shell.runner("emulator", "status", "--output", "json").json["running"]
        assert shell.runner("cancel", run).code == 0
    finally:
        shell.runner("emulator", "stop")
