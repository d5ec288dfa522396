"""The notebook's cells, run as a user's script against the emulator: real training, a real answer."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
POLL_EVERY_SECOND = {"AZUREML_RUN_POLLING_INTERVAL_MIN": "1", "AZUREML_RUN_POLLING_INTERVAL_MAX": "1"}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Start an emulator, and return the environment that it asks for."""
    state = tmp_path_factory.mktemp("state")
    command = [sys.executable, "-m", "runner.emulator", "--state", str(state), "--idle-timeout", "300"]
    emulator = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert emulator.stdout
        assert emulator.stdout.readline().startswith("listening ")
        info = json.loads((state / "emulator.json").read_text(encoding="utf-8"))
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AZURE")}
        yield {**inherited, **info["env"], **POLL_EVERY_SECOND}
    finally:
        emulator.terminate()
        assert emulator.wait(20) == 0
        if emulator.stdout:
            emulator.stdout.close()


@pytest.fixture(scope="module")
def result(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run the script once, and return what its cells found."""
    work = tmp_path_factory.mktemp("work")
    script = Path(__file__).with_name("notebook_script.py")
    done = subprocess.run(
        [sys.executable, str(script), str(work)],
        env=environment,
        cwd=work,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads((work / "result.json").read_text(encoding="utf-8"))
    return found | {"stdout": done.stdout}


def test_the_notebook_runs_from_sign_in_to_delete(result: dict[str, Any]) -> None:
    assert result["model_id"] == "azureml://registries/azureml/models/Phi-3-mini-4k-instruct/versions/15"
    assert result["gpus"] == 1
    assert result["job_status"] == "Completed"
    assert result["registered"].endswith("/models/Phi-3-mini-4k-instruct-e2e/versions/1")
    assert result["traffic"] == {"demo": 100}
    assert result["endpoints_left"] == []


def test_the_stream_shows_the_five_stages(result: dict[str, Any]) -> None:
    assert result["stdout"].count("Submitting 1 runs, first five are: chat/") == 5
    assert "Execution Summary" in result["stdout"]


def test_the_trained_model_answers(result: dict[str, Any]) -> None:
    assert isinstance(result["flat"]["output"], str)
    assert result["flat"]["output"]


def test_the_notebooks_own_body_is_answered(result: dict[str, Any]) -> None:
    """The notebook sends a list with one conversation in it, not the conversation."""
    assert isinstance(result["nested"]["output"], str)
    assert result["nested"]["output"]
