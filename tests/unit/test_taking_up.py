"""A run taken up after its process was killed: recorded intents are used again, what is there is adopted."""

import time
from dataclasses import replace

import pytest

from runner.errors import CloudUnavailable, StepFailed
from runner.execute import GRACE_SECONDS
from runner.journal import Event, Json
from runner.manifest import RunStatus, StepStatus
from runner.recipe import Cleanup
from runner.steps.step import Context, Observation, Status, Traits
from tests.unit.bench import (
    ABSENT,
    DIFFERS,
    EARLIER_RUN,
    FAILED,
    IN_PROGRESS,
    SUCCEEDED,
    Bench,
    FakeStep,
    Killed,
    killed,
    needing,
)


def killed_while_asking(bench: Bench, name: str = "compute", **others: Json) -> FakeStep:
    """Have a step whose intent is on disk and whose request was never answered."""
    step = bench.step(name, ABSENT, on_create=killed, **others)
    with pytest.raises(Killed):
        bench.forward()
    bench.another_life()
    step.on_create = lambda: None
    return step


def test_what_was_meant_and_is_not_there_is_asked_for_as_it_was_meant(bench: Bench) -> None:
    step = killed_while_asking(bench)
    meant = bench.run.manifest.steps["compute"].intent
    asked: list[Json] = []
    step.on_create = lambda: asked.append(bench.run.manifest.steps["compute"].intent)
    step.looks = [ABSENT, SUCCEEDED]
    bench.context = replace(bench.context, outputs={"changed": {}})
    bench.forward()
    assert bench.calls == ["create compute"]
    assert asked == [meant]
    assert [each.data["attempt"] for each in bench.records("compute") if each.event is Event.INTENT] == [1]


