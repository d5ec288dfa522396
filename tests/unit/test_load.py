"""Recipes: what is read from a file, and how everything that is wrong with one is told at once."""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from runner import recipe as model
from runner.errors import Diagnostic, RecipeInvalid, Severity
from runner.load import (
    Loaded,
    Position,
    UnsetVariable,
    interpolate,
    load,
    load_bytes,
    resolve_workspace,
)
from runner.schema_files import read_schema

SMALLEST = "version: 1\nname: small\nmodel:\n  name: Phi-4\n"
WHOLE = (
    SMALLEST
    + """
workspace: {subscription_id: "${env:SUBSCRIPTION}", resource_group: rg, workspace_name: ws}
compute: {name: gpu-a100, size: Standard_NC24ads_A100_v4, gpus_per_node: 1}
dataset: {path: data, train: train, test: test}
finetune: {task: chat_completion, parameters: {apply_lora: true, learning_rate: 5e-6}}
register: {name: small-model}
endpoint: {}
deployment: {name: demo, instance_type: Standard_NC24ads_A100_v4}
traffic: {demo: 100}
sample: {rows: 2}
"""
)


def _load(folder: Path, text: str) -> Loaded:
    path = folder / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path)


def _refusal(folder: Path, text: str) -> tuple[Diagnostic, ...]:
    with pytest.raises(RecipeInvalid) as caught:
        _load(folder, text)
    return caught.value.diagnostics


def _changed(line: str) -> str:
    """Give the whole recipe with one section replaced by this line, or with the line added."""
    section = line.partition(":")[0]
    return re.sub(rf"^{section}:.*\n(  .*\n)*", "", WHOLE, flags=re.MULTILINE) + line + "\n"


def test_the_smallest_recipe_has_no_steps(tmp_path: Path) -> None:
    recipe = _load(tmp_path, SMALLEST).recipe
    assert [name for name in model.STEP_SECTIONS if getattr(recipe, name) is not None] == []
    assert recipe.model == model.Model(name="Phi-4", registry="azureml", version="latest")


def test_a_whole_recipe_becomes_values(tmp_path: Path) -> None:
    recipe = _load(tmp_path, WHOLE).recipe
    assert recipe.finetune is not None
    assert recipe.finetune.parameters == {"apply_lora": True, "learning_rate": 5e-6}
    assert recipe.deployment == model.Deployment(name="demo", instance_type="Standard_NC24ads_A100_v4")
    assert recipe.compute is not None
    assert recipe.compute.tier is model.Tier.DEDICATED
    assert recipe.cleanup is model.Cleanup.ON_FAILURE
    assert recipe.experiment == "small"


@pytest.mark.parametrize(
    ("written", "meant"), [("15", "15"), ("'15'", "15"), ("latest", "latest"), ("010", "10")]
)
def test_a_model_version_may_be_a_number_or_text(tmp_path: Path, written: str, meant: str) -> None:
    recipe = _load(tmp_path, SMALLEST + f"  version: {written}\n").recipe
    assert recipe.model.version == meant


def test_probes_become_values(tmp_path: Path) -> None:
    line = "deployment: {name: demo, instance_type: Standard_X, liveness_probe: {initial_delay: 600}}"
    recipe = _load(tmp_path, _changed(line)).recipe
    assert recipe.deployment is not None
    assert recipe.deployment.liveness_probe == model.Probe(initial_delay=600)


def test_five_mistakes_of_five_kinds_are_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = (
        "version: 1\n"
        "name: small\n"
        "name: twice\n"  # YAML
        "modle: x\n"  # an unknown key
        "model: {name: Phi-4, version: 1.5}\n"  # a type
        "dataset: {train: train, test: test}\n"  # a rule
        "compute: {name: gpu-1, size: Standard_X, gpus_per_node: 0}\n"  # a form, a range
    )
    found = [(found.line, found.column, found.code, found.key) for found in _refusal(tmp_path, text)]
    assert found == [
        (3, 1, "duplicate-key", "name"),
        (4, 1, "unknown-key", "modle"),
        (5, 31, "wrong-type", "model.version"),
        (6, 10, "one-source", "dataset"),
        (7, 17, "wrong-form", "compute.name"),
        (7, 57, "out-of-range", "compute.gpus_per_node"),
    ]


