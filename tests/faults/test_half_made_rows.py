"""What a kill or a power loss leaves of the rows: the next process has all of them, and nothing beside."""

import json
from collections.abc import Callable
from pathlib import Path

from runner import dataset, runs
from runner.dataset import PreparedSplit
from runner.recipe import Dataset
from runner.steps.dataset import restore
from tests.faults.boundaries import Disk, Files, Gate, guarded, lay_out

SECTION = Dataset(path="rows", train="train", validation="40%", test="test", max_bad_rows=2)
WRITTEN = {f"data/{name}.jsonl" for name in ("train", "validation", "test", "dropped")}


def laid(work: Path) -> None:
    """Lay out rows, of which one in each split is bad."""
    for split in ("train", "test"):
        rows = [
            {"messages": [{"role": "user", "content": f"{split} {number}"}, {"role": role, "content": "yes"}]}
            for number in range(12)
            for role in ("assistant" if number else "nobody",)
        ]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        lay_out(work, {f"rows/{split}.jsonl": text.encode()})


def left_by(live: Callable[[Path], object], run: Path) -> list[tuple[str, Files]]:
    """Live in a run's folder; give what a kill, or a power loss, would leave at each boundary."""
    disk = Disk(run)
    found: list[tuple[str, Files]] = []

    def take(label: str) -> None:
        found.extend((label, left) for left in (disk.now(), disk.after_power_loss()))

    with guarded(run, Gate(watch=take), disk):
        live(run)
    return found


def contents(folder: Path) -> Files:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def run_in(work: Path, name: str, files: Files) -> Path:
    """Make a run's folder that holds these files, as a process finds it that takes the run up."""
    run = work / name
    (run / "data").mkdir(parents=True)
    lay_out(run, files)
    runs.sweep(run)
    return run


def prepared(work: Path, run: Path) -> dict[str, PreparedSplit]:
    return dict(dataset.prepare(SECTION, folder=work, into=run / "data"))


def taken_up(work: Path, instants: list[tuple[str, Files]], live: Callable[[Path], object]) -> int:
    """Live on from each instant; give how many of them can be told apart."""
    whole = contents(work / "run")
    apart: list[Files] = []
    for label, left in instants:
        if left in apart:
            continue
        apart.append(left)
        run = run_in(work, str(len(apart)), left)
        assert set(contents(run)) <= WRITTEN, f"{label}: something half made is kept"
        live(run)
        assert contents(run) == whole, f"{label}: it is not what it was to be"
    return len(apart)


def test_rows_that_were_being_prepared_are_prepared_anew(tmp_path: Path) -> None:
    laid(tmp_path)
    run = run_in(tmp_path, "run", {})
    instants = left_by(lambda folder: prepared(tmp_path, folder), run)

    assert set(contents(run)) == WRITTEN
    assert {label.partition(" data/")[2] for label, _ in instants} > {"dropped.jsonl", ".dropped.jsonl.part"}
    assert taken_up(tmp_path, instants, lambda folder: prepared(tmp_path, folder)) > 6


def test_rows_that_were_being_restored_are_restored_with_the_list_of_what_was_left_out(
    tmp_path: Path,
) -> None:
    laid(tmp_path)
    run = run_in(tmp_path, "run", {})
    assets = {
        role: {"file": f"data/{role}.jsonl", "sha256": split.sha256}
        for role, split in prepared(tmp_path, run).items()
    }
    for path in (run / "data").iterdir():
        path.unlink()

    def restored(folder: Path) -> None:
        restore(SECTION, {"assets": assets}, tmp_path, folder)

    instants = left_by(restored, run)

    assert set(contents(run)) == WRITTEN
    assert taken_up(tmp_path, instants, restored) > 8
