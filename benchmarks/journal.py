"""What a record costs beside a bare write and fsync of the same bytes, and what a manifest costs beside them.

Both are given the disk in turn, one record each, so that a busy moment falls on both. The manifest is written
after every record, as a run does it; its bare counterpart is a write and fsync of the same bytes to one file.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from runner import manifest
from runner.clock import SystemClock
from runner.journal import Event, Journal, Json

RECORDS = 300
OPENING: Mapping[str, Json] = {
    "run_id": "20261121T082300Z-small-1a2b",
    "recipe": {"name": "small", "path": "small.yaml", "sha256": "0" * 64, "text": "version: 1\n" * 100},
    "target": {},
    "versions": {},
    "pins": {},
    "parameters": [],
}
SEEN = {"detail": "Running: 12 of 40 steps, loss 1.25", "fraction": 0.3}


def main() -> None:
    """Print the medians, and the medians of the ratios of neighbours."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        folder = Path(name)
        with Journal(folder / "journal.jsonl", SystemClock(), new=True) as journal:
            journal.append(Event.RUN_OPENED, data=OPENING)
            journal.append(Event.STEP_STARTED, step="finetune", data={"action": "create"})
            measured = [_one(folder, journal) for _ in range(RECORDS)]
    appended, bare, written, bare_written = zip(*measured, strict=True)
    print(f"{'':<30}{'ms':>8}{'bare ms':>10}{'ratio':>8}")
    _row("a record", appended, bare)
    _row(f"a manifest ({len(OPENING['recipe']['text'])} B of recipe)", written, bare_written)


def _one(folder: Path, journal: Journal) -> tuple[float, float, float, float]:
    path = folder / "journal.jsonl"
    size = path.stat().st_size
    appended = _seconds(lambda: journal.append(Event.OBSERVED, step="finetune", data=SEEN))
    line = path.read_bytes()[size:]
    bare = _seconds(lambda: _bare(folder / "bare.jsonl", line, os.O_APPEND))
    folded = manifest.fold(journal.records)
    written = _seconds(lambda: manifest.write(folded, folder / "manifest.json"))
    content = (folder / "manifest.json").read_bytes()
    return appended, bare, written, _seconds(lambda: _bare(folder / "bare.json", content, os.O_TRUNC))


def _bare(path: Path, content: bytes, how: int) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | how)
    try:
        os.write(file, content)
        os.fsync(file)
    finally:
        os.close(file)


def _seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def _row(name: str, ours: tuple[float, ...], bare: tuple[float, ...]) -> None:
    ratio = statistics.median(a / b for a, b in zip(ours, bare, strict=True))
    ours_ms, bare_ms = (statistics.median(each) * 1000 for each in (ours, bare))
    print(f"{name:<30}{ours_ms:>8.2f}{bare_ms:>10.2f}{ratio:>8.2f}")


if __name__ == "__main__":
    main()
