"""`runner run RECIPE`: carry a recipe out, and clean up as it says."""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path

from runner import background, dataset, on_interrupt, opening, recipe_argument, runs, sweeping, under_way
from runner.cost import read_prices
from runner.errors import ExitCode, UsageError
from runner.facts import TargetKind
from runner.lifecycle import locking
from runner.lifecycle.beginning import begun
from runner.lifecycle.carry_out import at_the_console
from runner.load import Loaded
from runner.opening import Opened
from runner.session import RUNS_FOLDER, RUNS_FOLDER_HELP, Session
from runner.target import choose


def arguments(parser: ArgumentParser) -> None:
    """Declare the recipe, its target and where runs lie."""
    recipe_argument.declare(parser)
    parser.add_argument("--target", choices=[each.value for each in TargetKind])
    parser.add_argument("--runs-dir", type=Path, default=RUNS_FOLDER, help=RUNS_FOLDER_HELP)
    parser.add_argument("--state", type=Path, help="the emulator's folder")
    on_interrupt.declare(parser)
    parser.add_argument(
        "--detach", action="store_true", help="check everything, then let a process of its own carry it out"
    )
    locking.declare(parser)
    parser.add_argument(
        "--prices", type=Path, metavar="FILE", help="prices of your own, instead of the list's"
    )
    parser.add_argument("--yes", action="store_true", help="carry a sweep out without asking")


def main(options: Namespace, session: Session) -> ExitCode:
    """Check everything, then carry it out."""
    loaded = recipe_argument.read(options)
    prices = read_prices(options.prices) if options.prices else None
    runs.check(options.runs_dir)
    kind = choose(loaded.recipe, options.target)
    lock = locking.asked_for(options, loaded, kind)
    if loaded.points:
        _refuse_as_sweep(options, session, loaded)
    # To reach a cloud changes it, and so does the SDK: another process is to find its own way there.
    environment = dict(session.environment)
    with opening.reached(session, kind, session.emulator_state(options.state)) as lease:
        loaded = opening.filled_in(session, loaded, kind)
        chosen = opening.where(session, loaded, kind)
        under_way.refuse_a_second(options.runs_dir, loaded.recipe.name, chosen)
        cloud = opening.connected(session, chosen, loaded.recipe.model.registry)
        if loaded.points:
            return sweeping.begin(
                session,
                loaded,
                cloud,
                lease,
                runs_dir=options.runs_dir,
                prices=prices,
                yes=options.yes,
                cancel=on_interrupt.cancels(options),
            )
        today, cancel = session.clock.now().date(), on_interrupt.cancels(options)
        with locking.opened(loaded, cloud, today, prices, lock) as opened:
            _refuse_bad_rows(opened)
            with begun(session, opened, chosen, options.runs_dir, cancel=cancel) as run:
                try:
                    context = opening.context(opened, run.folder)
                    if not options.detach:
                        return at_the_console(session, run, opened.plan, context).exit_code
                finally:
                    lease.keep = options.detach or bool(run.manifest.alive)
        # The journal is let go: the process that carries the run on is to hold it.
        return _detached(options, session, run.folder, opened, environment)


def _refuse_as_sweep(options: Namespace, session: Session, loaded: Loaded) -> None:
    """Refuse what cannot be done with a sweep, before a cloud is reached."""
    if options.detach:
        raise UsageError(
            f"{loaded.source.path} is a sweep, which is not carried out in the background",
            hint="leave --detach out; a sweep that is interrupted goes on with runner resume",
        )
    sweeping.refuse_unconfirmed(session, loaded, yes=options.yes)


def _refuse_bad_rows(opened: Opened) -> None:
    """Find rows that cannot be trained on while nothing is made yet: the steps begin at the same time."""
    section = opened.loaded.recipe.dataset
    if section and opened.rows is None:
        dataset.check(section, folder=opened.loaded.source.folder)


def _detached(
    options: Namespace, session: Session, folder: Path, opened: Opened, environment: Mapping[str, str]
) -> ExitCode:
    words = ["--state", str(session.emulator_state(options.state)), "--on-interrupt", options.on_interrupt]
    pid = background.carry_on(folder, words, environment)
    session.console.detached(folder, opened.cloud.target.kind, opened.plan, pid)
    return ExitCode.DONE
