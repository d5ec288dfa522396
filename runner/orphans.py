"""What is alive in a workspace under our tags, held against the runs at hand: in none of them, or overdue."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from runner import manifest, naming
from runner.errors import RunnerError
from runner.facts import Resource, ResourceKind, Target
from runner.journal import FILE_NAME, Json
from runner.manifest import Manifest, RunStatus

# What a resource is known by: its kind, a deployment's endpoint, its name; Azure compares without case.
Key: TypeAlias = tuple[str, str, str]


class Standing(StrEnum):
    """Whose a resource is, as far as it can be told here."""

    ORPHAN = "in no run here"
    KNOWN = "in a run here"
    UNCLEAR = "of a run here that cannot be read"


@dataclass(frozen=True, kw_only=True, slots=True)
class AtHand:
    """The runs of a folder: which of them list what as alive, and which cannot be read.

    `used` names, by a cluster that somebody else may have made, a run that has not ended and trains on it.
    """

    listing: Mapping[Key, tuple[Path, ...]]
    used: Mapping[Key, str] = field(default_factory=dict)
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
    used: dict[Key, str] = {}
    unreadable = set()
    for folder in sorted(path for path in runs.glob("*") if path.is_dir()):
        try:
            said = _read(folder)
        except (RunnerError, OSError):
            unreadable.add(folder.name)
            continue
        if said is None or not _is_of(said.target, workspace):
            continue
        used |= _used(said)
        for key in _keys(said):
            listing[key] = (*listing.get(key, ()), folder)
    return AtHand(listing=listing, used=used, unreadable=frozenset(unreadable))


def findings(found: Iterable[Resource], known: AtHand, now: datetime) -> tuple[Finding, ...]:
    """Judge everything that carries our tags; what does not is nobody's business here."""
    everything = tuple(found)
    ours = [each for each in everything if naming.TAG_RUN in each.tags and naming.TAG_RECIPE in each.tags]
    ends = {each.name.lower(): _expires(each, known) for each in ours if each.kind is ResourceKind.ENDPOINT}
    return tuple(_finding(each, known, now, ends, _strangers(each, everything)) for each in ours)


def key_of(resource: Resource) -> Key:
    """Give what a listed resource is known by."""
    return resource.kind.value, resource.parent.lower(), resource.name.lower()


def _read(folder: Path) -> Manifest | None:
    """Give a run as far as it is known, None for what is no run."""
    is_run = any(os.path.lexists(folder / name) for name in (FILE_NAME, manifest.FILE_NAME))
    return manifest.of(folder) if is_run else None


def _keys(said: Manifest) -> Iterator[Key]:
    for each in said.alive:
        endpoint = said.steps[each.step].intent.get("endpoint", "") if each.step in said.steps else ""
        yield each.kind, str(endpoint).lower(), each.name.lower()


def _used(said: Manifest) -> dict[Key, str]:
    """Give the cluster of a run that goes on: one that was there already is in no list of what is alive."""
    compute = said.steps.get("compute")
    if said.status not in {RunStatus.RUNNING, RunStatus.INTERRUPTED} or not compute or not compute.intent:
        return {}
    return {(ResourceKind.COMPUTE.value, "", str(compute.intent["name"]).lower()): said.run_id}


def _is_of(said: Mapping[str, Json], workspace: Target) -> bool:
    names = ("subscription_id", "resource_group", "workspace_name")
    same = all(str(said[name]).lower() == getattr(workspace, name).lower() for name in names)
    return same and bool(said["kind"] == workspace.kind.value)


def _finding(
    each: Resource, known: AtHand, now: datetime, ends: Mapping[str, datetime | None], strangers: str
) -> Finding:
    run, runs = each.tags[naming.TAG_RUN], known.listing.get(key_of(each), ())
    expires = ends.get((each.parent or each.name).lower()) if _is_served(each) else None
    standing = Standing.KNOWN if runs else Standing.ORPHAN
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
        why_kept=_why_kept(each, known, standing) or strangers,
    )


def _why_kept(each: Resource, known: AtHand, standing: Standing) -> str:
    if standing is Standing.UNCLEAR:
        return f"runner repair {each.tags[naming.TAG_RUN]} comes first"
    user = known.used.get(key_of(each))
    return f"run {user} trains on it" if user and standing is Standing.ORPHAN else ""


def _is_served(each: Resource) -> bool:
    return each.kind in {ResourceKind.ENDPOINT, ResourceKind.DEPLOYMENT}


def _strangers(each: Resource, everything: tuple[Resource, ...]) -> str:
    """Say which deployments would go with an endpoint that no run of ours has made."""
    if each.kind is not ResourceKind.ENDPOINT:
        return ""
    below = [one for one in everything if one.parent.lower() == each.name.lower()]
    foreign = [one.name for one in below if naming.TAG_RUN not in one.tags]
    return f"it holds what is not ours: {', '.join(foreign)}" if foreign else ""


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
