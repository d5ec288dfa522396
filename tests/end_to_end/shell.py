"""The command line as a user has it: a process in a folder of its own, on an emulator of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

from tests.end_to_end import warm

ROOT = Path(__file__).resolve().parents[2]

# What could sign a user in, or point at another cloud, is not handed on to the process under test.
_NOT_INHERITED = ("AZURE_", "ARM_", "IDENTITY_", "MSI_", "REGISTRY_", "REQUESTS_CA", "AZUREML_", "RUNNER_")


@dataclass
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON may be anything
        """What it said with `--output json`."""
        return json.loads(self.out)


@dataclass
class Shell:
    """A working folder from which `runner` is called."""

    folder: Path
    state: Path
    environment: dict[str, str] = field(default_factory=dict)

    def runner(self, *words: str, **more: str) -> Done:
        """Run a command to its end, without the time that a fresh interpreter needs for its imports."""
        with TemporaryFile() as out, TemporaryFile() as err:
            code = warm.run(words, self.folder, self.environment | more, out, err)
            return Done(code, _text(out), _text(err))

    def fresh(self, *words: str, **more: str) -> Done:
        """Run a command to its end in an interpreter that is started for it."""
        done = subprocess.run(
            self.command(*words),
            cwd=self.folder,
            env=self.environment | more,
            capture_output=True,
            text=True,
            timeout=warm.LONGEST_SECONDS,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def command(self, *words: str) -> list[str]:
        """Give a command's words, for a test that has to hold the process."""
        return [sys.executable, "-m", "runner", *words]

    def write(self, name: str, text: str) -> Path:
        """Write a file into the working folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def manifest(self) -> Mapping[str, Any]:
        """Read the newest run's manifest."""
        newest = max(self.folder.glob("runs/*/manifest.json"))
        content: Mapping[str, Any] = json.loads(newest.read_text(encoding="utf-8"))
        return content


def _text(file: BinaryIO) -> str:
    file.seek(0)
    return file.read().decode()


def shell_in(folder: Path, state: Path) -> Shell:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)}
    kept |= {"PYTHONPATH": str(ROOT), "RUNNER_STATE": str(state), "HOME": str(folder)}
    return Shell(folder, state, kept)


ROWS = [
    {"messages": [{"role": "user", "content": f"Order {n}?"}, {"role": "assistant", "content": f"Yes, {n}."}]}
    for n in range(12)
]


def jsonl(rows: list[Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


RECIPE = """\
version: 1
name: tiny
model: {name: Phi-3-tiny-4k-instruct}
compute: {name: gpu-tiny, size: Standard_NC24ads_A100_v4, gpus_per_node: 1}
dataset: {path: rows, train: train, test: test}
finetune:
  task: chat_completion
  parameters: {apply_lora: true, max_steps: 1}
register: {name: tiny-chat}
endpoint: {name: tiny-endpoint}
deployment: {name: demo, instance_type: Standard_NC24ads_A100_v4}
traffic: {demo: 100}
sample: {rows: 2, parameters: {do_sample: false, max_new_tokens: 8}}
cleanup: never
"""


def write_recipe(shell: Shell, text: str = RECIPE, train: list[Any] | None = None) -> None:
    shell.write("recipe.yaml", text)
    shell.write("rows/train.jsonl", jsonl(ROWS[:8] if train is None else train))
    shell.write("rows/test.jsonl", jsonl(ROWS[8:]))
