"""What `runner runs --where` takes over 10,000 manifests, as a whole process, beside one that reads them all.

The manifests are made of a real one, with losses, learning rates and times of their own. The other process
does what a loop in a notebook would: `json.load` of each, and the same condition; it proves no digest. The
first question makes the index; the last is asked after one manifest was changed.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from runner import manifest_file

RUNS = 10_000
ROUNDS = 7
ROOT = Path(__file__).parent.parent
MANIFEST = ROOT / "tests" / "golden" / "compared_a.manifest.json"
WHERE = "finetune.parameters.learning_rate < 1e-5 and metrics.eval_loss < 0.02"
LOOP = """
import json, pathlib, sys
for path in pathlib.Path(sys.argv[1]).glob("*/manifest.json"):
    with path.open() as stream:
        told = json.load(stream)
    rate = told["recipe"]["values"]["finetune.parameters.learning_rate"]
    loss = told["steps"]["finetune"]["metrics"]["eval_loss"]
    if rate < 1e-5 and loss < 0.02:
        print(told["run_id"])
"""


def main() -> None:
    """Make the manifests, then ask."""
    with tempfile.TemporaryDirectory() as name:
        runs = Path(name)
        told = json.loads(MANIFEST.read_text(encoding="utf-8"))
        for number in range(RUNS):
            _make(runs, told, number)
        time.sleep(2.5)  # what was written this moment is read again
        ours = [sys.executable, "-m", "runner", "runs", "--where", WHERE, "--runs-dir", name]
        loop = [sys.executable, "-c", LOOP, name]
        first = _seconds(ours)
        pairs = [(_seconds(ours), _seconds(loop)) for _ in range(ROUNDS)]
        _make(runs, told | {"status": "failed"}, 0)
        changed = _seconds(ours)
        size = sum(path.stat().st_size for path in runs.glob("*.sqlite3")) / 1e6
    _print(first, pairs, changed, size)


def _make(runs: Path, told: dict[str, manifest_file.Json], number: int) -> None:
    moment = f"2026-{1 + number % 12:02}-{1 + number // 12 % 28:02}T08:{number // 336 % 60:02}:00.000Z"
    run_id = f"{moment[:19].replace('-', '').replace(':', '')}Z-tiny-{number:04x}"
    values = told["recipe"]["values"] | {"finetune.parameters.learning_rate": (1 + number % 20) * 1e-6}
    finetune = told["steps"]["finetune"] | {"metrics": {"eval_loss": 1 / (1 + number % 97), "loss": 0.5}}
    made = told | {
        "run_id": run_id,
        "started": moment,
        "recipe": told["recipe"] | {"values": values},
        "steps": told["steps"] | {"finetune": finetune},
    }
    made["digest"] = manifest_file.digest(made)
    (runs / run_id).mkdir(exist_ok=True)
    (runs / run_id / manifest_file.FILE_NAME).write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")


def _seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - began


def _print(first: float, pairs: list[tuple[float, float]], changed: float, size: float) -> None:
    ours, loop = (statistics.median(each) for each in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"{RUNS} manifests; medians of {ROUNDS} whole processes each, in turn")
    print(f"{'runner runs --where':<42}{ours:>8.2f} s")
    print(f"{'a loop of json.load':<42}{loop:>8.2f} s")
    print(f"{'ratio (median of neighbours)':<42}{ratio:>8.3f}")
    print(f"{'the first question, which makes the index':<42}{first:>8.2f} s  ({size:.1f} MB)")
    print(f"{'a question after one manifest was changed':<42}{changed:>8.2f} s")


if __name__ == "__main__":
    main()