@pytest.mark.parametrize(
    ("line", "code", "key"),
    [
        ("version: 2", "not-allowed-value", "version"),
        ("version: 1.0", "wrong-type", "version"),
        ("version: true", "wrong-type", "version"),
        ("name: Small", "wrong-form", "name"),
        ("name: 7b", "wrong-form", "name"),
        ('name: "small\\n"', "wrong-form", "name"),
        ("name: smаll", "wrong-form", "name"),  # noqa: RUF001 - a Cyrillic a is the point
        ("name: " + "a" * 64, "wrong-form", "name"),
        ("name: 2024-01-01", "wrong-form", "name"),
        ("name: 123", "wrong-type", "name"),
        ("name:", "wrong-type", "name"),
        ("experiment: Phi-3.5", "wrong-form", "experiment"),
        ("tags: {cost: 4711}", "wrong-type", "tags.cost"),
        ("tags: {a b: c}", "bad-key", "tags.a b"),
        ("cleanup: on", "not-allowed-value", "cleanup"),
        ("model: {name: a/b}", "wrong-form", "model.name"),
        ("model: {name: a, version: 0}", "out-of-range", "model.version"),
        ("model: {name: a, version: 1.2.3}", "wrong-form", "model.version"),
        ("model: {registry: azureml}", "missing-key", "model.name"),
        ("model: Phi-4", "wrong-type", "model"),
        ("workspace: {subscription_id: a, resource_group: b}", "workspace-incomplete", "workspace"),
        ("workspace: {}", "workspace-incomplete", "workspace"),
        ("workspace: {config_file: c, resource_group: b}", "two-workspaces", "workspace.resource_group"),
        ("workspace: {config_file: '$HOME/${X}'}", "bad-env-reference", "workspace.config_file"),
        ("dataset: {train: a, test: b}", "one-source", "dataset"),
        ("dataset: {path: x, azureml: y, train: a, test: b}", "two-sources", "dataset.azureml"),
        ("dataset: {azureml: y, path: x, train: a, test: b}", "two-sources", "dataset.path"),
        ("dataset: {path: x, revision: y, train: a, test: b}", "no-revision", "dataset.revision"),
        ("dataset: {huggingface: a/b/c, train: a, test: b}", "wrong-form", "dataset.huggingface"),
        ("dataset: {huggingface: a, revision: 0123456, train: a, test: b}", "wrong-type", "dataset.revision"),
        ("dataset: {path: x, train: ../a, test: b}", "wrong-form", "dataset.train"),
        ("dataset: {path: x, train: a}", "missing-key", "dataset.test"),
        ("dataset: {path: x, train: '${env:HOME}', test: b}", "env-not-allowed-here", "dataset.train"),
        ("dataset: {path: x, train: a, test: b, percent: 0}", "out-of-range", "dataset.percent"),
        ("dataset: {path: x, train: a, test: b, percent: 101}", "out-of-range", "dataset.percent"),
        ("dataset: {path: x, train: a, test: b, percent: .inf}", "not-a-number", "dataset.percent"),
        ("dataset: {path: x, train: a, test: b, percent: true}", "wrong-type", "dataset.percent"),
        ("compute: {name: gpu-cluster-1, size: A_1, gpus_per_node: 1}", "wrong-form", "compute.name"),
        ("compute: {name: ab, size: A_1, gpus_per_node: 1}", "wrong-form", "compute.name"),
        ("compute: {name: abc, size: A_1, gpus_per_node: yes}", "wrong-type", "compute.gpus_per_node"),
        (
            "compute: {name: abc, size: A_1, gpus_per_node: 1, min_instances: 2}",
            "out-of-range",
            "compute.min_instances",
        ),
        (
            "compute: {name: abc, size: A_1, gpus_per_node: 1, tier: spot}",
            "not-allowed-value",
            "compute.tier",
        ),
        ("finetune: {task: chat}", "not-allowed-value", "finetune.task"),
        (
            "finetune: {task: chat_completion, component_version: 0.1}",
            "wrong-type",
            "finetune.component_version",
        ),
        ("register: {name: Phi-3.5-mini}", "wrong-form", "register.name"),
        ("endpoint: {name: ab}", "wrong-form", "endpoint.name"),
        ("endpoint: {name: a--b}", "wrong-form", "endpoint.name"),
        ("endpoint: {name: 1ab}", "wrong-form", "endpoint.name"),
        ("endpoint: {auth_mode: none}", "not-allowed-value", "endpoint.auth_mode"),
        ("endpoint:", "wrong-type", "endpoint"),
        ("traffic: {demo: 60}", "traffic-sum", "traffic"),
        ("traffic: {demo: 60.0}", "wrong-type", "traffic.demo"),
        ("traffic: {other: 100}", "unknown-deployment", "traffic.other"),
        ("traffic: {demo: 0}", "sample-without-traffic", "sample"),
        ("traffic: {}", "wrong-length", "traffic"),
        ("sample: {rows: 0}", "out-of-range", "sample.rows"),
        ("sample: {parameters: {top_p: [1]}}", "wrong-type", "sample.parameters.top_p"),
        ("token: hf_abcdefghijklmnopqrstuvwxyz", "secret-in-recipe", "token"),
    ],
    ids=lambda value: ascii(value)[:50],
)
def test_a_mistake_is_named_and_placed(tmp_path: Path, line: str, code: str, key: str) -> None:
    found = _refusal(tmp_path, _changed(line))
    assert (code, key) in [(diagnostic.code, diagnostic.key) for diagnostic in found]
    assert {diagnostic.severity for diagnostic in found} >= {Severity.ERROR}


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ("instance_count: 51", "out-of-range"),
        ("instance_count: 0", "out-of-range"),
        ("request_timeout_ms: 180001", "out-of-range"),
        ("request_timeout_ms: 0", "out-of-range"),
        ("request_timeout_ms: '5000'", "wrong-type"),
        ("max_concurrent_requests_per_instance: 0", "out-of-range"),
        ("liveness_probe: {success_threshold: 2}", "not-allowed-value"),
        ("readiness_probe: {timeout: 0}", "out-of-range"),
        ("readiness_probe: {dealy: 1}", "unknown-key"),
    ],
)
def test_a_deployment_keeps_to_azures_limits(tmp_path: Path, setting: str, code: str) -> None:
    line = f"deployment: {{name: demo, instance_type: Standard_X, {setting}}}"
    (found,) = _refusal(tmp_path, _changed(line))
    assert found.code == code
    assert found.key.startswith(f"deployment.{setting.partition(':')[0]}")


