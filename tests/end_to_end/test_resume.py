"""A run that was cut off, brought to its end by one plain `runner resume` as a user has it."""

import signal
import subprocess
import time
from pathlib import Path

import pytest

from runner.journal import Event, read
from tests.emulator.emulated import Emulated
from tests.end_to_end.shell import RECIPE, Shell, write_recipe


def events(folder: Path) -> list[Event]:
    (path,) = folder.glob("runs/*/journal.jsonl")
    return [record.event for record in read(path)]


def kill_once_asked(shell: Shell, step: str, *, number: signal.Signals = signal.SIGKILL) -> int:
    """Run the recipe and end it the moment that a step's intent is on disk."""
    with subprocess.Popen(
        shell.command("run", "recipe.yaml"),
        cwd=shell.folder,
        env=shell.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        deadline = time.monotonic() + 60
        while not is_asked(shell.folder, step):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(number)
        process.communicate(timeout=60)
    return process.returncode


def is_asked(folder: Path, step: str) -> bool:
    found = list(folder.glob("runs/*/journal.jsonl"))
    return bool(found) and f'"event": "intent", "step": "{step}"' in found[0].read_text(encoding="utf-8")


@pytest.mark.parametrize("step", ["finetune", "deployment"])
def test_a_run_that_was_killed_is_brought_to_its_end_and_makes_nothing_twice(
    fake: tuple[Shell, Emulated], step: str
) -> None:
    shell, _ = fake
    write_recipe(shell)
    assert kill_once_asked(shell, step) == -signal.SIGKILL

    done = shell.runner("resume", "latest")

    assert done.code == 0, done.out + done.err
    manifest = shell.manifest()
    assert manifest["status"] == "succeeded"
    assert {each["attempt"] for each in manifest["steps"].values()} == {1}
    assert manifest["steps"]["register"]["outputs"]["version"] == "1"
    assert len(list(shell.folder.glob("runs/*"))) == 1
    again = shell.runner("resume", "latest")
    assert (again.code, "left alive" in again.out) == (0, True)


def test_a_run_that_is_over_is_told_so_without_a_cloud(fake: tuple[Shell, Emulated]) -> None:
    shell, _ = fake
    write_recipe(shell, RECIPE.replace("cleanup: never", "cleanup: always"))
    assert shell.runner("run", "recipe.yaml").code == 0
    before = events(shell.folder)

    done = shell.runner("resume", "latest", RUNNER_STATE=str(shell.folder / "nowhere"))

    assert (done.code, done.err) == (0, "")
    assert "nothing is left to do" in done.out
    assert events(shell.folder) == before
    assert not (shell.folder / "nowhere").exists()


def test_a_recipe_that_was_changed_is_refused_value_by_value_unless_told_otherwise(
    fake: tuple[Shell, Emulated],
) -> None:
    shell, _ = fake
    write_recipe(shell)
    kill_once_asked(shell, "finetune")
    write_recipe(shell, RECIPE.replace("max_steps: 1", "max_steps: 2"))

    refused = shell.runner("resume", "latest")

    assert refused.code == 5
    assert "drifted finetune.parameters.max_steps: is 2; the run was opened with 1" in refused.err
    done = shell.runner("resume", "latest", "--as-recorded")
    assert done.code == 0, done.out + done.err
    parameters = {each["name"]: each["value"] for each in shell.manifest()["parameters"]}
    assert parameters["max_steps"] == 1


def test_a_pipe_that_nobody_reads_interrupts_the_run_and_fails_no_step(fake: tuple[Shell, Emulated]) -> None:
    shell, _ = fake
    write_recipe(shell)
    with subprocess.Popen(
        shell.command("run", "recipe.yaml"),
        cwd=shell.folder,
        env=shell.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
        process.wait(timeout=60)

    assert (process.returncode, said) == (130, "")
    assert shell.manifest()["status"] == "interrupted"
    assert "failed" not in {step["status"] for step in shell.manifest()["steps"].values()}
    assert shell.runner("resume", "latest").code == 0
