"""The base model beside the fine-tuned one: asked of both, served once, and told wherever it costs."""

import json
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from runner import catalog, naming, preflight
from runner.catalog import RegistryModel
from runner.cost import Basis, Known, Prices, estimate
from runner.errors import Diagnostic, NotWritten, RecipeInvalid, Severity
from runner.facts import DeploymentState, Facts, Provisioning, Quota, Resource, ResourceKind
from runner.load import load_bytes
from runner.recipe import Baseline
from runner.steps import STEPS
from runner.steps.endpoint import serves_others
from runner.steps.step import Observation, Status
from tests.unit import test_preflight as checks
from tests.unit.bench import Bench

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud
    from runner.journal import Json

A100 = checks.A100
WITH_BASE = checks.RECIPE.replace("deployment:\n", f"baseline:\n  instance_type: {A100}\ndeployment:\n")
SECTIONS = WITH_BASE.partition("compute:\n")[2]
PHI4 = catalog.model("azureml", "Phi-4")
DEPLOYED = {"name": "base", "endpoint": "my-chat", "instance_type": A100, "instance_count": 1}


def refused(text: str) -> list[tuple[str, str]]:
    with pytest.raises(RecipeInvalid) as caught:
        load_bytes(text.encode(), Path("recipe.yaml"))
    return [(each.code, each.key) for each in caught.value.diagnostics if each.severity is Severity.ERROR]


# --- the recipe -------------------------------------------------------------------------------------------


def test_a_baseline_is_called_base_and_has_a_deployments_defaults() -> None:
    recipe = load_bytes(WITH_BASE.encode(), Path("recipe.yaml")).recipe
    assert recipe.baseline == Baseline(name="base", instance_type=A100)


@pytest.mark.parametrize("section", ["endpoint", "deployment", "traffic", "sample"])
def test_a_baseline_needs_what_it_is_held_against(section: str) -> None:
    lines = WITH_BASE.split("\n")
    start = lines.index(f"{section}:")
    rest = next((at for at, line in enumerate(lines[start + 1 :], start + 1) if line[:1] != " "), len(lines))
    assert ("needs-section", "baseline") in refused("\n".join(lines[:start] + lines[rest:]))


@pytest.mark.parametrize("name", ["demo", "Demo"])
def test_two_deployments_have_two_names(name: str) -> None:
    text = WITH_BASE.replace("baseline:\n", f"baseline:\n  name: {name}\n")
    assert refused(text) == [("same-deployment", "baseline.name")]


def test_the_name_that_is_meant_may_not_be_the_deployments_either() -> None:
    text = WITH_BASE.replace("  name: demo", "  name: base").replace("  demo: 100", "  base: 100")
    assert refused(text) == [("same-deployment", "baseline.name")]


@pytest.mark.parametrize("share", [0, 50])
def test_no_traffic_goes_to_the_base_model(share: int) -> None:
    text = WITH_BASE.replace("  demo: 100", f"  demo: {100 - share}\n  Base: {share}")
    with pytest.raises(RecipeInvalid) as caught:
        load_bytes(text.encode(), Path("recipe.yaml"))
    (found,) = caught.value.diagnostics
    assert (found.code, found.key) == ("unknown-deployment", "traffic.Base")
    assert "base model" in found.message


def test_the_liveness_probe_of_the_base_model_keeps_to_azures_rule() -> None:
    text = WITH_BASE.replace("baseline:\n", "baseline:\n  liveness_probe: {success_threshold: 2}\n")
    assert refused(text) == [("not-allowed-value", "baseline.liveness_probe.success_threshold")]


# --- before it costs --------------------------------------------------------------------------------------


def findings(known: Facts, text: str = WITH_BASE) -> list[Diagnostic]:
    loaded = load_bytes(text.encode(), Path("recipe.yaml"))
    return list(preflight.check(loaded, known, preflight.merge(loaded, known)))


def at(found: list[Diagnostic], section: str) -> list[str]:
    return [each.code for each in found if each.key.startswith(section)]


def test_the_base_models_size_is_held_against_its_own_list() -> None:
    text = WITH_BASE.replace(
        f"baseline:\n  instance_type: {A100}", f"baseline:\n  instance_type: {checks.T4}"
    )
    assert "size-not-allowed" in at(findings(checks.facts(), text), "baseline.instance_type")
    assert at(findings(checks.facts()), "baseline") == []


def test_a_size_that_cannot_hold_the_base_models_weights_is_refused() -> None:
    large = replace(catalogued("Phi-4"), tags={}, properties={})
    text = WITH_BASE.replace(
        f"baseline:\n  instance_type: {A100}", f"baseline:\n  instance_type: {checks.T4}"
    )
    found = findings(replace(checks.facts(), model=large), text)
    assert "memory-too-small" in at(found, "baseline.instance_type")


def catalogued(name: str) -> RegistryModel:
    found = catalog.model("azureml", name)
    assert found is not None
    return found


