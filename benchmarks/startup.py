"""How long `runner --version` and `runner validate` take as whole processes, against a bare Python.

Seconds depend on the machine; the ratios to `python -c pass`, measured in the same run, depend on it less.
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 15
ROOT = Path(__file__).parent.parent
RUNNER = [sys.executable, "-m", "runner"]
CASES = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import azure.ai.ml": [sys.executable, "-c", "import azure.ai.ml"],
    "runner --version": [*RUNNER, "--version"],
    "runner validate": [*RUNNER, "validate", "configs/quickstart.yaml"],
    "runner plan --offline": [*RUNNER, "plan", "--offline", "configs/quickstart.yaml"],
}


def main() -> None:
    """Run each case in turn, round by round, so that a busy minute falls on all of them."""
    taken: dict[str, list[float]] = {name: [] for name in CASES}
    for _ in range(ROUNDS):
        for name, command in CASES.items():
            began = time.perf_counter()
            subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
            taken[name].append(time.perf_counter() - began)
    medians = {name: statistics.median(times) for name, times in taken.items()}
    bare = medians["python -c pass"]
    print(f"{'case':<24} {'median ms':>10} {'x bare Python':>14}")
    for name, median in medians.items():
        print(f"{name:<24} {median * 1000:>10.0f} {median / bare:>14.1f}")


if __name__ == "__main__":
    main()
