"""What people read of things that go on: what is left alive, what it costs an hour, and how to end it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from runner import billing
from runner.billing import Basis, Hourly
from runner.console.lines import safe, table
from runner.cost import Prices, built_in_prices
from runner.facts import ResourceKind, TargetKind
from runner.journal import Json
from runner.manifest import NOT_ENDED, Manifest, Resource
from runner.under_way import Carried


def alive(
    said: Manifest, *, carried: Carried = Carried.BY_NOBODY, prices: Prices | None = None
) -> Iterator[str]:
    """Give what may still cost money, and the commands that end it or go on; say so where nothing does.

    Without `prices`, here and below, those of the list are taken.
    """
    yield ""
    if said.alive:
        yield "left alive:"
        yield from _resources(said, prices)
    else:
        yield "nothing that bills is left alive"
    yield from commands(said, carried)


def commands(said: Manifest, carried: Carried) -> Iterator[str]:
    """Give what can be done about a run; one that no version can resume any more is only taken back."""
    run = said.run_id
    if carried is Carried.ELSEWHERE:
        if said.alive:
            yield "  take it back on the machine that ran it: its journal is not here (runner gc finds it)"
    elif said.status in NOT_ENDED and "in_force" in said.recipe:
        if carried is Carried.BY_NOBODY:
            yield f"  go on with:      runner resume {run}"
        yield f"  follow it with:  runner attach {run}"
        yield f"  end it all with: runner cancel {run}"
    elif said.alive:
        yield f"  take it back with: runner down {run}"


def taken_down(said: Manifest, spared: Sequence[str]) -> Iterator[str]:
    """Give what `down` has left, of which run, and what is another run's to take back."""
    yield from spared
    if said.alive:
        yield from alive(said)
    else:
        yield f"{said.run_id}: nothing that bills is left alive"


def interrupted(said: Manifest, folder: Path, prices: Prices | None = None) -> Iterator[str]:
    """Say what an interruption did not stop, what that costs, and how to go on or to end it."""
    yield ""
    if said.alive:
        yield safe(f"interrupted. {' '.join(_still_there(said))}")
        yield from _resources(said, prices)
    else:
        yield "interrupted; nothing that bills is there"
    yield f"  go on with:      runner resume {said.run_id}"
    yield f"  then follow it, from any terminal: runner attach {said.run_id}"
    yield f"  end it all with: runner cancel {said.run_id}"
    yield f"{said.status.value}: {folder}"


def _still_there(said: Manifest) -> Iterator[str]:
    """Say what stands, and what goes on: of all that a run has, only its job does."""
    jobs = [each.name for each in said.alive if each.kind == ResourceKind.JOB.value]
    others = [f"{each.kind} {each.name}" for each in said.alive if each.kind != ResourceKind.JOB.value]
    if others:
        yield f"Still there: {', '.join(others)}."
    where = " (on the emulator)" if _is_emulated(said) else ""
    yield from (f"Job {job} goes on{where}." for job in jobs)


def price(each: Hourly) -> str:
    """Say what one resource costs an hour."""
    if each.amount is None:
        return each.basis.value if each.basis is Basis.NOTHING else "price unknown"
    node = f" for {each.basis.value}" if each.basis is Basis.EACH_NODE else ""
    return f"{each.amount:.2f} {each.currency} an hour{node}"


def sum_of(found: tuple[Hourly, ...]) -> Iterator[str]:
    """Say what all of it costs an hour, as far as it is known, and what prices that stands on."""
    total = billing.together(found)
    known = next((each.price for each in found if each.price), None)
    if total is not None and known:
        yield f"  together {total:.2f} {known.currency} an hour"
    if known:
        yield f"  prices: {known.region}, as of {known.as_of}, from {known.source}"


def as_json(said: Manifest, prices: Prices | None = None) -> list[Json]:
    """Give what each resource that is alive costs an hour; nothing is billed on the emulator."""
    return billing.as_json(_hourly(said, prices))


def _resources(said: Manifest, prices: Prices | None) -> Iterator[str]:
    """Give one line each; on the emulator they cost nothing."""
    found = _hourly(said, prices)
    if _is_emulated(said):
        yield from table([(each.kind, each.name, _deletion(each)) for each in said.alive])
        yield "  nothing is billed: it is on the emulator"
        return
    rows = zip(said.alive, found, strict=True)
    yield from table([(each.kind, each.name, price(cost), _deletion(each)) for each, cost in rows])
    yield from sum_of(found)


def _deletion(each: Resource) -> str:
    """Say that a deletion was asked for and is not proven."""
    if each.deletion is None:
        return ""
    return safe(
        f"not proven gone: {'its deletion was asked for' if each.deletion == 'asked' else each.deletion}"
    )


def _hourly(said: Manifest, prices: Prices | None) -> tuple[Hourly, ...]:
    if _is_emulated(said) or not said.alive:
        return ()
    return billing.hourly(said, prices or built_in_prices())


def _is_emulated(said: Manifest) -> bool:
    return bool(said.target["kind"] == TargetKind.EMULATOR.value)
