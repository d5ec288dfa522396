"""Whole runs of a recipe through the command line, the genuine SDK and the emulator, with a fake trainer."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import jsonschema
import pytest

from tests.emulator.emulated import Emulated
from tests.end_to_end.shell import RECIPE, ROOT, ROWS, Shell, shell_in, write_recipe

Fake: TypeAlias = tuple[Shell, Emulated]
Manifest: TypeAlias = Mapping[str, Any]


def statuses(manifest: Manifest) -> dict[str, str]:
    return {name: f"{step['action']} {step['status']}" for name, step in manifest["steps"].items()}


def is_served(emulated: Emulated, endpoint: str) -> bool:
    listed = emulated.admin("GET", "/_emu/status").json()["deployments"]
    return any(endpoint in deployment for deployment in listed)


def test_a_recipe_is_carried_out_and_leaves_what_it_was_told_to_leave(fake: Fake) -> None:
    shell, emulated = fake
    write_recipe(shell)

    done = shell.runner("run", "recipe.yaml")

    assert done.code == 0, done.out + done.err
    manifest = shell.manifest()
    assert set(statuses(manifest).values()) == {"create succeeded", "update succeeded", "read succeeded"}
    assert [resource["kind"] for resource in manifest["alive"]] == ["compute", "endpoint", "deployment"]
    assert "runner down" in done.out
    assert is_served(emulated, "tiny-endpoint")


def test_the_manifest_is_valid_and_holds_neither_secrets_nor_rows(fake: Fake) -> None:
    shell, emulated = fake
    write_recipe(shell)
    shell.runner("run", "recipe.yaml")
    schema = json.loads((ROOT / "schemas" / "manifest.schema.json").read_text(encoding="utf-8"))

    jsonschema.Draft202012Validator(schema).validate(shell.manifest())

    written = "".join(
        path.read_text(encoding="utf-8")
        for path in shell.folder.glob("runs/*/*.json*")
        if "samples" not in path.name
    )
    assert manifest_is_of_the_emulator(shell.manifest())
    assert "Order 9?" not in written
    assert "Bearer" not in written
    assert "sig=" not in written
    assert emulated.info["env"]["IDENTITY_HEADER"] not in written


def manifest_is_of_the_emulator(manifest: Manifest) -> bool:
    return bool(manifest["target"]["kind"] == "emulator")


def test_samples_show_prompt_answer_and_truth_and_lie_beside_the_manifest(fake: Fake) -> None:
    shell, _ = fake
    write_recipe(shell)

    done = shell.runner("run", "recipe.yaml")

    assert "Order 8?" in done.out
    assert "Yes, 8." in done.out
    samples = next(shell.folder.glob("runs/*/samples.jsonl"))
    assert len(samples.read_text(encoding="utf-8").splitlines()) == 2
    assert samples.stat().st_mode & 0o777 == 0o600

    reported = shell.runner("report", "latest")

    assert reported.code == 0, reported.out + reported.err
    page = samples.with_name("report.html").read_text(encoding="utf-8")
    assert "EMULATOR" in page
    assert "Order 8?" in page


def test_a_second_run_reuses_uploads_nothing_and_registers_the_next_version(fake: Fake) -> None:
    shell, _ = fake
    write_recipe(shell)
    shell.runner("run", "recipe.yaml")

    done = shell.runner("run", "recipe.yaml")

    assert done.code == 0, done.out + done.err
    assert statuses(shell.manifest()) == {
        "compute": "reuse succeeded",
        "dataset": "reuse succeeded",
        "endpoint": "reuse succeeded",
        "finetune": "create succeeded",
        "register": "create succeeded",
        "deployment": "update succeeded",
        "traffic": "reuse succeeded",
        "sample": "read succeeded",
    }
    assert shell.manifest()["steps"]["register"]["outputs"]["version"] == "2"
    assert [resource["kind"] for resource in shell.manifest()["alive"]] == ["endpoint", "deployment"]


def test_the_plan_says_what_a_second_run_would_reuse(fake: Fake) -> None:
    shell, _ = fake
    write_recipe(shell)
    shell.runner("run", "recipe.yaml")

    planned = shell.runner("plan", "recipe.yaml", "--output", "json").json

    actions = {change["step"]: change["action"] for change in planned["changes"]}
    assert actions["compute"] == actions["endpoint"] == actions["traffic"] == "reuse"
    assert actions["deployment"] == "update"
    origins = {parameter["name"]: parameter["origin"] for parameter in planned["parameters"]}
    assert origins["max_steps"] == "recipe"
    assert origins["compute_finetune"] == "derived"


def test_down_takes_everything_back_and_a_second_down_finds_nothing(fake: Fake) -> None:
    shell, emulated = fake
    write_recipe(shell)
    shell.runner("run", "recipe.yaml")

    first, second = shell.runner("down", "latest"), shell.runner("down", "latest")

    assert (first.code, second.code) == (0, 0), first.err + second.err
    assert "endpoint tiny-endpoint is gone" in first.out
    assert "delete" not in second.out
    assert shell.manifest()["alive"] == []
    assert not is_served(emulated, "tiny-endpoint")


def test_cleanup_always_leaves_nothing_alive(fake: Fake) -> None:
    shell, emulated = fake
    write_recipe(shell, RECIPE.replace("cleanup: never", "cleanup: always"))

    done = shell.runner("run", "recipe.yaml")

    assert done.code == 0, done.out + done.err
    assert shell.manifest()["alive"] == []
    assert "nothing that bills is left alive" in done.out
    assert not is_served(emulated, "tiny-endpoint")


def test_a_failed_job_shows_the_end_of_its_log_and_what_is_left_alive(fake: Fake) -> None:
    shell, _ = fake
    spoiled = [{"messages": [{"role": "user", "content": "FAIL finetune"}, ROWS[0]["messages"][1]]}]
    write_recipe(shell, train=spoiled)

    done = shell.runner("run", "recipe.yaml")

    assert done.code == 1
    assert "BadData: the row is not a chat" in done.err
    assert "| finetune with" in done.err
    assert "left alive:" in done.out
    assert statuses(shell.manifest())["finetune"] == "create failed"
    assert "register" not in shell.manifest()["steps"]


def test_cleanup_on_failure_takes_back_what_the_failed_run_made(fake: Fake) -> None:
    shell, emulated = fake
    write_recipe(shell, RECIPE.replace("cleanup: never", "cleanup: on_failure"))
    emulated.script("Failed")

    done = shell.runner("run", "recipe.yaml")

    assert done.code == 1
    assert shell.manifest()["alive"] == []
    assert statuses(shell.manifest())["endpoint"] == "create deleted"


def test_a_cancelled_job_is_no_success(fake: Fake) -> None:
    shell, emulated = fake
    write_recipe(shell)
    emulated.script("Canceled")

    done = shell.runner("run", "recipe.yaml")

    assert done.code == 1
    assert "canceled" in done.err.lower()


def test_json_is_one_value_and_nothing_else_on_stdout(fake: Fake) -> None:
    shell, _ = fake
    write_recipe(shell)

    done = shell.fresh("run", "recipe.yaml", "--output", "json")

    assert done.json["run"]["status"] == "succeeded"
    assert len(done.json["samples"]) == 2
    assert done.err == ""


def test_an_endpoint_of_somebody_else_is_refused_before_anything_is_made(fake: Fake) -> None:
    shell, emulated = fake
    write_recipe(shell)
    shell.runner("run", "recipe.yaml")
    other = RECIPE.replace("name: tiny\n", "name: other\n").replace("gpu-tiny", "gpu-other")
    shell.write("other.yaml", other)

    done = shell.runner("run", "other.yaml")

    assert done.code == 4
    assert "not-ours endpoint.name: endpoint tiny-endpoint was not made by" in done.err
    assert "gpu-other" not in str(emulated.admin("GET", "/_emu/status").json())
    assert len(list(shell.folder.glob("runs/*"))) == 1


def test_ctrl_c_leaves_the_job_running_and_says_what_is_alive(fake: Fake) -> None:
    shell, emulated = fake
    write_recipe(
        shell, train=[{"messages": [{"role": "user", "content": "HANG finetune"}, ROWS[0]["messages"][1]]}]
    )
    with subprocess.Popen(
        shell.command("run", "recipe.yaml"),
        cwd=shell.folder,
        env=shell.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_for(lambda: emulated.admin("GET", "/_emu/status").json()["jobs_running"] == 1)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)

    assert process.returncode == 130, out + err
    assert "Traceback" not in err
    assert "goes on (on the emulator)" in out
    assert {"job", "compute", "endpoint"} == {resource["kind"] for resource in shell.manifest()["alive"]}
    assert shell.runner("down", "latest").code == 2  # its job goes on
    assert shell.runner("cancel", "latest").code == 0
    assert shell.runner("down", "latest").code == 0
    assert shell.manifest()["alive"] == []


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.1)


@pytest.fixture
def two(tmp_path: Path) -> tuple[Shell, Shell]:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    first, second = (shell_in(folder, folder / "state") for folder in folders)
    return first, second


def test_two_emulators_at_once_do_not_meet(two: tuple[Shell, Shell]) -> None:
    first, second = two
    addresses = [shell.runner("emulator", "start", "--output", "json").json["address"] for shell in two]

    assert len(set(addresses)) == 2
    for shell in (first, second):
        assert shell.runner("emulator", "stop").code == 0
    for address in addresses:
        with pytest.raises(httpx.ConnectError):
            httpx.get(address, trust_env=False)


def test_an_emulator_that_a_command_started_ends_with_it(shell: Shell) -> None:
    write_recipe(shell)

    assert shell.runner("plan", "recipe.yaml").code == 0

    assert shell.runner("emulator", "status", "--output", "json").json == {"running": False}
    assert not (shell.state / "emulator.json").exists()


def test_the_printed_environment_is_what_a_shell_can_evaluate(shell: Shell) -> None:
    shell.runner("emulator", "start")
    try:
        said = shell.runner("emulator", "env").out
        evaluated = subprocess.run(
            ["/bin/sh", "-c", f"{said}\nenv"],
            capture_output=True,
            text=True,
            check=True,
            env=dict(os.environ),
        )
        assert "AZURE_TOKEN_CREDENTIALS=ManagedIdentityCredential" in evaluated.stdout
        assert "ARM_CLOUD_METADATA_URL=https://localhost:" in evaluated.stdout
    finally:
        shell.runner("emulator", "stop")