def test_a_deployment_of_that_name_that_is_not_ours_is_refused() -> None:
    strange = DeploymentState(id="/b", name="base", provisioning=Provisioning.SUCCEEDED)
    assert at(findings(replace(checks.facts(), baseline=strange)), "baseline.name") == ["not-ours"]


@pytest.mark.parametrize(
    ("free", "told"),
    [
        (72, []),
        (71, [("quota-together", "deployment.instance_type", Severity.WARNING)]),
        (48, [("quota-together", "deployment.instance_type", Severity.WARNING)]),
        (47, [("quota-together", "baseline.instance_type", Severity.ERROR)] * 2),
    ],
)
def test_the_base_model_needs_room_beside_the_training_and_beside_the_other(
    free: int, told: list[tuple[str, str, Severity]]
) -> None:
    known = replace(checks.facts(), quota=(checks.line(free), total(1000)))
    found = [each for each in findings(known) if each.code.startswith("quota")]
    assert [(each.code, each.key, each.severity) for each in found] == told


def total(free: int) -> Quota:
    return checks.line(free, family="")


def test_a_base_model_that_is_there_already_takes_nothing_more() -> None:
    there = DeploymentState(
        id="/b",
        name="base",
        provisioning=Provisioning.SUCCEEDED,
        instance_type=A100.upper(),
        tags={"runner.recipe": "small"},
    )
    known = replace(checks.facts(), baseline=there, quota=(checks.line(48), total(1000)))
    assert [each.code for each in findings(known) if each.code.startswith("quota")] == []


def test_both_deployments_are_in_the_endpoints_price_of_a_day() -> None:
    prices = Prices(
        currency="USD",
        region="eastus",
        as_of="2026-11-01",
        source="a test",
        dedicated={A100.lower(): Decimal(2)},
    )
    loaded = load_bytes(WITH_BASE.encode(), Path("recipe.yaml"))
    found = estimate(loaded.recipe, None, Known(prices=prices))
    per_day = {
        each.what: each.total.likely for each in found.items if each.basis is Basis.PER_DAY and each.total
    }
    assert per_day == {"endpoint": Decimal("48.00"), "base model": Decimal("48.00")}


# --- the deployment ---------------------------------------------------------------------------------------


@dataclass
class Endpoints:
    """One endpoint with these deployments; what is asked for is kept."""

    there: dict[str, DeploymentState] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def get(self, name: str) -> str:
        return name

    def deployment(self, endpoint: str, name: str) -> DeploymentState | None:
        assert endpoint == "my-chat"
        return self.there.get(name)

    def deploy(self, endpoint: str, section: Baseline, *, model: str, **_: object) -> None:
        self.asked.append((endpoint, section.name, model))

    def deployments(self, endpoint: str) -> tuple[Resource, ...]:
        return tuple(
            Resource(
                kind=ResourceKind.DEPLOYMENT,
                name=name,
                id=each.id,
                status="",
                parent=endpoint,
                tags=each.tags,
            )
            for name, each in self.there.items()
        )


def prepared(bench: Bench, *, text: str = SECTIONS, **parts: object) -> Endpoints:
    endpoints = Endpoints()
    bench.on(SimpleNamespace(endpoints=endpoints, **parts), f"compute:\n{text}")
    outputs: dict[str, dict[str, Json]] = {"endpoint": {"name": "my-chat"}}
    bench.context = replace(bench.context, outputs=outputs, facts=replace(bench.context.facts, model=PHI4))
    return endpoints


def test_the_registrys_own_model_is_asked_for_at_its_version(bench: Bench) -> None:
    endpoints = prepared(bench)
    step = STEPS["baseline"]
    intent = step.intend(bench.context)
    assert {key: intent[key] for key in DEPLOYED} == DEPLOYED
    step.create(bench.context, intent)
    assert endpoints.asked == [("my-chat", "base", "azureml://registries/azureml/models/Phi-4/versions/8")]


@pytest.mark.parametrize(
    ("version", "status"), [("8", Status.SUCCEEDED), ("7", Status.DIFFERS)], ids=["same", "other"]
)
def test_a_base_model_of_an_earlier_run_serves_again_if_it_is_the_same(
    bench: Bench, version: str, status: Status
) -> None:
    endpoints = prepared(bench)
    endpoints.there["base"] = DeploymentState(
        id="/b",
        name="base",
        provisioning=Provisioning.SUCCEEDED,
        model=f"azureml://registries/azureml/models/PHI-4/versions/{version}",
        instance_type=A100,
        tags={"runner.recipe": "small", "runner.run": "earlier"},
    )
    step = STEPS["baseline"]
    assert step.observe(bench.context, step.intend(bench.context)).status is status


