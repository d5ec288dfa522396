"""What a run made, taken back: last first, only what is proven its own, gone only when a look says so."""

import os
import signal
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import pytest

from runner.errors import CloudUnavailable, Conflict, RunnerError, StepFailed
from runner.execute import DELETE_SECONDS, PATIENCE_SECONDS, cancel
from runner.facts import ComputeState, EndpointState, JobState, Provisioning, Resource, ResourceKind
from runner.journal import Event, read
from runner.manifest import StepStatus
from runner.recipe import Compute
from runner.steps import STEPS
from runner.steps.step import Observation, Status, Traits
from tests.unit.bench import ABSENT, AZURE, DIFFERS, EARLIER_RUN, FOREIGN, SUCCEEDED, Bench, needing

NOT_OURS = "it is there, but not from this run: left alone"


def test_cleanup_takes_back_what_the_run_created_last_first(bench: Bench) -> None:
    bench.step("compute", ABSENT, SUCCEEDED)
    bench.step("endpoint", ABSENT, SUCCEEDED, traits=needing("compute"))
    bench.step("deployment", ABSENT, SUCCEEDED, traits=needing("endpoint"))
    bench.forward()
    bench.calls.clear()
    assert bench.backward() == ()
    assert bench.calls == ["delete my-deployment", "delete my-endpoint", "delete my-compute"]
    assert bench.run.manifest.alive == []
    assert {record.status for record in bench.run.manifest.steps.values()} == {StepStatus.DELETED}


def test_cleanup_stops_what_runs_before_anything_else(bench: Bench) -> None:
    bench.step("compute", ABSENT, SUCCEEDED)
    bench.step("finetune", ABSENT, SUCCEEDED, traits=replace(STEPS["finetune"].traits, needs=()))
    bench.step("endpoint", ABSENT, SUCCEEDED)
    bench.forward()
    bench.calls.clear()
    assert bench.backward() == ()
    assert bench.calls == ["delete my-finetune", "delete my-endpoint", "delete my-compute"]


def test_cleanup_leaves_what_was_reused_updated_or_keeps_no_bill(bench: Bench) -> None:
    bench.step("compute", SUCCEEDED)
    bench.step("deployment", DIFFERS, SUCCEEDED)
    bench.step("dataset", ABSENT, SUCCEEDED, traits=Traits(kind="data asset"))
    bench.step("finetune", ABSENT, Observation(status=Status.SUCCEEDED, ended=True))
    bench.forward()
    bench.calls.clear()
    assert bench.backward() == ()
    assert bench.calls == []


def test_cleanup_undoes_an_update_that_can_be_undone(bench: Bench) -> None:
    bench.step("traffic", DIFFERS, SUCCEEDED, traits=Traits(kind="traffic", cleaned=True, restored=True))
    bench.forward()
    assert bench.backward() == ()
    assert bench.calls == ["create traffic", "delete my-traffic"]


def test_what_turned_out_foreign_after_the_intent_is_left_alone(bench: Bench) -> None:
    step = bench.step("compute", ABSENT, FOREIGN)
    step.on_create = lambda: setattr(step, "tags", {})
    with pytest.raises(StepFailed, match="somebody else's"):
        bench.forward()
    assert bench.backward() == ("thing my-compute",)
    assert bench.calls == ["create compute"]
    assert bench.told("compute") == {"reason": NOT_OURS}


@dataclass
class Computes:
    """Clusters of a workspace: at most one, and what comes when one is asked for."""

    comes: ComputeState
    found: ComputeState | None = None
    deleted: list[str] = field(default_factory=list)

    def get(self, _name: str) -> ComputeState | None:
        return self.found

    def create(self, _section: Compute, *, description: str | None, tags: Mapping[str, str]) -> None:
        del description
        self.found = replace(self.comes, tags={**tags, **self.comes.tags})

    def delete(self, name: str) -> None:
        self.deleted.append(name)
        self.found = None

    def listed(self, _name: str) -> bool:
        return self.found is not None


A100 = "Standard_NC24ads_A100_v4"
CLUSTER = ComputeState(
    id="/gpu",
    name="gpu",
    kind="amlcompute",
    size=A100,
    tier="dedicated",
    max_instances=1,
    provisioning=Provisioning.FAILED,
    error="OutOfCapacity",
)


