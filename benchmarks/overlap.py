"""How much longer a run takes than its longest chain of waits, on an emulator 60 times as fast as Azure.

Three walls of one go: of runs on which nothing takes time, which is what processes, the SDK and its requests
take; of the run that waits; and, by adding up, of the notebook's order, in which one thing waits for another.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.emulator.emulated import FAKE_TRAINER, Emulated, running  # noqa: E402 - found by the line above
from tests.end_to_end.shell import RECIPE, Shell, shell_in, write_recipe  # noqa: E402

SCALE = 60
# Seconds on Azure, as the runs behind the recorded exchanges took them, rounded; the job's are made up.
AZURE = {
    "compute": 180,
    "dataset": 60,
    "job": 3600,
    "register": 10,
    "endpoint": 120,
    "deployment": 600,
    "traffic": 60,
    "delete": 60,
}


def main() -> None:
    """Measure, and print what it comes to."""
    waits = {name: seconds / SCALE for name, seconds in AZURE.items()}
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        with running(state, "--test-mode", "--trainer", FAKE_TRAINER) as emulated:
            shell = shell_in(Path(folder), state)
            nothing = dict.fromkeys(waits, 0.0)
            _wall(shell, emulated, nothing, 0)  # what is compiled and cached is not counted
            own = [_wall(shell, emulated, nothing, number) for number in (1, 2)]
            wall = _wall(shell, emulated, waits, 3)
            own += [_wall(shell, emulated, nothing, number) for number in (4, 5)]
    _print(statistics.median(own), wall, critical_path(waits), in_order(waits))


def critical_path(waits: Mapping[str, float]) -> float:
    """Add up the longest chain: what trains, what is trained on and what serves are made at once.

    So are the endpoint and the cluster taken back.
    """
    first = max(waits["compute"], waits["dataset"], waits["endpoint"])
    chain = ("job", "register", "deployment", "traffic", "delete")
    return first + sum(waits[name] for name in chain)


def in_order(waits: Mapping[str, float]) -> float:
    """Add up all of them; the endpoint and the cluster are taken back one after the other."""
    return sum(waits.values()) + waits["delete"]


def _wall(shell: Shell, emulated: Emulated, waits: Mapping[str, float], number: int) -> float:
    """Time a whole process that carries the recipe out, in a workspace of its own."""
    answers = [
        emulated.admin("POST", "/_emu/latencies", **waits),
        emulated.admin("POST", "/_emu/jobs/script", end="Completed", seconds=waits["job"], always=True),
    ]
    for answer in answers:
        answer.raise_for_status()
    text = RECIPE.replace("cleanup: never", "cleanup: always").replace("tiny-endpoint", f"tiny-{number}")
    ids = "subscription_id: 00000000-0000-0000-0000-00000000cafe, resource_group: rg"
    write_recipe(shell, f"{text}workspace: {{{ids}, workspace_name: ws-{number}}}\n")
    began = time.perf_counter()
    subprocess.run(
        shell.command("run", "recipe.yaml", "--target", "emulator"),
        cwd=shell.folder,
        env=shell.environment,
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - began


def _print(own: float, wall: float, path: float, one_by_one: float) -> None:
    print(f"{'a run on which nothing takes time':<44} {own:7.2f} s")
    print(f"{'longest chain of waits':<44} {path:7.2f} s")
    print(f"{'a run that waits':<44} {wall:7.2f} s")
    print(f"{'over chain and own time':<44} {wall / (path + own) - 1:7.1%}")
    print(f"{'one after the other, and own time':<44} {one_by_one + own:7.2f} s")
    print(f"{'saved against that':<44} {1 - wall / (one_by_one + own):7.1%}")


if __name__ == "__main__":
    main()
