"""`runner why`: each step's reason is what the plan said, what was found, and the values it went by."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from runner import manifest
from runner.cli import main
from runner.journal import Event, Json
from runner.manifest import Manifest
from runner.manifest.states import run_from
from runner.reasons import Became, Reason, parameters, reasons
from runner.steps import STEPS
from tests.unit.bench import ABSENT, SUCCEEDED, Bench
from tests.unit.past_runs import GOLDEN, TOLD, keep, write
from tests.unit.test_manifest import Told, records

CLUSTER = {"action": "create", "intent": {"name": "gpu"}, "kind": "compute", "bills": True}
STARTED: Told = (Event.STEP_STARTED, "compute", {"action": "create", "reason": "it is not there"})
AGAIN: Told = (Event.STEP_STARTED, "compute", {"action": "create", "reason": "another reason"})
INTENT: Told = (Event.INTENT, "compute", CLUSTER)
ACCEPTED: Told = (Event.ACKNOWLEDGED, "compute", {})
RESUMED: Told = (Event.RUN_RESUMED, "", {})
DONE: Told = (Event.DONE, "compute", {**CLUSTER, "outputs": {}, "metrics": {}})
GONE: Told = (Event.DELETE_DONE, "compute", {})


def of(opening: Mapping[str, Json], *events: Told, **values: Json) -> Reason:
    """Give the reason of the one step of a journal."""
    recipe = opening["recipe"] | {"values": {"compute.name": "gpu", **values}}
    (found,) = reasons(manifest.fold(records({**opening, "recipe": recipe}, *events)))
    return found


def test_a_step_that_was_carried_out_tells_the_plans_reason(bench: Bench) -> None:
    bench.step("compute", ABSENT, SUCCEEDED)
    bench.forward()
    assert bench.records("compute")[0].data["reason"] == bench.changes[0].reason
    assert bench.run.manifest.steps["compute"].reason == bench.changes[0].reason


def test_what_was_made_in_one_go_is_created(opening: Mapping[str, Json]) -> None:
    found = of(opening, STARTED, INTENT, ACCEPTED, DONE)
    assert (found.became, found.planned) == (Became.CREATED, "it is not there")
    assert found.found == "no cluster of that name was there"


def test_what_an_earlier_process_asked_for_and_is_found_is_adopted(opening: Mapping[str, Json]) -> None:
    found = of(opening, STARTED, INTENT, RESUMED, AGAIN, DONE)
    assert (found.became, found.planned) == (Became.ADOPTED, "it is not there")
    assert "was there when the run was taken up" in found.found


def test_what_had_to_be_asked_for_again_is_created(opening: Mapping[str, Json]) -> None:
    assert of(opening, STARTED, INTENT, RESUMED, AGAIN, ACCEPTED, DONE).became is Became.CREATED
    assert of(opening, STARTED, RESUMED, AGAIN, INTENT, ACCEPTED, DONE).became is Became.CREATED


def test_a_failure_and_what_is_under_way_tell_how_they_stand(opening: Mapping[str, Json]) -> None:
    failed = of(opening, STARTED, INTENT, (Event.FAILED, "compute", {"error": "no quota"}), GONE)
    assert (failed.became, failed.found) == (Became.FAILED, "no quota")
    seen = of(opening, STARTED, INTENT, (Event.OBSERVED, "compute", {"detail": "resizing"}))
    assert (seen.became, seen.found) == (Became.UNDER_WAY, "resizing")


@pytest.mark.parametrize(
    ("policy", "walked", "why"),
    [
        ("always", "succeeded", "deleted by the recipe's cleanup"),
        ("on_failure", "failed", "deleted by the recipe's cleanup"),
        ("on_failure", "succeeded", "deleted by runner down or cancel"),
        ("never", "failed", "deleted by runner down or cancel"),
    ],
)
def test_what_is_gone_again_tells_by_whom(
    opening: Mapping[str, Json], policy: str, walked: str, why: str
) -> None:
    ended: Told = (Event.WALKED, "", {"status": walked})
    found = of(opening, STARTED, INTENT, ACCEPTED, DONE, ended, GONE, cleanup=policy)
    assert (found.became, found.taken_back) == (Became.CREATED, why)
    assert [each.key for each in found.causes] == ["compute.name", "cleanup"]


def real(tmp_path: Path) -> Manifest:
    return manifest.load(keep(tmp_path, "20261121T082300Z-tiny-aaaa"))


def test_values_are_told_with_the_line_that_they_stand_at(tmp_path: Path) -> None:
    by_step = {each.step: each for each in reasons(real(tmp_path))}
    (name,) = by_step["register"].causes
    assert (name.key, name.value, name.place) == ("register.name", "tiny-chat", "recipe.yaml:9")
    assert [each.key for each in by_step["traffic"].causes] == ["traffic.demo"]


def test_parameters_are_told_with_their_origins(tmp_path: Path) -> None:
    told = {each.key.removeprefix("finetune.parameters."): each for each in parameters(real(tmp_path))}
    assert told["apply_lora"].place == "recipe.yaml:8, over component default (false)"
    assert told["lora_r"].place == "model default: model_specific_defaults"
    assert told["compute_finetune"].place == "derived: compute.name"
    assert len(told) == len(TOLD["parameters"])


def test_an_older_manifest_says_what_it_can(tmp_path: Path) -> None:
    recipe = {key: value for key, value in TOLD["recipe"].items() if key not in {"values", "in_force"}}
    said = manifest.load(write(tmp_path / "a", {**TOLD, "recipe": recipe}))
    assert {each.became for each in reasons(said)} == {Became.CREATED, Became.UPDATED, Became.READ}
    assert all(each.planned == "" and each.causes == () for each in reasons(said))
    assert main(["why", str(GOLDEN / "manifest_format_1.json")]) == 0


@pytest.mark.parametrize("step", STEPS)
def test_each_step_has_its_reason_and_the_values_it_went_by(step: str) -> None:
    """A step that is added is not forgotten here."""
    like = TOLD["steps"].get(step, TOLD["steps"]["deployment"])
    values = TOLD["recipe"]["values"] | {"baseline.name": "base"}
    said = {**TOLD, "recipe": TOLD["recipe"] | {"values": values}, "steps": {step: like}}
    (found,) = reasons(run_from(said))
    assert found.found
    assert found.causes


def test_a_new_endpoint_had_no_traffic() -> None:
    def found(previous: Json) -> str:
        traffic = TOLD["steps"]["traffic"]
        like = {**traffic, "intent": {**traffic["intent"], "previous": previous}}
        (reason,) = reasons(run_from({**TOLD, "steps": {"traffic": like}}))
        return reason.found

    assert found({}) == "the endpoint had no traffic yet"
    assert found({"other": 100}) == "the endpoint's traffic was split otherwise"


def test_a_recipe_in_force_with_other_ends_of_lines_breaks_nothing(tmp_path: Path) -> None:
    recipe = TOLD["recipe"] | {"in_force": "a: 1\rb: 2\u2028c: 3\r\nd: 4\u0085e: 5"}
    path = write(tmp_path / "a", {**TOLD, "recipe": recipe})
    assert main(["why", str(path)]) == 0


def test_people_and_programs_are_told_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = GOLDEN / "compared_b.manifest.json"
    assert main(["why", str(path), "--parameters"]) == 0
    out = capsys.readouterr().out
    assert "on the EMULATOR" in out
    assert (
        "endpoint tiny-endpoint: reused\n  an endpoint of that name was there with this recipe's tag" in out
    )
    assert 'compute.name        "gpu-tiny"                  recipe.yaml:4' in out
    assert "finetune.parameters.learning_rate" in out
    shutil.copy(path, tmp_path / "b.json")
    assert main(["why", str(tmp_path / "b.json"), "--output", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {each["step"]: each["became"] for each in told["steps"]}["deployment"] == "updated"
    assert (told["target"], told["parameters"]) == ("emulator", [])
