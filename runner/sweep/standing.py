"""How a sweep stands: what its runs have come to by their own journals, and which did best."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runner import manifest
from runner.errors import RunnerError, StillBilling, UsageError
from runner.manifest import Manifest, RunStatus
from runner.metric_table import LOSSES
from runner.outstanding import outstanding
from runner.recipe import Scalar
from runner.runs import SWEEP_FILE
from runner.sweep.finding import members
from runner.sweep.record import Member, Sweep, read

NOT_BEGUN, UNREADABLE = "not begun", "unreadable"


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How one point stands; `said` is None for a run that has not begun or cannot be read."""

    member: Member
    said: Manifest | None
    status: str

    @property
    def values(self) -> Mapping[str, Scalar]:
        """Give the point's own values."""
        return self.member.values

    @property
    def has_succeeded(self) -> bool:
        """Tell whether it is trained."""
        return self.said is not None and self.said.status is RunStatus.SUCCEEDED

    @property
    def is_decided(self) -> bool:
        """Tell whether its run has come to an end, whichever."""
        return self.said is not None and self.said.status not in manifest.NOT_ENDED

    def loss(self, name: str) -> float | None:
        """Give one of its losses."""
        record = self.said.steps.get("finetune") if self.said else None
        return record.metrics.get(name) if record else None


def standings(folder: Path, sweep: Sweep) -> tuple[Standing, ...]:
    """Read how every point stands, in the order of the points."""
    begun = members(folder, sweep)
    return tuple(_standing(each, begun.get(each.index)) for each in sweep.points)


def others_under_way(runs: Path, said: Manifest) -> Sequence[Standing]:
    """Give the other points of a run's sweep that have begun and not ended: they may use what it made.

    Where the sweep's list is damaged, its runs are known by what each says of itself.
    """
    folder = runs / str((said.sweep or {}).get("id", ""))
    if said.sweep is None or not (folder / SWEEP_FILE).exists():
        return ()
    try:
        points = standings(folder, read(folder))
    except UsageError:
        points = tuple(_found_again(folder))
    return [each for each in points if each.said and not each.is_decided and each.member.run != said.run_id]


def compared_by(points: Sequence[Standing]) -> str | None:
    """Give the loss that all points which succeeded have; None where there is none."""
    done = [each for each in points if each.has_succeeded]
    has = (name for name in LOSSES if done and all(each.loss(name) is not None for each in done))
    return next(has, None)


def best(points: Sequence[Standing]) -> Standing | None:
    """Give the point with the least loss, the first of several; None where none can be compared."""
    name = compared_by(points)
    if name is None:
        return None
    return min((each for each in points if each.has_succeeded), key=lambda each: each.loss(name) or 0.0)


def debts(points: Sequence[Standing], left: Sequence[str], folder: Path) -> StillBilling | None:
    """Give the error that says what was asked to go and is not proven gone, None where there is nothing."""
    told = [found.message for each in points if each.said and (found := outstanding(each.said))]
    names = dict.fromkeys([each.removeprefix("not proven gone: ") for each in told] or left)
    if not names:
        return None
    return StillBilling(f"not proven gone: {', '.join(names)}", hint=f"runner down {folder.name}")


def _found_again(folder: Path) -> Iterator[Standing]:
    """Find a sweep's runs without its list: they are called by its moment and recipe, as it is."""
    for run in sorted(folder.parent.glob(f"{folder.name.rpartition('-sweep-')[0]}-*")):
        try:
            said = manifest.of(run)
        except RunnerError:
            continue
        if said.sweep and said.sweep["id"] == folder.name:
            yield _standing(Member(index=int(said.sweep["index"]), run=run.name, values={}), run)


def _standing(member: Member, run: Path | None) -> Standing:
    if run is None:
        return Standing(member=member, said=None, status=NOT_BEGUN)
    try:
        said = manifest.of(run)
    except RunnerError:
        return Standing(member=member, said=None, status=UNREADABLE)
    return Standing(member=member, said=said, status=said.status.value)
