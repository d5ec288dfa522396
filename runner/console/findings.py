"""What `gc` tells: each thing under our tags, whose it is, how old, what it costs, and what became of it."""

from collections.abc import Iterator, Mapping, Sequence

from runner import billing
from runner.billing import Hourly
from runner.clock import stamp
from runner.console import durations, going_on, texts
from runner.console.lines import safe, table
from runner.facts import Resource, ResourceKind, Target
from runner.journal import Json
from runner.orphans import Finding, Key, Standing

_SECONDS_A_DAY = 86_400


def told(
    workspace: Target,
    seen: Sequence[Finding],
    costs: Mapping[Key, Hourly | None],
    *,
    deleted: Mapping[Key, str] | None,
) -> Iterator[str]:
    """Give one line each, then what can be done."""
    yield safe(f"workspace {workspace.workspace_name} on {texts.where(workspace.kind)}")
    if not seen:
        yield "nothing is alive under our tags"
        return
    yield from table([_row(each, costs[each.key]) for each in seen])
    yield from going_on.sum_of(tuple(cost for each in seen if (cost := costs[each.key])))
    yield from (f"  kept: {_name(each.resource)}: {each.why_kept}" for each in seen if each.why_kept)
    yield from _advice(seen) if deleted is None else _outcome(deleted, seen)


def as_json(each: Finding, cost: Hourly | None, deleted: Mapping[Key, str] | None) -> Mapping[str, Json]:
    """Give a finding as values; `deleted` is null where that was not asked for, or it went with another."""
    resource = each.resource
    reason = (deleted or {}).get(each.key)
    return {
        "kind": resource.kind.value,
        "name": resource.name,
        "endpoint": resource.parent or None,
        "status": resource.status,
        "run": each.run,
        "recipe": each.recipe,
        "standing": each.standing.value,
        "runs": [str(folder) for folder in each.runs],
        "age_seconds": each.age,
        "expires": stamp(each.expires) if each.expires else None,
        "expired": each.expired,
        "why_kept": each.why_kept,
        "hourly": billing.as_json([cost])[0] if cost else None,
        "deleted": None if reason is None else not reason,
        "reason": reason or "",
    }


def _row(each: Finding, cost: Hourly | None) -> tuple[str, ...]:
    standing = each.standing.value
    if each.standing is Standing.ELSEWHERE:
        standing = f"in run {each.runs[-1].name} here, which was carried out elsewhere"
    late = ", past its endpoint_ttl" if each.expired else ""
    price = going_on.price(cost) if cost else "not billed"
    return (
        each.resource.kind.value,
        _name(each.resource),
        each.run,
        _age(each.age),
        price,
        f"{standing}{late}",
    )


def _age(seconds: float | None) -> str:
    if seconds is None:
        return "age unknown"
    days = round(seconds / _SECONDS_A_DAY)
    return f"{days} days" if days > 1 else durations.seconds(seconds)


def _name(resource: Resource) -> str:
    return f"{resource.parent}/{resource.name}" if resource.parent else resource.name


def _advice(seen: Sequence[Finding]) -> Iterator[str]:
    if any(each.standing is Standing.ORPHAN for each in seen):
        yield "delete what is in no run here with --delete (--run ID: only what that run made)"
        yield "  what another person's runs, or another folder's, have made looks the same from here"
    if any(each.expired for each in seen):
        yield "delete what is past its endpoint_ttl with --delete --expired"


def _outcome(deleted: Mapping[Key, str], seen: Sequence[Finding]) -> Iterator[str]:
    if not deleted:
        kept = sum(1 for each in seen if each.why_kept)
        yield f"nothing was deleted; {kept} were kept" if kept else "there was nothing to delete"
    for (kind, endpoint, name), reason in deleted.items():
        gone = "has stopped" if kind == ResourceKind.JOB.value else "is proven gone"
        said = f"may still be there: {reason}" if reason else gone
        yield safe(f"{kind} {f'{endpoint}/' if endpoint else ''}{name} {said}")