def test_a_cluster_of_the_runs_own_that_failed_is_deleted(bench: Bench) -> None:
    computes = Computes(CLUSTER)
    bench.on(SimpleNamespace(computes=computes), f"compute: {{name: gpu, size: {A100}, gpus_per_node: 1}}")
    with pytest.raises(StepFailed, match="OutOfCapacity"):
        bench.forward()
    assert bench.backward() == ()
    assert computes.deleted == ["gpu"]


@pytest.mark.parametrize(
    "tags",
    [
        {"runner.recipe": "other"},
        {"runner.run": EARLIER_RUN["runner.run"]},
        {"runner.recipe": "", "runner.run": ""},
    ],
)
@pytest.mark.parametrize("down", [False, True])
def test_a_cluster_that_others_made_meanwhile_is_left_alone(
    bench: Bench, tags: Mapping[str, str], *, down: bool
) -> None:
    computes = Computes(replace(CLUSTER, size="Standard_NC4as_T4_v3", tags=tags))
    bench.on(SimpleNamespace(computes=computes), f"compute: {{name: gpu, size: {A100}, gpus_per_node: 1}}")
    with pytest.raises(StepFailed, match="has size"):
        bench.forward()
    assert bench.backward(down=down) == ("compute gpu",)
    assert computes.deleted == []
    assert bench.told("compute") == {"reason": NOT_OURS}


@dataclass
class Endpoints:
    """Endpoints of a workspace: one, that is there."""

    found: EndpointState | None
    deleted: list[str] = field(default_factory=list)
    below: tuple[Resource, ...] = ()

    def get(self, _name: str) -> EndpointState | None:
        return self.found

    def deployments(self, _endpoint: str) -> tuple[Resource, ...]:
        return self.below

    def delete(self, name: str) -> None:
        self.deleted.append(name)
        self.found = None

    def listed(self, _name: str) -> bool:
        return self.found is not None


def endpoint(tags: Mapping[str, str]) -> EndpointState:
    return EndpointState(id="/e", name="my-chat", provisioning=Provisioning.SUCCEEDED, tags=tags)


def test_only_down_deletes_the_endpoint_of_an_earlier_run_of_the_recipe(bench: Bench) -> None:
    endpoints = Endpoints(endpoint(EARLIER_RUN))
    bench.on(SimpleNamespace(endpoints=endpoints, target=AZURE), "endpoint: {name: my-chat}")
    bench.forward()
    assert bench.backward() == ()
    assert endpoints.deleted == []
    assert bench.backward(down=True) == ()
    assert endpoints.deleted == ["my-chat"]


def behind(tags: Mapping[str, str]) -> tuple[Resource, ...]:
    kind = ResourceKind.DEPLOYMENT
    return (Resource(kind=kind, name="demo", id="/demo", status="Succeeded", parent="my-chat", tags=tags),)


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        (EARLIER_RUN, "of run 20261120T082300Z-small-0000: runner down 20261120T082300Z-small-0000"),
        ({}, "which no run made"),
    ],
)
def test_an_endpoint_that_was_only_reused_and_serves_others_is_left_to_them(
    bench: Bench, tags: Mapping[str, str], reason: str
) -> None:
    endpoints = Endpoints(endpoint(EARLIER_RUN), below=behind(tags))
    bench.on(SimpleNamespace(endpoints=endpoints, target=AZURE), "endpoint: {name: my-chat}")
    bench.forward()
    assert bench.backward(down=True) == ()
    assert endpoints.deleted == []
    assert reason in bench.told("endpoint")["left"]
    assert bench.run.manifest.alive == []
    assert bench.run.manifest.steps["endpoint"].status is StepStatus.SUCCEEDED


def test_of_an_endpoint_that_is_left_the_runs_own_deployment_goes(bench: Bench) -> None:
    serving = replace(
        needing(down_reused=True, takes_along=("deployment",)), serves_others=lambda *_: "it serves another"
    )
    bench.step("endpoint", SUCCEEDED, traits=serving)
    bench.step("deployment", ABSENT, SUCCEEDED, traits=needing("endpoint"))
    bench.forward()
    assert bench.backward(down=True) == ()
    assert bench.calls == ["create deployment", "delete my-deployment"]
    assert bench.run.manifest.alive == []


def test_an_endpoint_of_which_it_is_not_known_whom_it_serves_is_not_deleted(bench: Bench) -> None:
    def unknown(*_: object) -> str:
        raise CloudUnavailable("HTTP 503")

    serving = replace(needing(down_reused=True), serves_others=unknown)
    bench.step("endpoint", SUCCEEDED, traits=serving)
    bench.forward()
    assert bench.backward(down=True) == ("thing my-endpoint",)
    assert bench.calls == []


