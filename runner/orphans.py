"""What is alive in a workspace under our tags, held against the runs at hand: in none of them, or overdue."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from runner import manifest, naming
from runner.errors import RunnerError
from runner.facts import Resource, ResourceKind, Target
from runner.journal import FILE_NAME
from runner.manifest import Manifest, StepStatus
from runner.target import is_of

# What a resource is known by: its kind, a deployment's endpoint, its name; Azure compares without case.
Key: TypeAlias = tuple[str, str, str]

# The steps that use what an earlier run may have made, and the kind of each one's resource.
_USED: Mapping[str, ResourceKind] = {
    "compute": ResourceKind.COMPUTE,
    "endpoint": ResourceKind.ENDPOINT,
    "baseline": ResourceKind.DEPLOYMENT,
    "deployment": ResourceKind.DEPLOYMENT,
}


class Standing(StrEnum):
    """Whose a resource is, as far as it can be told here."""

    ORPHAN = "in no run here"
    KNOWN = "in a run here"
    ELSEWHERE = "in a run here, which was carried out elsewhere"
    UNCLEAR = "of a run here that cannot be read"


_WHY_KEPT = {
    Standing.ELSEWHERE: "a run here that was carried out elsewhere lists it: take it back there",
    Standing.UNCLEAR: "runner repair {run} comes first; if that is beyond repair, move the folder runs/{run}"
    " away, then: runner gc --run {run} --delete",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class AtHand:
    """The runs of a folder: which of them list what as alive, and which cannot be read."""

    listing: Mapping[Key, tuple[Path, ...]]
    unreadable: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One resource under our tags. `runs` are the folders that list it; `why_kept` is "" if it may go."""

    resource: Resource
    standing: Standing
    run: str
    recipe: str
    age: float | None
    expires: datetime | None
    expired: bool
    runs: tuple[Path, ...] = ()
    why_kept: str = ""

    @property
    def key(self) -> Key:
        """Give what it is known by."""
        return key_of(self.resource)


def at_hand(runs: Path, workspace: Target) -> AtHand:
    """Read what the runs of a folder list as alive in a workspace."""
    listing: dict[Key, tuple[Path, ...]] = {}
    unreadable = set()
    for folder in sorted(path for path in runs.glob("*") if path.is_dir()):
        try:
            said = _read(folder)
        except (RunnerError, OSError):
            unreadable.add(folder.name)
            continue
        for key in _keys(said) if said and is_of(said.target, workspace) else ():
            if folder not in listing.get(key, ()):
                listing[key] = (*listing.get(key, ()), folder)
    return AtHand(listing=listing, unreadable=frozenset(unreadable))


def used_by_others(folder: Path, said: Manifest, workspace: Target) -> Mapping[str, str]:
    """Give the steps of a run whose resources a run beside it, which has not ended, made or uses, and its id.

    Traffic goes with the deployment that it goes to.
    """
    ours = dict(_by_step(said))
    used: dict[str, str] = {}
    for beside in sorted(path for path in folder.parent.glob("*") if path.name != folder.name):
        other = _under_way(beside, workspace)
        keys = set(_keys(other)) if other else set()
        used |= {step: beside.name for step, key in ours.items() if key in keys}
    return used | ({"traffic": used["deployment"]} if "deployment" in used else {})


def _under_way(folder: Path, workspace: Target) -> Manifest | None:
    """Give a run of a workspace that has not ended, if it is one."""
    try:
        other = _read(folder)
    except (RunnerError, OSError):
        return None
    goes_on = other is not None and other.status in manifest.NOT_ENDED
    return other if other and goes_on and is_of(other.target, workspace) else None


def findings(found: Iterable[Resource], known: AtHand, now: datetime, run: str = "") -> tuple[Finding, ...]:
    """Judge everything that runs made whose id begins so; what lacks our tags is nobody's business here."""
    everything = tuple(found)
    ours = [each for each in everything if naming.TAG_RUN in each.tags and naming.TAG_RECIPE in each.tags]
    ends = {each.name.lower(): _expires(each, known) for each in ours if each.kind is ResourceKind.ENDPOINT}
    judged = [_finding(each, known, now, ends, _strangers(each, everything)) for each in ours]
    chosen = [each for each in judged if each.run.startswith(run)]
    return tuple(_with_traffic(each, chosen, everything, known) for each in chosen)


def key_of(resource: Resource) -> Key:
    """Give what a listed resource is known by."""
    return resource.kind.value, resource.parent.lower(), resource.name.lower()


def _read(folder: Path) -> Manifest | None:
    """Give a run as far as it is known, None for what is no run."""
    is_run = any(os.path.lexists(folder / name) for name in (FILE_NAME, manifest.FILE_NAME))
    return manifest.of(folder) if is_run else None


