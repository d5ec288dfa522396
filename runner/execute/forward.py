"""Carry out a plan: each step once what it needs is done, several at once where they can."""

from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter

from runner.execute.attempting import Walk, carry_out_step
from runner.execute.limits import end_of_run
from runner.execute.remaining import remaining
from runner.execute.run import Run, stop
from runner.execute.waiting import Interrupted
from runner.manifest import StepRecord, StepStatus
from runner.plan import Plan
from runner.steps.step import Change, Context


def forward(run: Run, plan: Plan, context: Context) -> None:
    """Carry out a plan, or what the journal says is left of it.

    After a failure no new step begins, those under way (also by an earlier process) are waited for, and the
    first error is raised. After a Ctrl-C, or once `stop` is set, none begins either, and those under way stop
    waiting: what they asked the cloud for goes on there; KeyboardInterrupt is raised.
    `context` lacks the outputs; they come from the journal.
    """
    changes = {change.step: change for change in plan.changes}
    left = remaining(run.manifest, plan.changes)
    walk = Walk(
        run=run,
        context=context,
        remaining=left,
        needed=frozenset(need for name in left for need in changes[name].needs) - left,
        begun=frozenset(name for name in left if _is_begun(run.manifest.steps.get(name))),
        end=end_of_run(run, context.recipe),
    )
    errors = _walked(walk, changes)
    if errors:
        raise _decisive(errors)


def _is_begun(record: StepRecord | None) -> bool:
    """Tell whether an earlier process asked the cloud for it, and left before that was decided."""
    return record is not None and record.changed and record.status is StepStatus.RUNNING


def _decisive(errors: list[BaseException]) -> BaseException:
    """Give what ends the run: an interruption, whatever else failed meanwhile, else the first failure."""
    told = [error for error in errors if not isinstance(error, Interrupted)]
    return next((error for error in told if isinstance(error, KeyboardInterrupt)), None) or next(
        iter(told), KeyboardInterrupt()
    )


def _walked(walk: Walk, changes: dict[str, Change]) -> list[BaseException]:
    """Walk the steps in an order in which they can be done; give what went wrong."""
    order = TopologicalSorter({name: change.needs for name, change in changes.items()})
    order.prepare()
    ready: deque[str] = deque()
    errors: list[BaseException] = []
    under_way: dict[Future[None], str] = {}
    with ThreadPoolExecutor(max_workers=walk.run.at_once, thread_name_prefix="step") as pool:
        while True:
            try:
                ready.extend(order.get_ready())
                for name in _to_begin(walk, ready, free=walk.run.at_once - len(under_way)):
                    under_way[pool.submit(carry_out_step, walk, changes[name])] = name
                if not under_way:
                    return errors or _cut_short(walk, ready)
                errors += _ended(order, under_way)
            except KeyboardInterrupt as interrupt:
                stop(walk.run, interrupt)
                errors.append(interrupt)


def _to_begin(walk: Walk, ready: deque[str], *, free: int) -> list[str]:
    """Take those that begin together: one that fails at once does not keep its neighbours from beginning."""
    if walk.run.stop.is_set():
        return []
    new: frozenset[str] = walk.remaining - walk.begun if walk.failed.is_set() else frozenset()
    names = [name for name in ready if name not in new][:free]
    for name in names:
        ready.remove(name)
    return names


def _cut_short(walk: Walk, ready: deque[str]) -> list[BaseException]:
    """Tell of a stop that came between two steps, where none was there to notice."""
    return [Interrupted()] if ready and walk.run.stop.is_set() else []


def _ended(order: TopologicalSorter[str], under_way: dict[Future[None], str]) -> list[BaseException]:
    """Wait for the next steps to end and give their errors."""
    done = wait(under_way, return_when=FIRST_COMPLETED).done
    errors = [error for future in done if (error := future.exception())]
    order.done(*(under_way.pop(future) for future in done))
    return errors
