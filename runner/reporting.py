"""Runs as they lie on the disk, to one page beside them; what is not there is left to the page to say."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from runner import manifest, metric_table
from runner.background import LOG_NAME
from runner.cost import built_in_prices
from runner.durable import replace_file
from runner.manifest import Manifest
from runner.report import Subject, report_page, sample_from
from runner.steps.sample import FILE_NAME as SAMPLES
from runner.steps.sample import kept
from runner.under_way import carried

_LINES = 40
_LARGEST_LOG = 1 << 16


def write_page(folders: Sequence[Path], file: Path) -> list[Manifest]:
    """Write the page of these runs, readable by its owner only: it holds prompts and answers.

    Gives what the runs' manifests say. Raises UsageError or NotWritten for what cannot be read.
    """
    subjects = [_subject(folder) for folder in folders]
    replace_file(file, report_page(subjects).encode())
    return [each.said for each in subjects]


def _subject(folder: Path) -> Subject:
    said = manifest.of(folder)
    points, samples = folder / metric_table.FILE_NAME, folder / SAMPLES
    return Subject(
        said=said,
        points=metric_table.read(points) if points.exists() else None,
        samples=tuple(sample_from(row) for row in kept(samples)) if samples.exists() else None,
        prices=built_in_prices(),
        carried=carried(folder),
        log=() if said.status is manifest.RunStatus.SUCCEEDED else _log(folder / LOG_NAME),
    )


def _log(path: Path) -> tuple[str, ...]:
    """Give the end of what a process of its own wrote, if one carried the run on."""
    with suppress(OSError), path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - _LARGEST_LOG))
        return tuple(stream.read().decode(errors="replace").splitlines()[-_LINES:])
    return ()
