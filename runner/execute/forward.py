"""Carry out a plan: each step once what it needs is done, several at once where they can."""

import os
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from graphlib import TopologicalSorter

from runner.errors import CloudUnavailable, ExitCode, RunnerError, StepFailed
from runner.execute.mistakes import our_mistake
from runner.execute.run import Run
from runner.execute.waiting import Decided, Interrupted, until_settled, until_succeeded
from runner.journal import Event, Json
from runner.plan import Plan
from runner.steps import STEPS
from runner.steps.step import Action, Change, Context, Observation, Status, Step


def forward(run: Run, plan: Plan, context: Context) -> None:
    """Carry out a plan.

    After a failure no new step begins, those under way are waited for, and the first error is raised. A
    Ctrl-C does the same, but those under way stop waiting: what they asked the cloud for goes on there.
    `context` lacks the outputs; they come from the journal.
    """
    changes = {change.step: change for change in plan.changes}
    order = TopologicalSorter({name: change.needs for name, change in changes.items()})
    order.prepare()
    errors: list[BaseException] = []
    with ThreadPoolExecutor(max_workers=max(1, len(changes)), thread_name_prefix="step") as pool:
        under_way: dict[Future[None], str] = {}
        while True:
            try:
                for name in () if errors else order.get_ready():
                    under_way[pool.submit(_step, run, context, changes[name])] = name
                if not under_way:
                    break
                errors += _ended(order, under_way)
            except KeyboardInterrupt as interrupt:
                _stop(run)
                errors.append(interrupt)
    if errors:
        raise next((error for error in errors if not isinstance(error, Interrupted)), errors[0])


def _ended(order: TopologicalSorter[str], under_way: dict[Future[None], str]) -> list[BaseException]:
    """Wait for the next steps to end and give their errors."""
    done = wait(under_way, return_when=FIRST_COMPLETED).done
    order.done(*(under_way.pop(future) for future in done))
    return [error for future in done if (error := future.exception())]


def _stop(run: Run) -> None:
    if run.stop.is_set():  # the second Ctrl-C: nothing is lost, the journal is on disk
        os._exit(ExitCode.INTERRUPTED)
    run.stop.set()


def _step(run: Run, context: Context, change: Change) -> None:
    if run.stop.is_set():
        raise Interrupted
    run.observer.started(change)
    run.journal.append(Event.STEP_STARTED, step=change.step, data={"action": change.action.value})
    try:
        _carry_out(run, context, change)
    except Interrupted:
        raise
    except RunnerError as error:
        _record_failure(run, change, error)
        raise
    except Exception as error:
        mistake = our_mistake(error)
        _record_failure(run, change, mistake)
        raise mistake from error
    finally:
        run.save()


def _carry_out(run: Run, context: Context, change: Change) -> None:
    step = STEPS[change.step]
    context = replace(context, outputs=_outputs(run))
    intent = step.intend(context)
    change = replace(change, name=str(intent["name"]))
    action = Action.READ if change.action is Action.READ else Action.REUSE
    seen = until_settled(run, change, lambda: step.observe(context, intent))
    if seen.status in {Status.ABSENT, Status.DIFFERS}:
        action = Action.CREATE if seen.status is Status.ABSENT else Action.UPDATE
        seen = _act(run, change, context=context, intent=intent, action=action)
    if seen.status is not Status.SUCCEEDED:
        raise Decided(seen)
    run.journal.append(Event.DONE, step=change.step, data=_result(change, action, intent, seen))
    run.observer.succeeded(change, action, seen)


def _outputs(run: Run) -> Mapping[str, Mapping[str, Json]]:
    return {name: record.outputs for name, record in run.manifest.steps.items()}


def _act(
    run: Run, change: Change, *, context: Context, intent: Mapping[str, Json], action: Action
) -> Observation:
    """Write the intent, ask, and look until it is decided. What an unanswered request did, the looks tell."""
    step: Step = STEPS[change.step]
    data = {"action": action.value, "intent": intent, "kind": change.kind, "bills": step.traits.bills}
    run.journal.append(Event.INTENT, step=change.step, data=data)
    run.observer.acting(change, action)
    unanswered: CloudUnavailable | None = None
    try:
        step.create(context, intent)
    except CloudUnavailable as error:
        unanswered = error
    try:
        return until_succeeded(run, change, lambda: step.observe(context, intent))
    except StepFailed as error:
        if unanswered and not isinstance(error, Decided):
            raise unanswered from error
        raise


def _result(change: Change, action: Action, intent: Mapping[str, Json], seen: Observation) -> dict[str, Json]:
    traits = STEPS[change.step].traits
    used = action in {Action.READ, Action.REUSE}
    return {
        "action": action.value,
        "intent": intent,
        "kind": change.kind,
        # A cluster that was there is only used; an endpoint that an earlier run made is the recipe's own.
        "bills": traits.bills and (not used or traits.down_reused),
        "outputs": seen.outputs,
        "metrics": seen.metrics,
        "detail": seen.detail,
        "ended": seen.ended,
    }


def _record_failure(run: Run, change: Change, error: RunnerError) -> None:
    seen = error.seen if isinstance(error, Decided) else None
    data: dict[str, Json] = {"error": error.message, "ended": bool(seen and seen.ended)}
    if seen:
        data["outputs"] = seen.outputs
    run.journal.append(Event.FAILED, step=change.step, data=data)
    run.observer.failed(change, error)
