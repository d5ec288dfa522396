"""`runner resume RUN`: bring a run that was interrupted, or failed, to its end."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from runner import journal, manifest, on_interrupt, runs, sweep
from runner.errors import ExitCode
from runner.journal.covering import covered
from runner.session import RUN_HELP, RUNS_FOLDER, RUNS_FOLDER_HELP, Session

if TYPE_CHECKING:
    from runner.manifest import Manifest


def arguments(parser: ArgumentParser) -> None:
    """Declare the run."""
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    parser.add_argument("--runs-dir", type=Path, default=RUNS_FOLDER, help=RUNS_FOLDER_HELP)
    parser.add_argument("--state", type=Path, help="the emulator's folder")
    parser.add_argument(
        "--as-recorded",
        action="store_true",
        help="go on with what the run recorded, whatever the recipe's file says now",
    )
    on_interrupt.declare(parser)


def main(options: Namespace, session: Session) -> ExitCode:
    """Answer from the journal if nothing is left to do; else go on from where the run stands."""
    swept = sweep.find(options.runs_dir, options.run)
    if swept:
        return _of_a_sweep(options, session, swept)
    folder = runs.find(options.runs_dir, options.run)
    said = _recorded(folder)
    has_missed = said.parent is not None and not (said.verdict and said.verdict.get("reproduced"))
    if _is_over(said) and not said.alive and not has_missed:
        _bring_up_to_date(folder, said)
        session.voice.over(said, folder)
        return ExitCode.DONE
    # What goes on needs the rooms of a run, which take long to import.
    from runner.lifecycle import resuming  # noqa: PLC0415

    if _is_over(said) and not said.alive:
        return resuming.judge(session, folder)
    if _is_over(said):
        return resuming.look(session, folder, options.state)
    return resuming.go_on(
        session,
        folder,
        state=options.state,
        as_recorded=options.as_recorded,
        cancel=on_interrupt.cancels(options),
    )


def _of_a_sweep(options: Namespace, session: Session, folder: Path) -> ExitCode:
    """Bring every point to its end."""
    from runner import sweeping  # noqa: PLC0415 - as above

    how = sweeping.How(
        state=options.state,
        as_recorded=options.as_recorded,
        cancel=on_interrupt.cancels(options),
    )
    return sweeping.go_on(session, folder, how)


def _bring_up_to_date(folder: Path, said: "Manifest") -> None:
    """Write the manifest of a run that was cut off between its last record and its last manifest."""
    if covered(folder / journal.FILE_NAME).records < said.journal["records"]:
        manifest.write(said, folder / manifest.FILE_NAME)


def _is_over(said: "Manifest") -> bool:
    return said.status is manifest.RunStatus.SUCCEEDED


def _recorded(folder: Path) -> "Manifest":
    runs.check_carried_out_here(folder)
    return manifest.fold(journal.read(folder / journal.FILE_NAME))