@pytest.mark.parametrize(("step", "others"), [("baseline", False), ("deployment", True)])
def test_a_base_model_of_another_run_keeps_no_endpoint_alive(
    bench: Bench, step: str, *, others: bool
) -> None:
    endpoints = prepared(bench)
    tags = naming.tags(bench.context.recipe, "another-run", step)
    found = DeploymentState(id="/b", name="some", provisioning=Provisioning.SUCCEEDED, tags=tags)
    endpoints.there["some"] = found
    cloud: Cloud = bench.run.cloud
    assert bool(serves_others(cloud, {"name": "my-chat"}, "this-run")) is others
    asks = STEPS["baseline"].traits.serves_others
    assert asks is not None
    assert bool(asks(cloud, DEPLOYED, "this-run")) is others


def test_the_base_model_goes_with_its_endpoint() -> None:
    assert {"baseline", "deployment"} <= set(STEPS["endpoint"].traits.takes_along)


def test_a_tag_tells_the_step_that_made_a_resource() -> None:
    assert naming.step_of({"runner.intent": "run-1/baseline/2"}) == "baseline"
    assert naming.step_of({}) == naming.step_of({"runner.intent": "x"}) == ""


# --- the answers ------------------------------------------------------------------------------------------


@dataclass
class Asked:
    """Answers with the prompt and who was asked; dies at the answer of this number."""

    dies_at: int = 0
    prompts: list[tuple[str, str]] = field(default_factory=list)

    def chat(self, *_: object, deployment: str, messages: list[dict[str, str]], **__: object) -> str:
        self.prompts.append((deployment, messages[0]["content"]))
        if len(self.prompts) == self.dies_at:
            raise KeyboardInterrupt
        return "yes" if deployment == "demo" else "no"


def sampled(bench: Bench, *, dies_at: int = 0, text: str = SECTIONS) -> Asked:
    asked = Asked(dies_at)
    endpoints = prepared(bench, text=text, scoring=asked)
    endpoints.key = lambda _: "k"  # type: ignore[attr-defined] # only here
    rows = [
        {"messages": [{"role": "user", "content": f"q{n}"}, {"role": "assistant", "content": "yes"}]}
        for n in range(2)
    ]
    (bench.folder / "test.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8"
    )
    outputs: dict[str, dict[str, Json]] = {
        "dataset": {"assets": {"test": {"file": "test.jsonl"}}},
        "endpoint": {"name": "my-chat"},
        "traffic": {"scoring_uri": "https://e"},
    }
    bench.context = replace(bench.context, outputs=outputs)
    return asked


def score(bench: Bench) -> Observation:
    return STEPS["sample"].observe(bench.context, {"name": "samples.jsonl", "rows": 2, "parameters": {}})


def answers(bench: Bench) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (bench.folder / "samples.jsonl").read_text("utf-8").splitlines()]


def test_each_row_is_asked_of_both_models(bench: Bench) -> None:
    asked = sampled(bench)
    seen = score(bench)
    assert asked.prompts == [("demo", "q0"), ("base", "q0"), ("demo", "q1"), ("base", "q1")]
    assert [(row["answer"], row["base_answer"]) for row in answers(bench)] == [("yes", "no")] * 2
    assert seen.detail == "2 rows, 2 equal to the ground truth (base model: 0)"
    assert (seen.outputs["exact"], seen.outputs["base_exact"], len(seen.outputs["base_seconds"])) == (2, 0, 2)


def test_without_a_baseline_nothing_of_it_is_asked_kept_or_told(bench: Bench) -> None:
    asked = sampled(bench, text=checks.RECIPE.partition("compute:\n")[2])
    seen = score(bench)
    assert asked.prompts == [("demo", "q0"), ("demo", "q1")]
    assert [set(row) for row in answers(bench)] == [{"prompt", "answer", "ground_truth", "seconds"}] * 2
    assert seen.detail == "2 rows, 2 equal to the ground truth"
    assert set(seen.outputs) == {"rows", "exact", "file", "seconds", "sha256"}


@pytest.mark.parametrize(("dies_at", "kept"), [(1, 0), (2, 0), (3, 1), (4, 1)])
def test_a_row_is_kept_once_both_have_answered_and_never_asked_again(
    bench: Bench, dies_at: int, kept: int
) -> None:
    sampled(bench, dies_at=dies_at)
    with pytest.raises(KeyboardInterrupt):
        score(bench)
    path = bench.folder / "samples.jsonl"
    before = path.read_bytes() if path.exists() else b""
    assert before.count(b"\n") == kept
    again = sampled(bench)
    score(bench)
    assert again.prompts[0] == ("demo", f"q{kept}")
    assert path.read_bytes().startswith(before)
    assert [row["prompt"][0]["content"] for row in answers(bench)] == ["q0", "q1"]


def test_a_row_without_the_base_models_answer_is_none_of_this_runs(bench: Bench) -> None:
    sampled(bench)
    score(bench)
    rows = [{key: row[key] for key in row if key != "base_answer"} for row in answers(bench)]
    path = bench.folder / "samples.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with pytest.raises(NotWritten, match="line 1 is damaged"):
        score(bench)
