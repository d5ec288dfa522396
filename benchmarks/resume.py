"""How long `runner resume` of a finished run takes as a whole process, beside `runner --version`.

It is answered from the journal, without the SDK. The journal here is as long as that of a run of all eight
steps: 45 records, 35 kB.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from runner import manifest  # noqa: E402 - found by the line above
from runner.clock import SystemClock  # noqa: E402
from runner.journal import FILE_NAME, Event, Journal, Json, this_process  # noqa: E402
from runner.recipe import STEP_SECTIONS  # noqa: E402

ROUNDS = 15
LOOKS = 2  # of each step, while it is under way
RUN = "20261121T082300Z-small-1a2b"
RUNNER = [sys.executable, "-m", "runner"]


def main() -> None:
    """Run both in turn, round by round, so that a busy minute falls on both."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as folder:
        run = _finished(Path(folder) / RUN)
        cases = {"runner --version": ["--version"], "runner resume": ["resume", str(run)]}
        taken: dict[str, list[float]] = {name: [] for name in cases}
        for warm in [False] + [True] * ROUNDS:
            for name, words in cases.items():
                seconds = _seconds(words, environment)
                if warm:
                    taken[name].append(seconds)
    version, resume = (statistics.median(taken[name]) for name in cases)
    print(f"runner --version {version * 1000:.0f} ms, resume of a finished run {resume * 1000:.0f} ms")
    print(f"ratio {resume / version:.2f} (goal: at most 2)")


def _finished(folder: Path) -> Path:
    """Write a run that has succeeded and left nothing alive."""
    folder.mkdir(mode=0o700)
    with Journal(folder / FILE_NAME, SystemClock(), new=True) as journal:
        journal.append(Event.RUN_OPENED, data=_opening())
        for step in STEP_SECTIONS:
            data = {
                "action": "create",
                "kind": "thing",
                "bills": False,
                "attempt": 1,
                "intent": {"name": step},
            }
            journal.append(Event.STEP_STARTED, step=step, data={"action": "create", "attempt": 1})
            journal.append(Event.INTENT, step=step, data=data)
            for look in range(LOOKS):
                journal.append(Event.OBSERVED, step=step, data={"detail": f"look {look}"})
            journal.append(Event.DONE, step=step, data={**data, "outputs": {"id": f"/{step}" * 40}})
        journal.append(Event.RUN_CLOSED, data={"status": "succeeded", "retried": 0})
        manifest.write(manifest.fold(journal.records), folder / manifest.FILE_NAME)
    return folder


def _opening() -> Mapping[str, Json]:
    text = "".join(f"# {'a line of a recipe':<70}\n" for _ in range(200))
    places = ("subscription_id", "resource_group", "workspace_name", "registry")
    return {
        "run_id": RUN,
        "recipe": {"name": "small", "path": "small.yaml", "sha256": "0" * 64, "text": text, "in_force": text},
        "target": {"kind": "azure", **dict.fromkeys(places, "it")},
        "versions": {"runner": "0.1.0", "azure-ai-ml": "1.35.2", "python": "3.11.7", "git": None},
        "pins": {"model": None, "component": None},
        "parameters": [],
        "process": this_process(),
    }


def _seconds(words: list[str], environment: Mapping[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run([*RUNNER, *words], cwd=ROOT, env=environment, check=True, capture_output=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