def _keys(said: Manifest) -> Iterator[Key]:
    """Give what a run has alive, and while it has not ended also what it uses: others may have made that."""
    for each in said.alive:
        endpoint = said.steps[each.step].intent.get("endpoint", "") if each.step in said.steps else ""
        yield each.kind, str(endpoint).lower(), each.name.lower()
    if said.status in manifest.NOT_ENDED:
        yield from (key for _, key in _by_step(said))


def _by_step(said: Manifest) -> Iterator[tuple[str, Key]]:
    """Give what a run uses, whoever made it."""
    for step, record in said.steps.items():
        if step in _USED and record.status is not StepStatus.DELETED:
            name = record.intent.get("name") or record.outputs.get("name") or ""
            endpoint = str(record.intent.get("endpoint", ""))
            yield step, (_USED[step].value, endpoint.lower(), str(name).lower())


def _finding(
    each: Resource, known: AtHand, now: datetime, ends: Mapping[str, datetime | None], why_kept: str
) -> Finding:
    run, runs = each.tags[naming.TAG_RUN], known.listing.get(key_of(each), ())
    expires = ends.get((each.parent or each.name).lower()) if _is_served(each) else None
    standing = Standing.KNOWN if runs else Standing.ORPHAN
    if runs and not all((folder / FILE_NAME).exists() for folder in runs):
        standing = Standing.ELSEWHERE
    if not runs and run in known.unreadable:
        standing = Standing.UNCLEAR
    return Finding(
        resource=each,
        standing=standing,
        run=run,
        recipe=each.tags[naming.TAG_RECIPE],
        age=_age(each, run, now),
        expires=expires,
        expired=bool(expires and expires < now),
        runs=runs,
        why_kept=_WHY_KEPT[standing].format(run=run) if standing in _WHY_KEPT else why_kept,
    )


def _is_served(each: Resource) -> bool:
    return each.kind in {ResourceKind.ENDPOINT, ResourceKind.DEPLOYMENT}


def _strangers(each: Resource, everything: tuple[Resource, ...]) -> str:
    """Say which deployments would go with an endpoint that no run of ours has made."""
    if each.kind is not ResourceKind.ENDPOINT:
        return ""
    below = [one for one in everything if one.parent.lower() == each.name.lower()]
    foreign = [one.name for one in below if naming.TAG_RUN not in one.tags]
    return f"it holds what is not ours: {', '.join(foreign)}" if foreign else ""


def _with_traffic(
    each: Finding, chosen: Sequence[Finding], everything: Iterable[Resource], known: AtHand
) -> Finding:
    """Keep a deployment that nobody lists while traffic goes to it, unless its endpoint goes, too."""
    above = next((one for one in everything if _is_above(one, each.resource)), None)
    if above is None or each.standing is not Standing.ORPHAN:
        return each
    share = {name.lower(): part for name, part in above.traffic.items()}.get(each.resource.name.lower())
    goes = [one.resource for one in chosen if one.standing is Standing.ORPHAN and not one.why_kept]
    if not share or above in goes:
        return each
    return replace(each, why_kept=f"traffic goes to it; {_to_take_down(above, known)}")


def _is_above(endpoint: Resource, deployment: Resource) -> bool:
    is_named = endpoint.name.lower() == deployment.parent.lower()
    return endpoint.kind is ResourceKind.ENDPOINT and is_named


def _to_take_down(endpoint: Resource, known: AtHand) -> str:
    """Say how the endpoint goes whose deployment cannot go by itself."""
    listing = known.listing.get(key_of(endpoint), ())
    if listing:
        return f"take its endpoint down: runner down {listing[-1].name}"
    if naming.TAG_RUN not in endpoint.tags:
        return f"its endpoint {endpoint.name} is not ours: route its traffic elsewhere first"
    return f"take its endpoint down: runner gc --run {endpoint.tags[naming.TAG_RUN]} --delete"


def _expires(endpoint: Resource, known: AtHand) -> datetime | None:
    """Give when an endpoint's time is over; a later run that uses it sets the time anew."""
    tagged = _moment(endpoint.tags.get(naming.TAG_EXPIRES, ""))
    began = naming.began(endpoint.tags[naming.TAG_RUN])
    users = [naming.began(folder.name) for folder in known.listing.get(key_of(endpoint), ())]
    latest = max((each for each in users if each), default=None)
    if tagged and began and latest and latest > began:
        return tagged + (latest - began)
    return tagged


def _age(each: Resource, run: str, now: datetime) -> float | None:
    """Give seconds since it was made; where the list does not tell, since its run began."""
    made = _moment(each.created) or naming.began(run)
    return max(0.0, (now - made).total_seconds()) if made else None


def _moment(text: str) -> datetime | None:
    """Read a time in ISO form; one without a zone is UTC, as the service's own are."""
    try:
        read_time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return read_time if read_time.tzinfo else read_time.replace(tzinfo=UTC)
