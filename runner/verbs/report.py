"""`runner report RUN…`: one HTML page of a run, or of several beside each other, that needs nothing else."""

import hashlib
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from runner import manifest, metric_table, runs
from runner.background import LOG_NAME
from runner.cost import built_in_prices
from runner.durable import replace_file
from runner.errors import ExitCode, UsageError
from runner.outstanding import outstanding
from runner.report import Subject, report_page, sample_from
from runner.session import RUNS_FOLDER, Session
from runner.steps.sample import FILE_NAME as SAMPLES
from runner.steps.sample import kept
from runner.under_way import carried

PAGE = "report.html"
_SUFFIX = ".html"
_LINES = 40
_LARGEST_LOG = 1 << 16


def arguments(parser: ArgumentParser) -> None:
    """Declare the runs and the page."""
    help_text = "an id, a unique prefix, a path, or latest; of several runs the page tells first what differs"
    parser.add_argument("runs", metavar="RUN", nargs="+", help=help_text)
    help_text = f"the page (default: {PAGE} in the run's folder, beside the folders for several runs)"
    parser.add_argument("-o", dest="file", type=Path, metavar="FILE", help=help_text)
    parser.add_argument("--runs-dir", type=Path, default=RUNS_FOLDER)


def main(options: Namespace, session: Session) -> ExitCode:
    """Write the page, readable by its owner only: it holds prompts and answers."""
    folders = list(dict.fromkeys(runs.find(options.runs_dir, name) for name in options.runs))
    file = _file(options, folders)
    subjects = [_subject(folder) for folder in folders]
    replace_file(file, report_page(subjects).encode())
    session.console.reported(file, [each.said.run_id for each in subjects])
    for each in subjects:
        billing = outstanding(each.said)
        if billing:
            raise billing
    return ExitCode.DONE


def _file(options: Namespace, folders: Sequence[Path]) -> Path:
    """Choose where the page goes; nothing but a page is ever replaced by one."""
    given: Path | None = options.file
    if given is None:
        names = "\n".join(folder.name for folder in folders)
        several = f"report-{hashlib.sha256(names.encode()).hexdigest()[:8]}{_SUFFIX}"
        return folders[0] / PAGE if len(folders) == 1 else options.runs_dir / several
    if given.suffix != _SUFFIX or given.is_dir():
        raise UsageError(f"{given} is no name of a page", hint=f"choose one that ends in {_SUFFIX}")
    if not given.parent.is_dir():
        raise UsageError(f"{given.parent} is no folder", hint="make it first, or choose another -o FILE")
    return given


def _subject(folder: Path) -> Subject:
    """Read what a run's folder holds; what is not there is left to the page to say."""
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