def test_an_endpoint_that_serves_only_this_runs_deployment_goes_with_it(bench: Bench) -> None:
    own = {"runner.recipe": "small", "runner.run": bench.run.manifest.run_id}
    endpoints = Endpoints(endpoint(EARLIER_RUN), below=behind(own))
    bench.on(SimpleNamespace(endpoints=endpoints, target=AZURE), "endpoint: {name: my-chat}")
    bench.forward()
    assert bench.backward(down=True) == ()
    assert endpoints.deleted == ["my-chat"]


@pytest.mark.parametrize("tags", [{"runner.recipe": "other"}, {}])
def test_the_endpoint_of_somebody_else_is_never_deleted(bench: Bench, tags: Mapping[str, str]) -> None:
    endpoints = Endpoints(endpoint(EARLIER_RUN))
    bench.on(SimpleNamespace(endpoints=endpoints, target=AZURE), "endpoint: {name: my-chat}")
    bench.forward()
    endpoints.found = endpoint(tags)
    assert bench.backward(down=True) == ("endpoint my-chat",)
    assert endpoints.deleted == []
    assert bench.told("endpoint") == {"reason": NOT_OURS}


def test_only_down_takes_back_what_an_earlier_run_of_the_recipe_made(bench: Bench) -> None:
    bench.step("endpoint", SUCCEEDED, traits=needing(down_reused=True))
    bench.forward()
    assert bench.backward() == ()
    assert bench.calls == []
    assert [each.name for each in bench.run.manifest.alive] == ["my-endpoint"]
    assert bench.backward(down=True) == ()
    assert bench.calls == ["delete my-endpoint"]
    assert bench.run.manifest.alive == []


def test_what_goes_with_another_is_not_deleted_by_itself(bench: Bench) -> None:
    bench.step("endpoint", ABSENT, SUCCEEDED, traits=needing(takes_along=("deployment",)))
    bench.step("deployment", ABSENT, SUCCEEDED, traits=needing("endpoint"))
    bench.forward()
    bench.calls.clear()
    assert bench.backward() == ()
    assert bench.calls == ["delete my-endpoint"]
    assert bench.run.manifest.steps["deployment"].status is StepStatus.DELETED
    assert bench.run.manifest.alive == []


def test_a_second_cleanup_finds_nothing_to_do(bench: Bench) -> None:
    bench.step("compute", ABSENT, SUCCEEDED)
    bench.forward()
    bench.backward()
    bench.calls.clear()
    assert bench.backward(down=True) == ()
    assert bench.calls == []


def test_what_is_gone_already_is_only_looked_at(bench: Bench) -> None:
    step = bench.step("compute", ABSENT, SUCCEEDED)
    bench.forward()
    step.there = False
    assert bench.backward() == ()
    assert bench.calls == ["create compute"]
    assert bench.run.manifest.alive == []


def test_the_intent_to_delete_is_on_disk_before_the_deletion(bench: Bench) -> None:
    step = bench.step("compute", ABSENT, SUCCEEDED)
    bench.forward()
    written: list[list[Event]] = []
    step.on_delete = lambda: written.append(bench.events("compute"))
    bench.backward()
    assert written[0][-1] is Event.DELETE_INTENT
    assert bench.events("compute")[-1] is Event.DELETE_DONE


def test_a_deletion_that_is_never_confirmed_is_told_and_the_rest_still_goes(bench: Bench) -> None:
    bench.step("compute", ABSENT, SUCCEEDED)
    bench.step("endpoint", ABSENT, SUCCEEDED, sticks=True)
    bench.forward()
    assert bench.backward() == ("thing my-endpoint",)
    assert bench.run.clock.monotonic() > DELETE_SECONDS
    assert bench.events("endpoint")[-2:] == [Event.DELETE_INTENT, Event.DELETE_FAILED]
    assert [each.name for each in bench.run.manifest.alive] == ["my-endpoint"]
    assert bench.run.manifest.steps["compute"].status is StepStatus.DELETED


def test_a_look_that_is_not_answered_leaves_the_rest_to_go(bench: Bench) -> None:
    bench.step("compute", ABSENT, SUCCEEDED)
    step = bench.step("endpoint", ABSENT, SUCCEEDED)
    bench.forward()
    step.on_standing = unanswered
    assert bench.backward() == ("thing my-endpoint",)
    assert "delete my-compute" in bench.calls
    assert bench.told("endpoint") == {"reason": "HTTP 503"}