@pytest.mark.parametrize(
    ("setting", "code", "mend"),
    [
        ("lora_rank: 8", "unknown-parameter", "lora"),
        ("lora_r: 0", "out-of-range", ""),
        ("lora_r: '8'", "wrong-type", "quotes"),
        ("num_train_epochs: 1.5", "wrong-type", ""),
        ("apply_lora: yes", "not-allowed-value", ""),
        ("lr_scheduler_type: cosin", "not-allowed-value", "cosine"),
        ("learning_rate: [1]", "wrong-type", ""),
        ("learning_rate:", "wrong-type", "fill it in"),
        ("compute_finetune: x", "derived-parameter", "compute.name or compute.serverless"),
        ("instance_type_finetune: x", "derived-parameter", "compute.size"),
        ("number_of_gpu_to_use_finetuning: 2", "derived-parameter", "compute.gpus_per_node"),
        ("train_file_path: x", "derived-parameter", "dataset"),
        ("mlflow_model_path: x", "derived-parameter", "model"),
        ("num_nodes_finetune: 2", "out-of-range", ""),
        ("Lora_R: 8", "bad-key", ""),
    ],
)
def test_a_parameter_is_checked_against_the_component(
    tmp_path: Path, setting: str, code: str, mend: str
) -> None:
    line = f"finetune:\n  task: chat_completion\n  parameters:\n    {setting}"
    found = [diagnostic for diagnostic in _refusal(tmp_path, _changed(line)) if diagnostic.code == code]
    assert [diagnostic.key for diagnostic in found] == [f"finetune.parameters.{setting.partition(':')[0]}"]
    assert mend in found[0].mend


