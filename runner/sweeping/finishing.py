"""All points carried out before people's eyes, then what they made together taken back, and the end told."""

from collections.abc import Mapping
from contextlib import suppress

from runner import sweep
from runner.errors import ExitCode, RunnerError, StillBilling, Terminated
from runner.opening import Lease
from runner.runs import PAGE
from runner.sweep.standing import debts
from runner.sweeping.carrying import Carried, Carry, Crew, carry_points
from runner.sweeping.ending import Left, Place, clean_up
from runner.sweeping.members import Site
from runner.sweeping.shared import Shared


def finish(site: Site, tasks: Mapping[int, Carry], shared: Shared, lease: Lease) -> ExitCode:
    """Carry out what is left of a sweep, and give what the process is to say."""
    console = site.session.console
    place = Place(session=site.session, folder=site.folder, sweep=site.sweep, cloud=site.cloud)
    try:
        with console.sweeping(len(site.sweep.points), site.cloud.target.kind) as observer:
            crew = Crew(
                tasks=tasks,
                shared=shared,
                at_once=site.sweep.max_concurrent,
                observer=observer,
                cloud=site.cloud,
                cancel=site.cancel,
            )
            carried = carry_points(crew)
        left = _cleaned_up(place, carried, cancel=site.cancel)
    finally:
        lease.keep = place.is_alive
    points = place.standings
    billing = debts(points, left.names, site.folder)
    errors = dict(sorted((left.errors | _errors(carried)).items()))
    if not carried.interrupt:
        _report(site)
    with suppress(OSError):  # however it ends, it has ended so, whether anybody listens or not
        console.swept(
            site.folder, points, errors=errors, billing=billing, interrupted=carried.interrupt is not None
        )
    return exit_code(carried, errors, billing)


def _cleaned_up(place: Place, carried: Carried, *, cancel: bool) -> Left:
    if carried.interrupt and not cancel:
        return Left()
    try:
        return clean_up(place)
    except KeyboardInterrupt as interrupt:
        carried.interrupt = carried.interrupt or interrupt
        return Left()


def _report(site: Site) -> None:
    """Write the page over all points; that it cannot be written takes no training back."""
    # Who only looks at a sweep does not draw.
    from runner.reporting import write_page  # noqa: PLC0415

    with suppress(OSError, RunnerError):
        write_page(list(sweep.members(site.folder, site.sweep).values()), site.folder / PAGE)


def _errors(carried: Carried) -> dict[int, RunnerError]:
    """Give what each point failed by."""
    failed = {
        index: outcome.error
        for index, outcome in carried.outcomes.items()
        if isinstance(outcome.error, RunnerError)
    }
    return failed | carried.errors


def exit_code(carried: Carried, errors: Mapping[int, RunnerError], billing: StillBilling | None) -> ExitCode:
    """Give what the process says: an interruption stands over what may bill, and that over a failure.

    Where all points that failed did so alike, that is told; else 1.
    """
    if carried.interrupt:
        return ExitCode.TERMINATED if isinstance(carried.interrupt, Terminated) else ExitCode.INTERRUPTED
    if billing:
        return billing.exit_code
    codes = {error.exit_code for error in errors.values()}
    if not codes:
        return ExitCode.DONE
    return codes.pop() if len(codes) == 1 else ExitCode.STEP_FAILED