def test_a_look_that_is_not_answered_while_it_goes_is_looked_again(bench: Bench) -> None:
    def unanswered_at_first() -> None:
        if step.calls[-1] == "delete my-compute" and bench.run.clock.monotonic() < PATIENCE_SECONDS * 0.9:
            unanswered()

    step = bench.step("compute", ABSENT, SUCCEEDED, on_standing=unanswered_at_first)
    bench.forward()
    assert bench.backward() == ()
    assert bench.events("compute")[-1] is Event.DELETE_DONE
    assert bench.run.clock.monotonic() > PATIENCE_SECONDS * 0.9


def unanswered() -> None:
    raise CloudUnavailable("HTTP 503")


def test_a_deletion_that_is_refused_is_told_with_its_reason(bench: Bench) -> None:
    def refuse() -> None:
        raise StepFailed("HTTP 409: it has traffic")

    bench.step("endpoint", ABSENT, SUCCEEDED, on_delete=refuse)
    bench.forward()
    assert bench.backward() == ("thing my-endpoint",)
    assert read(bench.folder / "journal.jsonl")[-1].data == {"reason": "HTTP 409: it has traffic"}


def test_a_mistake_of_ours_in_one_deletion_does_not_keep_the_others(bench: Bench) -> None:
    bench.step("compute", ABSENT, SUCCEEDED)
    broken = bench.step("endpoint", ABSENT, SUCCEEDED)
    bench.forward()

    def slip() -> None:
        raise KeyError("ours")

    broken.on_delete = slip
    assert bench.backward() == ("thing my-endpoint",)
    assert bench.run.manifest.steps["compute"].status is StepStatus.DELETED
    assert Event.DELETE_FAILED in bench.events("endpoint")


def test_what_the_list_still_shows_is_not_gone(bench: Bench) -> None:
    step = bench.step("compute", ABSENT, SUCCEEDED)
    bench.forward()
    step.on_delete = lambda: setattr(step, "shown", True)
    assert bench.backward() == ("thing my-compute",)
    assert bench.told("compute") == {"reason": "its deletion was asked for, but is not confirmed"}


def test_what_a_look_no_longer_shows_but_the_list_does_is_not_called_gone(bench: Bench) -> None:
    step = bench.step("compute", ABSENT, SUCCEEDED)
    bench.forward()
    step.there, step.shown = False, True
    assert bench.backward() == ("thing my-compute",)
    assert bench.told("compute") == {"reason": "it is listed, but cannot be looked at"}
    assert bench.calls == ["create compute"]


def test_what_leaves_the_list_later_is_gone_then(bench: Bench) -> None:
    def leaves_at_last() -> None:
        step.shown = bench.run.clock.monotonic() < DELETE_SECONDS / 2

    step = bench.step("compute", ABSENT, SUCCEEDED, on_standing=leaves_at_last)
    bench.forward()
    assert bench.backward() == ()
    assert bench.run.clock.monotonic() > DELETE_SECONDS / 2


@pytest.mark.parametrize("error", [Conflict("HTTP 409: it is updating"), CloudUnavailable("HTTP 503")])
def test_a_deletion_that_cannot_be_done_yet_is_asked_for_again(bench: Bench, error: RunnerError) -> None:
    def refuse_twice() -> None:
        if bench.calls.count("delete my-compute") < 3:
            raise error

    bench.step("compute", ABSENT, SUCCEEDED, on_delete=refuse_twice)
    bench.forward()
    assert bench.backward() == ()
    assert bench.calls.count("delete my-compute") == 3


def test_a_deletion_that_cannot_be_done_for_long_is_told_with_its_reason(bench: Bench) -> None:
    def refuse() -> None:
        raise Conflict("HTTP 409: it has traffic")

    bench.step("compute", ABSENT, SUCCEEDED, on_delete=refuse)
    bench.forward()
    assert bench.backward() == ("thing my-compute",)
    assert bench.told("compute") == {"reason": "HTTP 409: it has traffic"}
    assert 5 < bench.calls.count("delete my-compute") < 15


def test_a_deletion_that_was_accepted_and_failed_is_asked_for_again(bench: Bench) -> None:
    step = bench.step("compute", ABSENT, SUCCEEDED, sticks=True)
    bench.forward()
    step.on_delete = lambda: setattr(step, "sticks", bench.calls.count("delete my-compute") < 2)
    assert bench.backward() == ()
    assert bench.calls.count("delete my-compute") == 2