def test_a_component_version_of_any_type_is_only_refused(tmp_path: Path) -> None:
    for written in ("{a: 1}", "[1]", "1.5"):
        line = f"finetune: {{task: chat_completion, component_version: {written}}}"
        assert [found.code for found in _refusal(tmp_path, _changed(line))] == ["wrong-type"]


def test_an_unknown_key_is_told_though_its_value_cannot_be_read(tmp_path: Path) -> None:
    found = _refusal(tmp_path, SMALLEST + "siez: !tag x\n")
    assert [diagnostic.code for diagnostic in found] == ["unknown-key", "tag"]


def test_thousands_of_parameters_are_refused_without_looking_each_one_up(tmp_path: Path) -> None:
    lines = [f"    lora_{number}: 1" for number in range(4000)]
    text = _changed("\n".join(["finetune:", "  task: chat_completion", "  parameters:", *lines]))
    codes = [diagnostic.code for diagnostic in _refusal(tmp_path, text)]
    assert (codes.count("wrong-length"), codes.count("unknown-parameter")) == (1, 200)


def test_parameters_of_another_component_version_are_not_checked_and_that_is_said(tmp_path: Path) -> None:
    line = "finetune: {task: chat_completion, component_version: '0.0.42', parameters: {neftune: 1}}"
    (notice,) = _load(tmp_path, _changed(line)).notices
    assert notice.code == "parameters-unchecked"
    assert notice.severity is Severity.NOTICE


@pytest.mark.parametrize(
    ("section", "needed"),
    [
        ("finetune", ["compute", "dataset"]),
        ("register", ["finetune"]),
        ("deployment", ["endpoint", "register"]),
        ("traffic", ["deployment"]),
        ("sample", ["dataset", "deployment", "traffic"]),
    ],
)
def test_a_section_says_which_sections_it_needs(tmp_path: Path, section: str, needed: list[str]) -> None:
    (line,) = [line for line in WHOLE.splitlines() if line.startswith(f"{section}:")]
    found = _refusal(tmp_path, f"{SMALLEST}{line}\n")
    assert [(diagnostic.code, diagnostic.key) for diagnostic in found] == [("needs-section", section)] * len(
        needed
    )
    assert [word for diagnostic in found for word in needed if f" {word}:" in diagnostic.message] == needed


@pytest.mark.parametrize("section", ["compute", "dataset", "endpoint"])
def test_a_section_that_needs_nothing_stands_alone(tmp_path: Path, section: str) -> None:
    (line,) = [line for line in WHOLE.splitlines() if line.startswith(f"{section}:")]
    assert getattr(_load(tmp_path, f"{SMALLEST}{line}\n").recipe, section) is not None


@pytest.mark.parametrize(
    ("line", "mend"),
    [
        ("modle: {name: x}", "did you mean model?"),
        ("Endpoint: {}", "did you mean endpoint?"),
        ("rows: 3", "it belongs to dataset or sample"),
        ("api_key: abc", "keep secrets out of recipes"),
    ],
)
def test_an_unknown_key_is_shown_at_the_key_with_a_way_out(tmp_path: Path, line: str, mend: str) -> None:
    (found,) = _refusal(tmp_path, SMALLEST + line)
    assert (found.line, found.column, found.code) == (5, 1, "unknown-key")
    assert mend in found.mend


