"""How long `runner validate` and its like take as whole processes, beside a bare Python and `dvc --version`.

Seconds depend on the machine; the ratios, measured in the same run, depend on it less. With
PYTHONDONTWRITEBYTECODE set, a checkout that was never compiled is compiled anew by each process, which takes
longer than all the rest, while DVC was compiled when it was installed. The variable is therefore not passed
on, and a first round is not counted. DVC lies beside the project's packages: `make bench` installs it.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

ROUNDS = 15
ROOT = Path(__file__).parent.parent
DVC = ROOT / ".venv-bench" / "bin" / "dvc"
RECIPE = "benchmarks/recipe.yaml"  # 120 lines
RUNNER = [sys.executable, "-m", "runner"]
CASES = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import jsonschema": [sys.executable, "-c", "import jsonschema"],
    "dvc --version": [str(DVC), "--version"],
    "runner --version": [*RUNNER, "--version"],
    "runner validate": [*RUNNER, "validate", RECIPE],
    "runner plan --offline": [*RUNNER, "plan", "--offline", RECIPE],
}


def main() -> None:
    """Run each case in turn, round by round, so that a busy minute falls on all of them."""
    if not DVC.exists():
        sys.exit(f"{DVC} is missing: run `make bench`, which installs it")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    taken: dict[str, list[float]] = {name: [] for name in CASES}
    for warm in [False] + [True] * ROUNDS:
        for name, command in CASES.items():
            seconds = _seconds(command, environment)
            if warm:
                taken[name].append(seconds)
    _print({name: statistics.median(times) for name, times in taken.items()})


def _seconds(command: list[str], environment: Mapping[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    return time.perf_counter() - began


def _print(medians: Mapping[str, float]) -> None:
    bare, dvc = medians["python -c pass"], medians["dvc --version"]
    print(f"{'case':<24} {'median ms':>10} {'x bare Python':>14} {'x DVC':>7}")
    for name, median in medians.items():
        print(f"{name:<24} {median * 1000:>10.0f} {median / bare:>14.1f} {median / dvc:>7.2f}")


if __name__ == "__main__":
    main()