def test_an_endpoint_that_another_run_of_the_recipe_made_meanwhile_is_left_to_it(bench: Bench) -> None:
    step = bench.step("endpoint", ABSENT, SUCCEEDED, traits=needing(down_reused=True))
    bench.forward()
    step.tags = EARLIER_RUN
    assert bench.backward() == ("thing my-endpoint",)
    assert bench.told("endpoint") == {"reason": NOT_OURS}


def test_cancelling_ends_the_job_and_nothing_else(bench: Bench) -> None:
    bench.step("compute", ABSENT, SUCCEEDED)
    bench.step("finetune", ABSENT, SUCCEEDED, traits=Traits(kind="job", bills=True, stopped=True))
    bench.forward()
    bench.calls.clear()
    assert cancel(bench.run) == ()
    assert bench.calls == ["delete my-finetune"]


def test_what_is_not_connected_goes_at_the_same_time(bench: Bench) -> None:
    together = threading.Barrier(2, timeout=10)
    bench.step("compute", ABSENT, SUCCEEDED, on_delete=together.wait)
    bench.step("endpoint", ABSENT, SUCCEEDED, on_delete=together.wait)
    bench.forward()
    assert bench.backward() == ()
    assert bench.run.manifest.alive == []


def test_a_ctrl_c_ends_the_waiting_of_all_deletions(bench: Bench) -> None:
    bench.step("compute", ABSENT, SUCCEEDED, sticks=True)
    bench.step(
        "endpoint", ABSENT, SUCCEEDED, sticks=True, on_delete=lambda: os.kill(os.getpid(), signal.SIGINT)
    )
    bench.forward()
    with pytest.raises(KeyboardInterrupt):
        bench.backward()
    assert bench.run.stop.is_set()
    assert {resource.deletion is None for resource in bench.run.manifest.alive} == {False}


def test_a_job_that_one_look_does_not_find_is_cancelled_all_the_same(bench: Bench) -> None:
    intent = {"name": "j-1"}
    made = {"action": "create", "intent": intent, "kind": "job", "bills": True, "attempt": 1}
    bench.run.record(Event.STEP_STARTED, step="finetune", data={"action": "create", "attempt": 1})
    bench.run.record(Event.INTENT, step="finetune", data=made)
    bench.run.record(Event.OBSERVED, step="finetune", data={"detail": "training"})
    tags = {"runner.recipe": "small", "runner.run": bench.run.manifest.run_id}
    job = JobState(id="/j", name="j-1", status="Running", provisioning=Provisioning.IN_PROGRESS, tags=tags)
    ended = replace(job, status="Canceled", provisioning=Provisioning.FAILED)
    looks = [None, job, None, ended]  # 404s that are out of date
    cancelled: list[str] = []
    jobs = SimpleNamespace(
        get=lambda _: looks.pop(0),
        listed=lambda name: name == "j-1" and bool(looks),  # as one that has not ended
        cancel=cancelled.append,
    )
    bench.on(SimpleNamespace(jobs=jobs))
    assert cancel(bench.run) == ()
    assert (cancelled, looks) == (["j-1"], [])


def asked_in_vain(bench: Bench, tags: Mapping[str, str]) -> None:
    def refuse() -> None:
        step.tags = tags
        raise Conflict("HTTP 409: it is being made")

    step = bench.step("compute", ABSENT, FOREIGN, on_create=refuse)
    with pytest.raises(StepFailed, match="somebody else's"):
        bench.forward()


def test_what_another_run_made_and_this_one_asked_for_in_vain_is_no_debt(bench: Bench) -> None:
    asked_in_vain(bench, EARLIER_RUN)
    assert bench.backward() == ()
    assert bench.calls == ["create compute"]
    assert bench.run.manifest.alive == []


def test_what_was_asked_for_in_vain_but_does_not_say_by_whom_it_is_stays_listed(bench: Bench) -> None:
    asked_in_vain(bench, {})
    assert bench.backward() == ("thing my-compute",)
    assert bench.told("compute") == {"reason": NOT_OURS}


def test_what_was_answered_and_is_now_another_runs_stays_listed(bench: Bench) -> None:
    step = bench.step("compute", ABSENT, FOREIGN)
    step.on_create = lambda: setattr(step, "tags", EARLIER_RUN)
    with pytest.raises(StepFailed, match="somebody else's"):
        bench.forward()
    assert bench.backward() == ("thing my-compute",)
