"""Plant faults in a copy of the tree, one at a time, and see which of them the tests catch.

    python tools/plant_faults.py [--only WORDS]

It prints a line a fault and ends with 1 if one survives.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools.planted import PLANTED, Planted  # noqa: E402 - found by the line above

_LIMIT = 600
_AT_ONCE = 2


def main() -> int:
    """Plant what was asked for."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="those whose name has these words")
    chosen = [planted for planted in PLANTED if parser.parse_args().only in planted.name]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        caught = list(pool.map(_told, chosen))
    print(f"{sum(caught)} of {len(caught)} caught")
    return 0 if all(caught) else 1


def _told(planted: Planted) -> bool:
    began = time.monotonic()
    by = _caught_by(planted)
    seconds = time.monotonic() - began
    print(f"{'caught  ' if by else 'SURVIVED'} {seconds:4.0f} s  {planted.name}  {by}", flush=True)
    return bool(by)


def _caught_by(planted: Planted) -> str:
    """Name the first test that fails in a tree with the fault in it, "" if none does."""
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        tree = Path(folder) / "tree"
        _copied(tree)
        path = tree / planted.file
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(planted.old, planted.new), encoding="utf-8")
        return next((found for tests in planted.tests if (found := _failing(tree, tests))), "")


def _copied(tree: Path) -> None:
    left_out = shutil.ignore_patterns(".*", "__pycache__", "node_modules", "runs")
    tree.mkdir()
    for name in ("runner", "tests", "schemas", "configs", "tools", "pyproject.toml"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=left_out)
        else:
            shutil.copy(source, tree / name)


def _failing(tree: Path, tests: str) -> str:
    """Run tests until the first that fails, and name it."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-m", "not full", "-p", "no:cacheprovider", tests]
    try:
        done = subprocess.run(  # noqa: S603 - our own tests
            command,
            cwd=tree,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{tests} (it took too long)"
    if done.returncode not in {0, 1}:
        raise RuntimeError(f"{tests} could not be run: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    told = [line for line in done.stdout.splitlines() if line.startswith("FAILED ")]
    failed = [line.removeprefix("FAILED ").partition(" - ")[0] for line in told]
    return failed[0] if failed else ""


if __name__ == "__main__":
    sys.exit(main())