def test_an_intent_is_never_computed_anew(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def another(_step: FakeStep, _context: Context) -> Json:
        return {"name": "another"}

    step = killed_while_asking(bench)
    monkeypatch.setattr(FakeStep, "intend", another)
    step.looks = [ABSENT, SUCCEEDED]
    bench.forward()
    assert bench.run.manifest.steps["compute"].intent["name"] == "my-compute"


def test_what_was_begun_is_waited_for_though_another_step_had_failed(bench: Bench) -> None:
    def fail_once_the_job_is_there() -> None:
        endpoint.looks = [FAILED] if "create finetune" in bench.calls else endpoint.looks

    def leave_once_the_endpoint_has_failed() -> None:
        if Event.FAILED in bench.events("endpoint"):
            killed()

    compute = bench.step("compute", ABSENT, SUCCEEDED)
    endpoint = bench.step("endpoint", ABSENT, IN_PROGRESS, on_look=fail_once_the_job_is_there)
    job = bench.step("finetune", ABSENT, IN_PROGRESS, traits=needing("compute"))
    job.on_look = leave_once_the_endpoint_has_failed
    bench.step("register", traits=needing("finetune"), on_look=killed)
    with pytest.raises((Killed, StepFailed)):
        bench.forward()
    bench.another_life()
    compute.on_look = lambda: time.sleep(0.2)  # the failure is known before what the job needs is
    job.on_look, job.looks = (lambda: None), [IN_PROGRESS, IN_PROGRESS, SUCCEEDED]
    with pytest.raises(StepFailed, match="no quota"):
        bench.forward()
    assert bench.run.manifest.steps["finetune"].status is StepStatus.SUCCEEDED
    assert bench.events("register") == []


@pytest.mark.parametrize("there", [IN_PROGRESS, SUCCEEDED], ids=["under way", "done"])
def test_what_was_meant_and_is_there_is_adopted(bench: Bench, there: Observation) -> None:
    step = killed_while_asking(bench)
    step.looks = [there, SUCCEEDED]
    bench.forward()
    assert bench.calls == []
    record = bench.run.manifest.steps["compute"]
    assert (record.status, record.action, record.attempt) == (StepStatus.SUCCEEDED, "create", 1)
    assert [each.name for each in bench.run.manifest.alive] == ["my-compute"]


def test_what_is_there_but_not_complete_was_carried_out(bench: Bench) -> None:
    step = killed_while_asking(bench)
    step.looks = [DIFFERS, DIFFERS, SUCCEEDED]
    bench.forward()
    assert bench.calls == []


def test_what_somebody_else_made_meanwhile_is_only_used(bench: Bench) -> None:
    step = killed_while_asking(bench)
    step.looks, step.tags = [SUCCEEDED], EARLIER_RUN
    bench.forward()
    assert bench.run.manifest.alive == []
    assert bench.backward() == ()
    assert bench.calls == []


def test_what_was_accepted_and_is_not_there_is_waited_for_and_never_asked_for_again(bench: Bench) -> None:
    step = bench.step("compute", ABSENT, ABSENT)
    step.on_look = lambda: killed() if step.calls else None
    with pytest.raises(Killed):
        bench.forward()
    assert bench.events("compute")[-1] is Event.ACKNOWLEDGED
    bench.another_life()
    with pytest.raises(StepFailed, match="was accepted, but it is not there"):
        bench.forward()
    assert bench.calls == []
    assert GRACE_SECONDS < bench.run.clock.monotonic() < GRACE_SECONDS * 1.1


def test_what_was_seen_and_is_gone_has_vanished(bench: Bench) -> None:
    step = bench.step("compute", ABSENT, IN_PROGRESS)
    step.on_look = lambda: killed() if Event.OBSERVED in bench.events("compute") else None
    with pytest.raises(Killed):
        bench.forward()
    bench.another_life()
    step.on_look = lambda: None
    step.looks = [ABSENT]
    with pytest.raises(StepFailed, match="thing my-compute has vanished") as caught:
        bench.forward()
    assert "deleted by somebody else" in caught.value.hint


def half_done(bench: Bench) -> tuple[FakeStep, FakeStep]:
    """Have a cluster that is done and a job, which needs it, that is not yet asked for."""
    compute = bench.step("compute", ABSENT, SUCCEEDED)
    finetune = bench.step("finetune", ABSENT, SUCCEEDED, traits=needing("compute"), on_look=killed)
    with pytest.raises(Killed):
        bench.forward()
    bench.another_life()
    finetune.on_look = lambda: None
    return compute, finetune


def test_what_is_done_is_not_done_again(bench: Bench) -> None:
    half_done(bench)
    before = bench.records("compute")
    bench.forward()
    assert bench.calls == ["create finetune"]
    assert bench.records("compute") == before


@pytest.mark.parametrize("now", [ABSENT, DIFFERS, FAILED], ids=["gone", "changed", "failed"])
def test_what_is_done_and_needed_but_not_as_it_was_left_stops_the_run(bench: Bench, now: Observation) -> None:
    compute, _ = half_done(bench)
    compute.looks = [now]
    with pytest.raises(StepFailed, match="thing my-compute is no longer as this run left it"):
        bench.forward()
    assert bench.calls == []


def test_what_is_done_and_no_longer_needed_is_not_looked_at(bench: Bench) -> None:
    compute, finetune = half_done(bench)
    bench.step("register", ABSENT, SUCCEEDED, traits=needing("finetune"), on_look=killed)
    with pytest.raises(Killed):
        bench.forward()
    bench.another_life()
    compute.on_look = killed
    finetune.looks = [SUCCEEDED]
    bench.step("register", ABSENT, SUCCEEDED, traits=needing("finetune"))
    bench.changes.pop(-2)
    bench.forward()
    assert bench.calls == ["create register"]


def closed_as_failed(bench: Bench) -> None:
    bench.run.record(Event.RUN_CLOSED, data={"status": RunStatus.FAILED.value})
    bench.another_life()


def test_what_failed_in_a_run_that_was_closed_gets_another_attempt(bench: Bench) -> None:
    step = bench.step("finetune", ABSENT, FAILED)
    with pytest.raises(StepFailed):
        bench.forward()
    closed_as_failed(bench)
    step.looks = [FAILED, ABSENT, SUCCEEDED]
    bench.forward()
    assert bench.calls == ["create finetune"]
    assert bench.run.manifest.steps["finetune"].attempt == 2
    assert step.tags["runner.intent"].endswith("/finetune/2")


def test_what_failed_is_proven_gone_before_it_is_made_anew(bench: Bench) -> None:
    step = bench.step("deployment", ABSENT, replace(FAILED, ended=False))
    with pytest.raises(StepFailed):
        bench.forward()
    closed_as_failed(bench)
    step.looks = [FAILED, ABSENT, SUCCEEDED]
    bench.forward()
    assert bench.calls == ["delete my-deployment", "create deployment"]


def test_what_failed_and_does_not_go_keeps_the_next_attempt_from_being_made(bench: Bench) -> None:
    bench.step("deployment", ABSENT, replace(FAILED, ended=False), sticks=True)
    with pytest.raises(StepFailed):
        bench.forward()
    closed_as_failed(bench)
    with pytest.raises(StepFailed, match="no quota"):
        bench.forward()
    assert set(bench.calls) == {"delete my-deployment"}


def test_what_failed_by_a_mistake_of_ours_but_came_is_adopted(bench: Bench) -> None:
    def slip() -> None:
        raise KeyError("ours")

    step = bench.step("finetune", ABSENT, SUCCEEDED, on_create=slip)
    with pytest.raises(StepFailed):
        bench.forward()
    closed_as_failed(bench)
    step.looks = [IN_PROGRESS, SUCCEEDED]
    bench.forward()
    assert bench.calls == []
    assert bench.run.manifest.steps["finetune"].attempt == 1


def test_a_failure_that_was_recorded_before_the_process_ended_is_not_forgotten(bench: Bench) -> None:
    step = bench.step("finetune", ABSENT, FAILED)
    with pytest.raises(StepFailed):
        bench.forward()
    bench.another_life()
    step.looks = [FAILED, ABSENT, SUCCEEDED]
    with pytest.raises(StepFailed, match="no quota"):
        bench.forward()
    assert bench.calls == []


def test_what_was_taken_back_is_made_anew_only_where_it_is_still_needed(bench: Bench) -> None:
    bench.step("compute", ABSENT, SUCCEEDED)
    bench.step("finetune", ABSENT, replace(SUCCEEDED, ended=True), traits=needing("compute"))
    bench.step("endpoint", ABSENT, SUCCEEDED)
    bench.step("deployment", ABSENT, FAILED, traits=needing("endpoint", "finetune"))
    with pytest.raises(StepFailed):
        bench.forward()
    assert bench.backward() == ()
    closed_as_failed(bench)
    for name in ("endpoint", "deployment"):
        step = bench.step(
            name, ABSENT, ABSENT, SUCCEEDED, traits=Traits(kind="thing", bills=True, cleaned=True)
        )
        step.there = True
        bench.changes.pop()
    bench.forward()
    assert bench.calls == ["create endpoint", "create deployment"]
    assert bench.run.manifest.steps["compute"].status is StepStatus.DELETED


def test_what_was_asked_for_and_not_seen_yet_may_still_come_and_is_then_taken_back(bench: Bench) -> None:
    step = killed_while_asking(bench)
    step.there = False

    def appears() -> None:
        step.there = step.there or (not step.calls and bench.run.clock.monotonic() > GRACE_SECONDS / 2)

    step.on_standing = appears
    assert bench.backward() == ()
    assert bench.calls == ["delete my-compute"]


def test_what_was_asked_for_and_never_comes_is_gone_after_the_grace(bench: Bench) -> None:
    step = killed_while_asking(bench)
    step.there = False
    assert bench.backward() == ()
    assert GRACE_SECONDS < bench.run.clock.monotonic() < GRACE_SECONDS * 1.1
    assert bench.run.manifest.alive == []


def test_a_deletion_that_was_cut_off_is_ended_before_the_next_attempt(bench: Bench) -> None:
    step = bench.step(
        "deployment",
        ABSENT,
        replace(FAILED, ended=False),
        traits=Traits(kind="deployment", bills=True, cleaned=True, retried=True),
    )
    bench.with_recipe(retries=replace(bench.context.recipe.retries, failed=1))
    step.on_delete = killed
    with pytest.raises(Killed):
        bench.forward()
    bench.another_life()
    step.on_delete = lambda: None
    step.looks = [Observation(status=Status.IN_PROGRESS, detail="Deleting"), ABSENT, SUCCEEDED]

    def gone() -> None:
        step.looks = [ABSENT, SUCCEEDED]

    step.on_delete = gone
    bench.forward()
    assert bench.calls == ["delete my-deployment", "create deployment"]
    assert bench.run.manifest.steps["deployment"].attempt == 2


def test_looks_that_were_not_answered_do_not_tell_that_nothing_is_there(bench: Bench) -> None:
    def appears() -> None:
        late = bench.run.clock.monotonic() > since + GRACE_SECONDS / 2
        step.there = step.there or (late and not step.calls)

    step = bench.step("compute", ABSENT, CloudUnavailable("HTTP 503"), there=False)
    with pytest.raises(CloudUnavailable):
        bench.forward()
    bench.another_life()
    since, step.on_standing = bench.run.clock.monotonic(), appears
    assert bench.backward() == ()
    assert bench.calls == ["delete my-compute"]


def test_what_only_unanswered_looks_were_about_has_not_vanished(bench: Bench) -> None:
    step = killed_while_asking(bench)
    step.looks = [CloudUnavailable("HTTP 503"), ABSENT]
    bench.run.record(Event.ACKNOWLEDGED, step="compute")
    with pytest.raises(StepFailed, match="was accepted, but it is not there"):
        bench.forward()


@pytest.mark.parametrize("cleanup", [Cleanup.NEVER, Cleanup.ALWAYS])
@pytest.mark.parametrize("down_reused", [False, True])
def test_of_two_runs_that_ask_at_once_the_one_without_its_tag_only_uses_it(
    bench: Bench, cleanup: Cleanup, *, down_reused: bool
) -> None:
    step = bench.step("endpoint", ABSENT, SUCCEEDED, traits=needing(down_reused=down_reused))
    step.on_create = lambda: setattr(step, "tags", EARLIER_RUN)
    outcome = bench.carry_out(cleanup)
    assert (outcome.exit_code, outcome.billing) == (0, None)
    assert bench.calls == ["create endpoint"]
    assert outcome.manifest.steps["endpoint"].action == "reuse"
    assert [each.name for each in outcome.manifest.alive] == (["my-endpoint"] if down_reused else [])


@pytest.mark.parametrize("there", [IN_PROGRESS, SUCCEEDED], ids=["under way", "done"])
def test_what_this_run_asked_for_is_its_own_though_a_repair_has_lost_the_intent(
    bench: Bench, there: Observation
) -> None:
    def listed_meanwhile() -> None:
        listed.append([each.name for each in bench.run.manifest.alive])

    listed: list[list[str]] = []
    step = bench.step("compute", there, SUCCEEDED, tags={**EARLIER_RUN, "runner.run": bench.context.run_id})
    step.on_look = listed_meanwhile
    bench.run.record(Event.REPAIRED, data={"dropped": []})
    bench.forward()
    assert listed[0] == ["my-compute"]
    assert bench.run.manifest.steps["compute"].action == "create"
    assert bench.backward() == ()
    assert bench.calls == ["delete my-compute"]


@pytest.mark.parametrize("repaired", [False, True])
def test_what_an_earlier_run_made_is_only_used_after_a_repair_as_well(
    bench: Bench, *, repaired: bool
) -> None:
    bench.step("compute", SUCCEEDED)
    if repaired:
        bench.run.record(Event.REPAIRED, data={"dropped": []})
    bench.forward()
    assert bench.run.manifest.alive == []
    assert bench.events("compute") == [Event.STEP_STARTED, Event.DONE]


def test_what_this_run_has_updated_is_not_taken_for_its_own_after_a_repair(bench: Bench) -> None:
    step = bench.step("deployment", DIFFERS, FAILED)
    with pytest.raises(StepFailed):
        bench.forward()
    bench.run.record(Event.REPAIRED, data={"dropped": []})
    closed_as_failed(bench)
    step.looks = [FAILED, DIFFERS, SUCCEEDED]
    bench.forward()
    assert bench.run.manifest.steps["deployment"].action == "update"
