"""Take back what a run made: what still runs, then the rest, last first."""

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter

from runner.execute.deletion import left_to_others, take_back
from runner.execute.run import Run, stop
from runner.manifest import Manifest, StepRecord, StepStatus
from runner.steps import STEPS
from runner.steps.step import Action


def backward(run: Run, *, down: bool, spared: Collection[str] = ()) -> tuple[str, ...]:
    """Delete what the run created, and give what may still be there.

    With `down`, also what an earlier run of the recipe made and this one reused, where its step says so and
    no other run has a use for it. The resources of the steps `spared` stay, and stay listed.
    Idempotent: what is gone already is only looked at. One deletion that fails does not keep the others.
    """
    manifest = run.manifest
    chosen = [
        name
        for name in to_take_back(manifest, down=down)
        if name not in spared and not left_to_others(run, name)
    ]
    along = {taken for name in chosen for taken in STEPS[name].traits.takes_along}
    # What runs is stopped first: while an endpoint takes its minutes to go, a training would go on and cost.
    in_order = sorted(
        (name for name in reversed(chosen) if name not in along),
        key=lambda name: not STEPS[name].traits.stopped,
    )
    left = _each(run, in_order, lambda name: take_back(run, name, down=down))
    return tuple(_named(name, manifest) for name in in_order if name in left)


def to_take_back(manifest: Manifest, *, down: bool) -> tuple[str, ...]:
    """Give the steps whose resources a walk backward would take back."""
    alive = {resource.step for resource in manifest.alive}
    return tuple(
        name for name in STEPS if _to_delete(manifest.steps.get(name), name, alive=name in alive, down=down)
    )


def cancel(run: Run) -> tuple[str, ...]:
    """End what a run has running in the cloud (its job), and give what may still run."""
    manifest = run.manifest
    alive = [resource.step for resource in manifest.alive if STEPS[resource.step].traits.stopped]
    return tuple(_named(name, manifest) for name in alive if take_back(run, name))


def _each(run: Run, names: Sequence[str], take: Callable[[str], str]) -> set[str]:
    """Take each step's resource back once those that used it are; give the steps whose are not proven gone.

    What is not connected goes at the same time. Raises what a deletion raised once those under way are over,
    and KeyboardInterrupt after a Ctrl-C, which ends their waiting.
    """
    order = TopologicalSorter(
        {name: {each for each in names if name in STEPS[each].traits.needs} for name in names}
    )
    order.prepare()
    left: set[str] = set()
    under_way: dict[Future[str], str] = {}
    with ThreadPoolExecutor(max_workers=run.at_once, thread_name_prefix="cleanup") as pool:
        try:
            while order.is_active():
                under_way |= {pool.submit(take, name): name for name in order.get_ready()}
                for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                    name = under_way.pop(future)
                    left |= {name} if future.result() else set()
                    order.done(name)
        except KeyboardInterrupt as interrupt:
            stop(run, interrupt)
            raise
    return left


def _to_delete(record: StepRecord | None, name: str, *, alive: bool, down: bool) -> bool:
    """Tell whether a step's resource is this walk's to take back: what it made, and what still may bill."""
    if record is None or not record.intent or record.status is StepStatus.DELETED:
        return False
    traits = STEPS[name].traits
    created = record.changed and record.action == Action.CREATE.value and (alive or not traits.bills)
    updated = record.changed and traits.restored
    return traits.cleaned and (created or updated or (down and traits.down_reused))


def _named(name: str, manifest: Manifest) -> str:
    return f"{STEPS[name].traits.kind} {manifest.steps[name].intent['name']}"
