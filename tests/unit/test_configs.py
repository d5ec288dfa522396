"""The recipes that come with the project: each loads, and opens with what a newcomer needs."""

from datetime import date
from pathlib import Path

import pytest

from runner.catalog import model, vm_size
from runner.errors import Severity
from runner.facts import TargetKind
from runner.load import load
from runner.opening import offline
from runner.steps.step import Action

PROFILES = sorted((Path(__file__).parents[2] / "configs" / "profiles").glob("*.yaml"))
CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))


def test_there_are_recipes() -> None:
    assert {"quickstart.yaml", "phi3_mini_ultrachat.yaml", "phi4_ultrachat.yaml"} <= {
        path.name for path in CONFIGS
    }


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_recipe_loads_without_a_warning(path: Path) -> None:
    notices = load(path).notices
    assert [notice for notice in notices if notice.severity is not Severity.NOTICE] == []


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_recipe_opens_with_its_schema_and_its_command(path: Path) -> None:
    first, second, *_ = path.read_text(encoding="utf-8").splitlines()
    assert first == "# yaml-language-server: $schema=../schemas/recipe.schema.json"
    assert second == f"# runner run configs/{path.name}"


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_recipe_is_in_block_style(path: Path) -> None:
    lines = [line.split("#")[0] for line in path.read_text(encoding="utf-8").splitlines()]
    assert [line for line in lines if "{" in line.replace("${env:", "") or "[" in line] == []
    assert any("  " in line for line in lines)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_recipe_names_sizes_that_are_for_rent(path: Path) -> None:
    recipe = load(path).recipe
    assert recipe.compute is not None
    assert recipe.deployment is not None
    for name in (recipe.compute.size, recipe.deployment.instance_type):
        size = vm_size(name)
        assert size is not None
        assert size.retired is None


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_recipe_for_azure_trains_on_a_size_its_model_allows(path: Path) -> None:
    recipe = load(path).recipe
    known = model(recipe.model.registry, recipe.model.name)
    assert recipe.compute is not None
    if recipe.workspace is not None:
        assert known is not None
        assert recipe.compute.size in str(known.tags["finetune_compute_allow_list"])


def test_the_quickstart_needs_no_account_and_leaves_nothing_behind() -> None:
    (path,) = [path for path in CONFIGS if path.name == "quickstart.yaml"]
    recipe = load(path).recipe
    assert recipe.workspace is None
    assert recipe.cleanup == "always"


def test_there_are_profiles() -> None:
    assert {path.stem for path in PROFILES} >= {"baseline"}


@pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.stem)
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_profile_goes_with_every_recipe(path: Path, profile: Path) -> None:
    loaded = load(path, profiles=[profile.stem])
    assert [notice for notice in loaded.notices if notice.severity is not Severity.NOTICE] == []
    assert loaded.recipe != load(path).recipe


@pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.stem)
def test_a_profile_opens_with_a_command(profile: Path) -> None:
    first, *_ = profile.read_text(encoding="utf-8").splitlines()
    assert first == f"# runner run configs/quickstart.yaml --profile {profile.stem}"


def test_the_base_model_is_planned_beside_the_training_and_refused_nowhere() -> None:
    for path in CONFIGS:
        planned = offline(load(path, profiles=["baseline"]), TargetKind.EMULATOR, date(2026, 11, 21))
        (change,) = [each for each in planned.changes if each.step == "baseline"]
        assert (change.action, change.name, change.needs) == (Action.CREATE, "base", ("endpoint",))


def test_the_base_model_is_served_on_a_size_it_allows() -> None:
    (path,) = [path for path in CONFIGS if path.name == "phi4_ultrachat.yaml"]
    recipe = load(path, profiles=["baseline"]).recipe
    known = model(recipe.model.registry, recipe.model.name)
    assert known is not None
    assert recipe.baseline is not None
    assert recipe.baseline.instance_type in str(known.tags["inference_compute_allow_list"])
