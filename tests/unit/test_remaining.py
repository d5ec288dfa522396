"""What a cleanup could not take back, in a run taken up again: made anew once it has gone, else kept."""

from dataclasses import replace

import pytest

from runner.errors import ExitCode, StepFailed
from runner.execute import remaining
from runner.journal import Event
from runner.manifest import RunStatus, StepStatus
from runner.recipe import Cleanup
from tests.unit.bench import ABSENT, FAILED, SUCCEEDED, Bench, FakeStep, needing


def refuse() -> None:
    raise StepFailed("HTTP 403")


def that_would_not_go(bench: Bench) -> tuple[FakeStep, FakeStep]:
    """Have a cluster whose deletion was refused after the job that needs it had failed."""
    compute = bench.step("compute", ABSENT, SUCCEEDED, on_delete=refuse)
    job = bench.step("finetune", ABSENT, FAILED, traits=needing("compute"))
    assert bench.carry_out(Cleanup.ON_FAILURE).exit_code == ExitCode.STILL_BILLING
    bench.another_life()
    job.looks = [FAILED, ABSENT, SUCCEEDED]
    return compute, job


@pytest.mark.parametrize("cleanup", [Cleanup.NEVER, Cleanup.ON_FAILURE])
def test_what_has_gone_meanwhile_is_made_anew(bench: Bench, cleanup: Cleanup) -> None:
    compute, _ = that_would_not_go(bench)
    compute.there, compute.looks = False, [ABSENT, SUCCEEDED]
    outcome = bench.carry_out(cleanup)
    assert (outcome.exit_code, outcome.manifest.status) == (0, RunStatus.SUCCEEDED)
    assert bench.calls == ["create compute", "create finetune"]
    assert outcome.manifest.steps["compute"].attempt == 2


def test_what_goes_now_is_made_anew(bench: Bench) -> None:
    compute, _ = that_would_not_go(bench)
    compute.on_delete, compute.looks = (lambda: None), [ABSENT, SUCCEEDED]
    outcome = bench.carry_out()
    assert (outcome.exit_code, outcome.manifest.status) == (0, RunStatus.SUCCEEDED)
    assert bench.calls == ["delete my-compute", "create compute", "create finetune"]


def test_what_still_does_not_go_is_kept_and_no_debt_any_more(bench: Bench) -> None:
    that_would_not_go(bench)
    outcome = bench.carry_out(Cleanup.ON_FAILURE)
    assert (outcome.exit_code, outcome.billing) == (0, None)
    assert bench.calls == ["delete my-compute", "create finetune"]
    record = outcome.manifest.steps["compute"]
    assert (record.status, record.attempt) == (StepStatus.SUCCEEDED, 1)
    assert ("my-compute", None) in [(each.name, each.deletion) for each in outcome.manifest.alive]


def test_what_has_done_its_part_and_does_not_go_is_not_wanted_again(bench: Bench) -> None:
    bench.step("compute", ABSENT, SUCCEEDED, on_delete=refuse)
    bench.step("finetune", ABSENT, replace(SUCCEEDED, ended=True), traits=needing("compute"))
    register = bench.step("register", ABSENT, FAILED, traits=needing("finetune"))
    assert bench.carry_out(Cleanup.ON_FAILURE).exit_code == ExitCode.STILL_BILLING
    bench.another_life()
    register.looks = [FAILED, ABSENT, SUCCEEDED]
    outcome = bench.carry_out(Cleanup.ON_FAILURE)
    assert bench.calls == ["create register"]
    assert outcome.exit_code == ExitCode.STILL_BILLING


@pytest.mark.parametrize("gone", [False, True])
def test_what_was_to_go_along_is_looked_at_and_made_anew_if_it_has_gone(bench: Bench, *, gone: bool) -> None:
    traits = needing(takes_along=("deployment",))
    bench.step("endpoint", ABSENT, SUCCEEDED, traits=traits, on_delete=refuse)
    deployment = bench.step("deployment", ABSENT, SUCCEEDED, traits=needing("endpoint"))
    sample = bench.step("sample", FAILED, traits=needing("deployment"))
    assert bench.carry_out(Cleanup.ON_FAILURE).exit_code == ExitCode.STILL_BILLING
    bench.another_life()
    assert remaining(bench.run.manifest, bench.changes) == {"endpoint", "deployment", "sample"}
    sample.looks = [SUCCEEDED]
    if gone:
        deployment.there, deployment.looks = False, [ABSENT, ABSENT, SUCCEEDED]
    outcome = bench.carry_out(Cleanup.ON_FAILURE)
    assert (outcome.exit_code, outcome.manifest.status) == (0, RunStatus.SUCCEEDED)
    assert bench.calls == ["delete my-endpoint", *(["create deployment"] if gone else [])]
    assert bench.events("deployment")[-1] is Event.DONE
