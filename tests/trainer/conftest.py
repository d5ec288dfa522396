"""Starts the trainer as the emulator does: with a spec, and a pipe that stays open as standard input."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]

COMPONENT = ROOT / "runner" / "catalog" / "components" / "chat_completion_pipeline.json"
BASE = ROOT / "runner" / "emulator" / "data" / "base_model"
CHAT = ROOT / "runner" / "emulator" / "data" / "chat"


@dataclass(frozen=True)
class Ended:
    """How a stage ended."""

    code: int
    log: str

    @property
    def last_line(self) -> str:
        return self.log.splitlines()[-1] if self.log else ""


@dataclass
class Trainer:
    """Runs stages in one folder, with the component's defaults for every input that a test does not set."""

    folder: Path
    inputs: dict[str, str] = field(default_factory=dict)

    def run(self, stage: str, paths: dict[str, Path], outputs: dict[str, Path] | None = None) -> Ended:
        spec = {
            "inputs": component_defaults() | self.inputs,
            "paths": {name: str(path) for name, path in paths.items()},
            "outputs": {name: str(path) for name, path in (outputs or {}).items()},
            "metrics_file": str(self.folder / "metrics.jsonl"),
        }
        file = self.folder / f"{stage}.json"
        file.write_text(json.dumps(spec), encoding="utf-8")
        command = [sys.executable, "-m", "runner.trainer", stage, str(file)]
        with subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout
            assert process.stderr
            log, errors = process.stdout.read(), process.stderr.read()
        assert "Traceback" not in errors, errors
        return Ended(process.returncode, log)

    def fine_tune(self, train: Path = CHAT / "train.jsonl", test: Path = CHAT / "test.jsonl") -> Ended:
        """Run the children up to finetune on the bundled model; gives how finetune ended."""
        data = {"train_file_path": train, "test_file_path": test}
        model = {"model_selector_output": self.folder / "model"}
        rows = {"preprocess_output": self.folder / "rows"}
        self.passes("import_model", {"mlflow_model_path": BASE}, {"output_dir": self.folder / "model"})
        self.passes("preprocess", {**data, **model}, {"output_dir": self.folder / "rows"})
        return self.run("finetune", {**model, **rows}, {"pytorch_model_folder": self.folder / "pytorch"})

    def converted(self) -> Path:
        """Convert what fine_tune wrote; gives the folder in MLflow's format."""
        folders = {"mlflow_model_folder": self.folder / "mlflow"}
        self.passes("convert", {"pytorch_model_folder": self.folder / "pytorch"}, folders)
        return self.folder / "mlflow"

    def passes(self, stage: str, paths: dict[str, Path], outputs: dict[str, Path]) -> None:
        ended = self.run(stage, paths, outputs)
        assert ended.code == 0, ended.log

    def metrics(self) -> dict[str, list[float]]:
        values: dict[str, list[float]] = {}
        for line in (self.folder / "metrics.jsonl").read_text().splitlines():
            entry = json.loads(line)
            assert set(entry) == {"key", "value", "step", "timestamp_ms"}
            values.setdefault(entry["key"], []).append(entry["value"])
        return values


@dataclass
class Server:
    """A running scoring server."""

    port: int
    log: str = ""  # once it has ended

    def get(self, path: str) -> int:
        return self._send(urllib.request.Request(f"http://127.0.0.1:{self.port}{path}"))[0]

    def score(self, body: object, path: str = "/score") -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data)
        return self._send(request)

    def answer(self, messages: object) -> str:
        parameters = {"do_sample": False, "max_new_tokens": 64}
        status, tree = self.score(
            {"input_data": {"input_string": messages, "parameters": parameters}, "params": {}}
        )
        assert status == 200, tree
        return str(tree["output"])

    def _send(self, request: urllib.request.Request) -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 - our own server
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)


@contextmanager
def served(folder: Path) -> Iterator[Server]:
    """Serve a model until the block ends; then its standard input closes, which must end it."""
    command = [sys.executable, "-m", "runner.trainer", "serve", "--model", str(folder)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdin
        first = process.stdout.readline()
        assert first.startswith("ready "), first
        server = Server(json.loads(first.removeprefix("ready "))["port"])
        yield server
        process.stdin.close()
        process.wait(timeout=10)
        server.log = process.stdout.read()


def component_defaults() -> dict[str, str]:
    return {entry["name"]: str(entry["default"]) for entry in component_inputs() if "default" in entry}


def component_inputs() -> list[dict[str, Any]]:
    inputs: list[dict[str, Any]] = json.loads(COMPONENT.read_text())["inputs"]
    return inputs


@pytest.fixture
def trainer(tmp_path: Path) -> Trainer:
    return Trainer(tmp_path)


@pytest.fixture(scope="session")
def serve() -> Callable[[Path], Any]:
    return served


@pytest.fixture(scope="session")
def base_model() -> Path:
    return BASE


@pytest.fixture(scope="session")
def chat_data() -> Path:
    return CHAT