def test_a_slip_in_a_generation_parameter_is_told_before_the_endpoint_refuses_it(tmp_path: Path) -> None:
    text = WHOLE.replace("rows: 2", "rows: 2, parameters: {temprature: 0.5, my_own: 1, top_k: 3}")
    assert text != WHOLE
    (found,) = _load(tmp_path, text).notices
    assert (found.code, found.severity) == ("unknown-generation-parameter", Severity.WARNING)
    assert found.mend == "did you mean temperature?"


def test_no_value_is_repeated(tmp_path: Path) -> None:
    text = WHOLE.replace("rows: 2", "rows: canary-1, password: canary-2")
    text = text.replace("learning_rate: 5e-6", "learning_rate: canary-3, lr_scheduler_type: canary-4")
    found = _refusal(tmp_path, text.replace("gpu-a100", "canary_5"))
    assert len(found) == 5
    assert "canary" not in "".join(str(diagnostic) for diagnostic in found)


def test_a_reference_in_the_wrong_place_is_not_also_a_wrong_form(tmp_path: Path) -> None:
    line = "dataset: {huggingface: '${env:X}', train: train, test: test}"
    codes = [found.code for found in _refusal(tmp_path, _changed(line))]
    assert codes == ["env-not-allowed-here"]


def test_a_secret_under_an_unknown_key_is_told_as_both(tmp_path: Path) -> None:
    found = _refusal(tmp_path, SMALLEST + "token: hf_abcdefghijklmnopqrstuvwxyz\n")
    assert [diagnostic.code for diagnostic in found] == ["unknown-key", "secret-in-recipe"]
    assert "hf_" not in "".join(str(diagnostic) for diagnostic in found)


def test_what_is_missing_is_not_told_of_a_file_read_in_part(tmp_path: Path) -> None:
    found = _refusal(tmp_path, "version: 1\nname: Bad\nregister: {name: x}\nmodel: @x\n")
    assert [(diagnostic.line, diagnostic.code) for diagnostic in found] == [
        (2, "wrong-form"),
        (4, "yaml-syntax"),
    ]


@pytest.mark.parametrize(
    ("line", "code", "severity"),
    [
        (
            "workspace: {subscription_id: pay as you go, resource_group: a, workspace_name: b}",
            "unusual-subscription",
            Severity.WARNING,
        ),
        ("deployment: {name: Demo, instance_type: Standard_X}", "lower-cased", Severity.NOTICE),
    ],
)
def test_what_is_only_odd_is_a_notice(tmp_path: Path, line: str, code: str, severity: Severity) -> None:
    (notice,) = _load(tmp_path, _changed(line)).notices
    assert (notice.code, notice.severity) == (code, severity)


def test_a_source_knows_the_file_and_where_its_values_stand(tmp_path: Path) -> None:
    source = _load(tmp_path, SMALLEST).source
    assert (source.path, source.folder) == (str(tmp_path / "recipe.yaml"), tmp_path.resolve())
    assert source.digest == hashlib.sha256(SMALLEST.encode()).hexdigest()
    assert source.locate(("model", "name")) == Position(4, 9)
    assert source.locate(("model", "version")) == source.locate(("model",)) == Position(4, 3)


