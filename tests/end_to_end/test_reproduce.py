"""`runner reproduce`: a run made again from its manifest alone, as a user has it."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.emulator.emulated import FAKE_TRAINER, Emulated, running
from tests.end_to_end.shell import RECIPE, Shell, shell_in, write_recipe

QUICK = RECIPE.replace("cleanup: never", "cleanup: always")
MODEL, COMPONENT = "Phi-3-tiny-4k-instruct", "chat_completion_pipeline"
CHANGING = {"PUT", "PATCH", "DELETE"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shell, Emulated]]:
    """Give a folder in which a run has ended, on an emulator whose trainer is quick; its recipe is gone."""
    folder = tmp_path_factory.mktemp("trained")
    with running(folder / "state", "--test-mode", "--trainer", FAKE_TRAINER) as emulated:
        shell = shell_in(folder, folder / "state")
        write_recipe(shell, QUICK)
        done = shell.runner("run", "recipe.yaml")
        assert done.code == 0, done.out + done.err
        (folder / "recipe.yaml").unlink()
        yield shell, emulated


@pytest.fixture
def moved(trained: tuple[Shell, Emulated]) -> Iterator[Callable[..., None]]:
    """Have the registry move on, and come back after the test."""
    _, emulated = trained

    def move(kind: str, name: str, version: str, change: str, **more: object) -> None:
        body = {"kind": kind, "name": name, "version": version, "change": change, **more}
        assert emulated.admin("POST", "/_emu/registry", **body).status_code == 200

    yield move
    emulated.admin("DELETE", "/_emu/registry")


def original(shell: Shell) -> Path:
    return min(shell.folder.glob("runs/*"))


def read(folder: Path) -> Mapping[str, Any]:
    said: Mapping[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return said


def changing(emulated: Emulated) -> list[str]:
    """Give the requests that changed something since the list was begun anew."""
    seen = emulated.admin("GET", "/_emu/requests").json()["requests"]
    return [each["path"] for each in seen if each["method"] in CHANGING and "/_emu/" not in each["path"]]


def refused(trained: tuple[Shell, Emulated], *words: str) -> tuple[int, str]:
    """Try to reproduce the first run; it must not come to that anything is made."""
    shell, emulated = trained
    before = sorted(shell.folder.glob("runs/*"))
    emulated.admin("DELETE", "/_emu/requests")
    done = shell.runner("reproduce", original(shell).name, *words)
    assert changing(emulated) == []
    assert sorted(shell.folder.glob("runs/*")) == before
    return done.code, done.err


def test_a_latest_that_has_moved_is_told_and_changes_nothing(
    trained: tuple[Shell, Emulated], moved: Callable[..., None]
) -> None:
    shell, _ = trained
    moved("model", MODEL, "2", "add")
    moved("component", COMPONENT, "0.0.83", "add")
    moved("model", MODEL, "1", "edit", tags={"InferenceRetirementDate": "2099-01-01"})

    done = shell.runner("reproduce", original(shell).name)

    assert done.code == 0, done.out + done.err
    assert "the newest Phi-3-tiny-4k-instruct is 2 by now; this run keeps version 1" in done.out
    assert "the newest chat_completion_pipeline is 0.0.83 by now; this run keeps version 0.0.82" in done.out
    assert f"reproduces {original(shell).name}" in done.out
    was, now = read(original(shell)), shell.manifest()
    assert "the model's tag InferenceRetirementDate is not what it was" in done.out
    assert now["pins"]["model"].pop("tags") != was["pins"]["model"].pop("tags")
    assert now["pins"] == was["pins"]
    assert now["recipe"]["values"] == was["recipe"]["values"]
    assert (
        now["steps"]["finetune"]["intent"]["parameters"] == was["steps"]["finetune"]["intent"]["parameters"]
    )
    assert [each["origin"] for each in now["parameters"]] == [each["origin"] for each in was["parameters"]]


def test_one_parameter_set_otherwise_is_named_by_the_verdict(trained: tuple[Shell, Emulated]) -> None:
    shell, _ = trained
    setting = "finetune.parameters.lora_r=16"

    done = shell.runner("reproduce", str(original(shell)), "--set", setting)

    assert done.code == 5, done.out + done.err
    assert "finetune.parameters.lora_r: was 8, is 16" in done.out
    assert "inputs differ: finetune.parameters.lora_r" in done.err
    said = shell.manifest()
    assert said["status"] == "succeeded"
    differs = said["verdict"]["inputs"]["differs"]
    assert differs == [{"key": "finetune.parameters.lora_r", "was": 8, "now": 16}]
    assert said["parent"]["settings"] == [setting]
    assert shell.runner("show", "latest").out.count("was 8, is 16") == 1


def test_what_has_changed_is_named_at_once_before_anything_is_made(
    trained: tuple[Shell, Emulated], moved: Callable[..., None]
) -> None:
    shell, _ = trained
    moved("model", MODEL, "1", "edit", tags={"model_specific_defaults": "{'lora_r': 9}"})
    declared = {"type": "string", "optional": "True", "default": "6g"}
    moved("component", COMPONENT, "0.0.82", "edit", inputs={"shm_size_finetune": declared})
    path = shell.folder / "rows" / "train.jsonl"
    kept = path.read_text(encoding="utf-8")
    path.write_text(kept.replace("Order 3?", "Order three, please?"), encoding="utf-8")
    try:
        code, told = refused(trained)
    finally:
        path.write_text(kept, encoding="utf-8")

    assert code == 5, told
    line = 1 + next(at for at, text in enumerate(QUICK.splitlines()) if text.startswith("dataset:"))
    assert f"recipe.yaml:{line}:1 drifted dataset.train: the train rows of" in told
    assert "8 rows, sha256" in told
    assert "three, please" not in told
    assert "dataset.test" not in told
    assert f"tag model_specific_defaults of azureml://registries/azureml/models/{MODEL}" in told
    assert f"the inputs of {COMPONENT} version 0.0.82 are not what they were" in told


def test_what_is_gone_is_named_at_once_before_anything_is_made(
    trained: tuple[Shell, Emulated], moved: Callable[..., None]
) -> None:
    shell, _ = trained
    moved("model", MODEL, "2", "add")
    moved("model", MODEL, "1", "remove")
    moved("component", COMPONENT, "0.0.82", "archive")
    rows = shell.folder / "rows" / "test.jsonl"
    rows.rename(rows.with_suffix(".away"))
    try:
        code, told = refused(trained)
    finally:
        rows.with_suffix(".away").rename(rows)

    assert code == 4, told
    assert f"registry azureml has no {MODEL} 1" in told
    assert f"{COMPONENT} version 0.0.82 is archived" in told
    assert "unreadable-format dataset.test: " in told


def test_a_reproduction_that_was_killed_ends_with_its_verdict_after_a_resume(
    trained: tuple[Shell, Emulated],
) -> None:
    shell, _ = trained
    first = original(shell)
    before = set(shell.folder.glob("runs/*"))
    recipe = shell.write("recipe.yaml", QUICK.replace("max_steps: 1", "max_steps: 2"))
    with subprocess.Popen(
        shell.command("reproduce", first.name),
        cwd=shell.folder,
        env=shell.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        (folder,) = until(lambda: set(shell.folder.glob("runs/*")) - before)
        until(lambda: "finetune" in read(folder)["steps"])
        process.kill()
    assert read(folder)["verdict"] is None

    done = shell.runner("resume", folder.name)

    recipe.unlink()
    assert (done.code, f"reproduces {first.name}" in done.out) == (0, True), done.out + done.err
    assert read(folder)["verdict"]["inputs"] == {"level": "identical", "reason": "", "differs": []}


Seen = TypeVar("Seen")


def until(look: Callable[[], Seen]) -> Seen:
    """Look until there is something to see."""
    deadline = time.monotonic() + 60
    while True:
        with suppress(OSError, ValueError):
            if seen := look():
                return seen
        assert time.monotonic() < deadline
        time.sleep(0.02)
