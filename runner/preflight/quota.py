"""The region's quota: whether the cores that a run needs are there to be had, before anything is created.

A cluster at rest takes none, so what counts is the nodes that the training starts. A deployment takes its
machines at once, and a fifth more in reserve, rounded up to whole machines (Microsoft Learn, "Virtual machine
quota allocation for deployment", 2023-12-07), unless its size is spared. The base model's is made while the
training goes on and stays beside the other.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import ceil

from runner.errors import Diagnostic, Severity
from runner.facts import CorePool, Quota, family_key
from runner.preflight.case import Case
from runner.recipe import Deployment, Tier

_ASK = (
    "ask for more under Usage + quotas of the workspace in the Azure portal, or choose another size or region"
)
_POOLS = {Tier.DEDICATED: CorePool.DEDICATED, Tier.LOW_PRIORITY: CorePool.LOW_PRIORITY}
_FIFTH_MORE = 12, 10
_BASELINE = "baseline"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Need:
    """Cores that one section asks for. What is not `certain` may be running, and counted, already."""

    key: tuple[str, ...]
    size: str
    family: str
    pool: CorePool
    cores: int
    reason: str
    certain: bool = True


def cores(case: Case) -> Iterator[Diagnostic]:
    """Hold what a run needs against what is free; say so where that is not known."""
    if case.facts.offline:
        return
    if case.facts.quota is None:
        yield from _unread(case)
        return
    served = (_deployment(case, name, section) for name, section in case.deployments.items())
    needs = [need for need in (_cluster(case), *served) if need is not None]
    for need in needs:
        yield from _short(case, need, case.facts.quota)
    yield from _together(case, needs)


def _unread(case: Case) -> Iterator[Diagnostic]:
    if case.facts.quota_refusal:
        yield case.loaded.source.diagnostic(
            ("compute",) if case.loaded.recipe.compute else ("deployment",),
            code="quota-unknown",
            message=f"the quota was not told: {case.facts.quota_refusal}",
            mend="the permission it takes is Microsoft.MachineLearningServices/locations/usages/read",
            severity=Severity.NOTICE,
        )


def _cluster(case: Case) -> _Need | None:
    """Count the nodes a training starts; of a cluster that is there, some may be up."""
    section, finetune = case.loaded.recipe.compute, case.loaded.recipe.finetune
    size = case.facts.sizes.get(section.size.lower()) if section else None
    if section is None or size is None or not size.vcpus:
        return None
    nodes = max(case.nodes if finetune else 0, section.min_instances)
    return _Need(
        key=("compute", "size"),
        size=section.size,
        family=size.family,
        pool=_POOLS[section.tier],
        cores=nodes * size.vcpus,
        reason=f"{_times(nodes, 'node')} of {size.vcpus} cores",
        certain=case.facts.compute is None,
    )


def _deployment(case: Case, name: str, section: Deployment) -> _Need | None:
    """Count the machines a deployment adds, with those in reserve for upgrades."""
    size = case.facts.sizes.get(section.instance_type.lower())
    if size is None or not size.vcpus:
        return None
    spared = bool(size.skip_20pct_quota_reservation)
    found = case.facts.baseline if name == _BASELINE else case.facts.deployment
    same = found is not None and found.instance_type.lower() == section.instance_type.lower()
    held = _machines(found.instance_count, spared=spared) if found and same else 0
    machines = max(0, _machines(section.instance_count, spared=spared) - held)
    reserve = "" if spared else ", with those in reserve for upgrades"
    return _Need(
        key=(name, "instance_type"),
        size=section.instance_type,
        family=size.family,
        pool=CorePool.DEDICATED,
        cores=machines * size.vcpus,
        reason=f"{_times(machines, 'machine')}{reserve}, of {size.vcpus} cores",
    )


def _machines(count: int, *, spared: bool) -> int:
    times, parts = _FIFTH_MORE
    return count if spared else ceil(count * times / parts)


def _times(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"


def _short(case: Case, need: _Need, lines: Iterable[Quota]) -> Iterator[Diagnostic]:
    limits = [line for line in lines if _limits(need, line)]
    yield from (_refusal(case, need, line) for line in limits if need.cores > line.free)
    # Low priority has one limit for all families; dedicated cores have one for each, too.
    if need.cores and not any(line.family or need.pool is CorePool.LOW_PRIORITY for line in limits):
        yield _not_listed(case, need)


def _limits(need: _Need, line: Quota) -> bool:
    return line.pool is need.pool and line.family in {"", family_key(need.family)}


def _refusal(case: Case, need: _Need, line: Quota) -> Diagnostic:
    uncertain = "" if need.certain else ", unless its nodes are up already"
    return case.loaded.source.diagnostic(
        need.key,
        code="quota",
        message=f"{need.size} needs {need.cores} cores ({need.reason}){uncertain}; {_left(line)}",
        mend=_ASK,
        severity=Severity.ERROR if need.certain else Severity.WARNING,
    )


def _left(line: Quota) -> str:
    return f"{line.name} has {line.free} free ({line.used} of {line.limit} in use)"


def _not_listed(case: Case, need: _Need) -> Diagnostic:
    return case.loaded.source.diagnostic(
        need.key,
        code="quota-unknown",
        message=f"region {case.facts.location} tells no {need.pool} quota of {need.family or need.size}",
        expected="where a subscription has none, Azure says that the size is not supported",
        severity=Severity.NOTICE,
    )


def _together(case: Case, needs: list[_Need]) -> Iterator[Diagnostic]:
    """Tell what fits alone but not together."""
    for line in case.facts.quota or ():
        drawing = [need for need in needs if need.cores and _limits(need, line)]
        yield from list(_at_once(case, line, drawing)) or _in_turn(case, line, drawing)


def _at_once(case: Case, line: Quota, drawing: list[_Need]) -> Iterator[Diagnostic]:
    """Refuse a base model that has no room beside the training, or beside the fine-tuned one."""
    for base in (need for need in drawing if need.key[0] == _BASELINE):
        for other in drawing:
            if other is not base and not _has_room(line, [base, other]):
                certain = base.certain and other.certain
                yield case.loaded.source.diagnostic(
                    base.key,
                    code="quota-together",
                    message=f"the base model and {_WHAT[other.key[0]]} need {base.cores + other.cores} cores"
                    f" at the same time; {_left(line)}",
                    mend=f"leave baseline out, or {_ASK}",
                    severity=Severity.ERROR if certain else Severity.WARNING,
                )


_WHAT = {"compute": "the training", "deployment": "the fine-tuned one"}


def _has_room(line: Quota, together: list[_Need]) -> bool:
    """Tell whether needs fit together; what one of them lacks by itself is told of that one."""
    cores = [need.cores for need in together]
    return sum(cores) <= line.free or max(cores) > line.free


def _in_turn(case: Case, line: Quota, drawing: list[_Need]) -> Iterator[Diagnostic]:
    """Warn where training and serving do not fit together: idle nodes are up when serving starts."""
    section = case.loaded.recipe.compute
    serverless = section is not None and section.serverless
    total = sum(need.cores for need in drawing)
    if len(drawing) > 1 and not _has_room(line, drawing):
        yield case.loaded.source.diagnostic(
            drawing[-1].key,
            code="quota-together",
            message=f"training and serving need {total} cores while both are up; {_left(line)}",
            expected="the deployment can start only after the training's nodes are gone",
            mend=_ASK if serverless else f"shorten compute.idle_time_before_scale_down, or {_ASK}",
            severity=Severity.WARNING,
        )