def test_paths_start_at_the_folder_of_the_file_a_link_leads_to(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (real / "recipe.yaml").write_text(SMALLEST)
    (tmp_path / "link.yaml").symlink_to(real / "recipe.yaml")
    assert load(tmp_path / "link.yaml").source.folder == real.resolve()


def test_a_recipe_that_was_kept_needs_no_file() -> None:
    loaded = load_bytes(SMALLEST.encode(), Path("gone/recipe.yaml"))
    assert loaded.recipe.name == "small"
    assert loaded.source.path == "gone/recipe.yaml"


@pytest.mark.parametrize("path", ["/no/such.yaml", "/dev/zero", "/", "a\0b"])
def test_a_path_that_cannot_be_read_is_a_diagnostic(path: str) -> None:
    with pytest.raises(RecipeInvalid) as caught:
        load(Path(path))
    assert len(caught.value.diagnostics) == 1


def test_references_are_filled_in_from_the_environment(tmp_path: Path) -> None:
    workspace = resolve_workspace(_load(tmp_path, WHOLE), {"SUBSCRIPTION": "abc"})
    assert workspace == model.Workspace(subscription_id="abc", resource_group="rg", workspace_name="ws")
    assert interpolate("a-${env:X}-${env:Y}", {"X": "1", "Y": "2"}) == "a-1-2"


def test_a_variable_that_is_not_set_is_placed_at_the_value(tmp_path: Path) -> None:
    with pytest.raises(RecipeInvalid) as caught:
        resolve_workspace(_load(tmp_path, WHOLE), {"SUBSCRIPTION": ""})
    (found,) = caught.value.diagnostics
    assert (found.line, found.key, found.code) == (6, "workspace.subscription_id", "env-unset")
    with pytest.raises(UnsetVariable, match="X"):
        interpolate("${env:X}", {})


@settings(deadline=None)  # other work shares the machine
@given(st.text() | st.text(alphabet="ab:&*[]{}\"'- \n1.$", max_size=80))
def test_no_text_raises_anything_but_recipe_invalid(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    _only_refused(tmp_path_factory.getbasetemp(), text.encode("utf-8", "surrogatepass"))


_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
_VALUES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5
)


def _names(schema: Mapping[str, Any]) -> list[str]:
    return sorted(
        {name for section in schema["properties"].values() for name in section.get("properties", {})}
    )


_NAMES = st.sampled_from([*_names(read_schema("recipe.schema.json")), "lora_r", "compute_finetune", "demo"])
_SECTIONS = st.sampled_from(sorted(read_schema("recipe.schema.json")["properties"]))


@settings(deadline=None)  # other work shares the machine
@given(
    st.dictionaries(_SECTIONS, _VALUES | st.dictionaries(_NAMES, _VALUES | st.dictionaries(_NAMES, _VALUES)))
)
def test_no_tree_of_known_keys_raises_anything_but_recipe_invalid(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[str, object]
) -> None:
    """JSON is YAML: this reaches the schema and the rules with values of every wrong kind."""
    _only_refused(tmp_path_factory.getbasetemp(), json.dumps(tree).encode())


def _only_refused(folder: Path, content: bytes) -> None:
    path = folder / "any.yaml"
    path.write_bytes(content)
    try:
        loaded = load(path)
    except RecipeInvalid as invalid:
        places = [(found.line, found.column) for found in invalid.diagnostics]
        assert places == sorted(places)
        assert places
    else:
        assert loaded.recipe.version == 1


def test_loading_imports_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(WHOLE)
    script = (
        "import sys; from pathlib import Path; from runner.load import load; "
        "early = 'jsonschema' in sys.modules; load(Path(sys.argv[1])); "
        "print(early, {'azure', 'datasets', 'pandas', 'pyarrow', 'torch'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "recipe.yaml")]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "False set()\n"


# --- the schema ---------------------------------------------------------------------------------------------

_KEYWORDS = {
    "$schema", "$ref", "$defs", "title", "description", "default", "examples", "allOf",
    "x-editors", "x-rule", "x-source", "x-step",
    "defaultSnippets", "doNotSuggest", "enumDescriptions", "patternErrorMessage", "patternProperties",
    "type", "enum", "const", "properties", "required", "additionalProperties", "propertyNames",
    "minProperties", "maxProperties", "minLength", "maxLength", "pattern",
    "minimum", "maximum", "exclusiveMinimum", "items", "minItems", "maxItems", "x-env", "x-mend",
}  # fmt: skip


def _schemas(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield schema
    below = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()]
    below += schema.get("patternProperties", {}).values()
    below += [schema[name] for name in ("additionalProperties", "propertyNames", "items") if name in schema]
    for inner in below:
        if isinstance(inner, dict):
            yield from _schemas(inner)


def test_the_schema_is_one_and_uses_no_unknown_keyword() -> None:
    schema = read_schema("recipe.schema.json")
    Draft202012Validator.check_schema(schema)
    assert {keyword for inner in _schemas(schema) for keyword in inner} <= _KEYWORDS


def test_every_object_is_closed_and_every_text_has_an_end() -> None:
    schemas = list(_schemas(read_schema("recipe.schema.json")))
    objects = [inner for inner in schemas if inner.get("type") == "object"]
    texts = [inner for inner in schemas if "string" in inner.get("type", ()) and "enum" not in inner]
    assert len(objects) > 12
    assert all("additionalProperties" in inner for inner in objects)
    assert len(texts) > 20
    assert all("maxLength" in inner for inner in texts)


def test_every_pattern_is_anchored_and_comes_after_its_length() -> None:
    patterns = [inner for inner in _schemas(read_schema("recipe.schema.json")) if "pattern" in inner]
    assert len(patterns) > 12
    for inner in patterns:
        assert re.fullmatch(r"\^.*\$", inner["pattern"])
        assert list(inner).index("maxLength") < list(inner).index("pattern")
        assert inner["x-rule"]


def test_every_key_is_described_and_whole_numbers_are_bounded() -> None:
    schemas = list(_schemas(read_schema("recipe.schema.json")))
    keys = [inner for schema in schemas for inner in schema.get("properties", {}).values()]
    assert len(keys) > 50
    assert all(len(inner["description"]) > 10 for inner in keys)
    numbers = [inner for inner in schemas if inner.get("type") == "integer" and "const" not in inner]
    assert all("minimum" in inner and "maximum" in inner for inner in numbers)


def test_steps_sections_and_keys_are_the_same_in_schema_and_values() -> None:
    properties = read_schema("recipe.schema.json")["properties"]
    steps = [name for name, section in properties.items() if section.get("x-step")]
    assert tuple(steps) == model.STEP_SECTIONS
    assert set(properties) - {"extends"} == {field.name for field in fields(model.Recipe)}


@pytest.mark.parametrize(
    ("section", "values"),
    [
        ("workspace", model.Workspace),
        ("model", model.Model),
        ("compute", model.Compute),
        ("dataset", model.Dataset),
        ("finetune", model.Finetune),
        ("register", model.Register),
        ("endpoint", model.Endpoint),
        ("baseline", model.Baseline),
        ("deployment", model.Deployment),
        ("sample", model.Sample),
    ],
)
def test_a_sections_keys_and_defaults_are_its_values(section: str, values: type) -> None:
    schema = read_schema("recipe.schema.json")["properties"][section]
    _agree(schema, values)


def test_an_identitys_keys_are_its_values() -> None:
    endpoint = read_schema("recipe.schema.json")["properties"]["endpoint"]
    _agree(endpoint["properties"]["identity"], model.Identity)


def test_every_list_has_an_end() -> None:
    lists = [inner for inner in _schemas(read_schema("recipe.schema.json")) if inner.get("type") == "array"]
    assert lists
    assert all({"items", "minItems", "maxItems"} <= set(inner) for inner in lists)


def test_a_probes_keys_and_defaults_are_its_values() -> None:
    _agree(read_schema("recipe.schema.json")["$defs"]["probe"], model.Probe)


def _agree(schema: Mapping[str, Any], values: type) -> None:
    known = {field.name: field for field in fields(values)}
    needed = [name for name, field in known.items() if field.default is field.default_factory is MISSING]
    assert set(schema["properties"]) == set(known)
    assert schema.get("required", []) == needed
    defaults = {name: inner["default"] for name, inner in schema["properties"].items() if "default" in inner}
    for name, default in defaults.items():
        field = known[name]
        meant = field.default_factory() if callable(field.default_factory) else field.default
        assert default == meant
