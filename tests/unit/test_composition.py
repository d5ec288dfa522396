"""One recipe of several files, profiles and settings: who wins, where each value stands, what is refused."""

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from runner import opening, origins
from runner.cli import main
from runner.errors import Diagnostic, RecipeInvalid, UsageError
from runner.facts import TargetKind
from runner.load import EVERY_SECTION, Loaded, load, resolve
from runner.origins import InForce, Origin
from runner.redact import MASK, redact

BASE = """\
version: 1
name: base
model: {name: Phi-4}
compute:
  name: gpu-a100
  size: Standard_NC24ads_A100_v4
  gpus_per_node: 1
dataset: {path: rows, train: train, test: test}
finetune:
  task: chat_completion
  parameters:
    num_train_epochs: 3
    lora_r: 8
endpoint: {}
"""
TODAY = date(2026, 11, 21)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a checkout in which recipes may extend each other."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "configs" / "profiles").mkdir(parents=True)
    return tmp_path / "configs"


def _write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name.replace('__', '/')}.yaml").write_text(text, encoding="utf-8")
    return folder / "r.yaml"


def _refused(path: Path, **asked: list[str]) -> tuple[Diagnostic, ...]:
    with pytest.raises(RecipeInvalid) as caught:
        load(path, **asked)
    return caught.value.diagnostics


def _at(found: Diagnostic) -> tuple[str, int, int, str]:
    return Path(found.path).name, found.line, found.column, found.code


def test_the_recipe_wins_over_what_it_extends_and_adds_to_its_mappings(folder: Path) -> None:
    path = _write(
        folder, base=BASE, r="extends: [base.yaml]\nname: mine\nfinetune:\n  parameters: {lora_r: 16}\n"
    )
    recipe = load(path).recipe
    assert recipe.name == "mine"
    assert recipe.finetune is not None
    assert recipe.finetune.parameters == {"num_train_epochs": 3, "lora_r": 16}


def test_later_bases_win_over_earlier_ones_then_profiles_then_settings(folder: Path) -> None:
    path = _write(
        folder,
        base=BASE,
        two="name: two\nexperiment: two\ndescription: two\n",
        r="extends: [base.yaml, two.yaml]\nexperiment: mine\n",
        profiles__dev="description: dev\ntags: {stage: dev}\n",
    )
    loaded = load(path, profiles=["dev"], settings=["tags.stage=set"])
    recipe = loaded.recipe
    assert (recipe.name, recipe.experiment, recipe.description) == ("two", "mine", "dev")
    assert recipe.tags == {"stage": "set"}
    assert [part.kind for part in loaded.source.parts] == ["extends", "extends", "recipe", "profile", "--set"]


def test_null_takes_away_what_a_lower_file_says(folder: Path) -> None:
    path = _write(folder, base=BASE, r="extends: [base.yaml]\nendpoint: null\n")
    assert load(path).recipe.endpoint is None
    assert load(path, settings=["finetune=null"]).recipe.finetune is None


def test_null_with_nothing_to_take_away_is_a_mistake(folder: Path) -> None:
    path = _write(folder, base=BASE, r="extends: [base.yaml]\nendpont: null\nregister: null\n")
    assert [_at(found) for found in _refused(path)] == [
        ("r.yaml", 2, 1, "unknown-key"),
        ("r.yaml", 3, 11, "wrong-type"),
    ]


def test_each_mistake_is_placed_in_the_file_it_stands_in(folder: Path) -> None:
    path = _write(
        folder,
        base=BASE.replace("num_train_epochs: 3", "num_train_epochs: 0"),
        r="extends: [base.yaml]\nmodel: {name: 7}\n",
        profiles__dev="compute: {gpus_per_node: none}\n",
    )
    found = _refused(path, profiles=["dev"], settings=["finetune.parameters.lora_r=many"])
    assert [_at(each) for each in found] == [
        ("r.yaml", 2, 15, "wrong-type"),
        ("base.yaml", 12, 23, "out-of-range"),
        ("dev.yaml", 1, 26, "wrong-type"),
        ("--set", 1, 28, "wrong-type"),
    ]
    assert found[1].path == str(folder / "base.yaml")


def test_what_is_missing_is_told_where_the_topmost_file_should_have_it(folder: Path) -> None:
    path = _write(
        folder,
        base="version: 1\nname: base\nmodel: {name: Phi-4}\n",
        r="extends: [base.yaml]\nregister: {}\n",
    )
    assert ("r.yaml", 2, 11, "missing-key") in [_at(each) for each in _refused(path)]


def test_a_value_that_was_overridden_is_not_judged(folder: Path) -> None:
    path = _write(folder, base=BASE.replace("lora_r: 8", "lora_r: 0"), r="extends: [base.yaml]\nname: mine\n")
    assert load(path, settings=["finetune.parameters.lora_r=8"]).recipe.name == "mine"


def test_yaml_mistakes_of_every_file_are_told_at_once(folder: Path) -> None:
    path = _write(folder, base=BASE + "name: again\n", r="extends: [base.yaml]\ntags: {a: !!int 3}\n")
    assert [_at(each) for each in _refused(path)] == [
        ("r.yaml", 2, 11, "tag"),
        ("base.yaml", 15, 1, "duplicate-key"),
    ]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("../../outside.yaml", "extends-outside"),
        ("/etc/passwd", "extends-outside"),
        ("~/x.yaml", "extends-outside"),
        ("C:\\x.yaml", "extends-outside"),
        ("..\\x.yaml", "extends-outside"),
        ("none.yaml", "no-such-file"),
        ("profiles", "not-a-file"),
        ("r.yaml", "extends-cycle"),
        ("link.yaml", "extends-outside"),
    ],
)
def test_a_file_that_may_not_be_extended_is_told_at_its_name(folder: Path, name: str, code: str) -> None:
    (folder.parent.parent / "outside.yaml").write_text("name: outside\n")
    (folder / "link.yaml").symlink_to(folder.parent.parent / "outside.yaml")
    path = _write(folder, base=BASE, r=f"extends:\n  - base.yaml\n  - {json.dumps(name)}\n")
    assert [_at(each) for each in _refused(path)] == [("r.yaml", 3, 5, code)]


def test_a_base_may_lie_anywhere_in_the_repository_and_is_shown_from_where_the_recipe_was_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder.parent / "shared.yaml").write_text(BASE.replace("gpus_per_node: 1", "gpus_per_node: none"))
    _write(folder, r="extends: [../shared.yaml]\n")
    monkeypatch.chdir(folder.parent)
    assert [each.path for each in _refused(Path("configs/r.yaml"))] == ["shared.yaml"]


def test_one_mistake_of_the_yaml_does_not_become_a_second_one_of_the_recipe(folder: Path) -> None:
    broken = BASE.replace("gpu-a100", ".nan").replace("task: chat_completion", "? [task]\n  : x")
    path = _write(folder, base=broken, r="extends: [base.yaml]\nname: mine\n")
    assert [_at(each) for each in _refused(path)] == [
        ("base.yaml", 5, 9, "not-a-number"),
        ("base.yaml", 10, 5, "key-not-text"),
    ]


def test_outside_a_repository_files_stay_beside_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "inner" / "r.yaml").write_text("extends: [../base.yaml]\n")
    assert "extends-outside" in {each.code for each in _refused(tmp_path / "inner" / "r.yaml")}


def test_a_cycle_names_the_files_it_goes_through(folder: Path) -> None:
    path = _write(folder, r=BASE + "extends: [a.yaml]\n", a="extends: [b.yaml]\n", b="extends: [a.yaml]\n")
    (found,) = _refused(path)
    assert _at(found) == ("b.yaml", 1, 11, "extends-cycle")
    assert "a.yaml extends b.yaml extends a.yaml" in found.message


def test_a_flood_of_bases_ends(folder: Path) -> None:
    files = {f"f{depth}": f"extends: [f{depth + 1}.yaml]\n" for depth in range(60)}
    path = _write(folder, **files, f60="name: x\n", r="extends: [f0.yaml]\n" + BASE)
    assert [_at(each) for each in _refused(path)] == [("f18.yaml", 1, 11, "too-many-bases")]


def test_many_large_bases_end_too(folder: Path) -> None:
    large = "".join(f"k{number}: 1\n" for number in range(4900))
    files = {f"f{number}": large for number in range(15)}
    path = _write(folder, **files, r=f"extends: [{', '.join(f'{name}.yaml' for name in files)}]\n{BASE}")
    found = _refused(path)
    assert {each.path for each in found if each.code == "too-many-values"} == {
        str(folder / f"f{number}.yaml") for number in range(2, 15)
    }


def test_a_file_that_two_extend_is_laid_once_at_the_bottom(folder: Path) -> None:
    path = _write(
        folder,
        base="description: base\ncleanup: never\n",
        r=BASE + "extends: [base.yaml, base.yaml]\ndescription: mine\n",
        profiles__dev="extends: [../base.yaml]\ncleanup: always\n",
    )
    loaded = load(path, profiles=["dev"])
    assert (loaded.recipe.description, loaded.recipe.cleanup.value) == ("mine", "always")
    assert [part.kind for part in loaded.source.parts] == ["extends", "recipe", "profile"]
    found = _value(_values(loaded), "description")
    assert (found.origin, [Path(lost.place).name for lost in found.overrode]) == (
        Origin.RECIPE,
        ["base.yaml:1"],
    )


def test_a_profile_that_the_recipe_extends_can_still_be_laid_on_top(folder: Path) -> None:
    path = _write(
        folder, r=BASE + "extends: [profiles/dev.yaml]\ncleanup: never\n", profiles__dev="cleanup: always\n"
    )
    loaded = load(path, profiles=["dev", "dev"])
    assert loaded.recipe.cleanup.value == "always"
    overrode = _value(_values(loaded), "cleanup").overrode
    assert [Path(lost.place).name for lost in overrode] == ["r.yaml:16", "dev.yaml:1"]
    (folder / "profiles" / "dev.yaml").write_text("cleanup: always\ncleanup: never\n")
    assert [each.code for each in _refused(path, profiles=["dev"])] == ["duplicate-key"]


def test_a_profile_may_not_be_a_link_out_of_the_repository(folder: Path) -> None:
    (folder.parent.parent / "outside.yaml").write_text("name: outside\n")
    (folder / "profiles" / "out.yaml").symlink_to(folder.parent.parent / "outside.yaml")
    (folder / "profiles" / "linked.yaml").symlink_to(folder / "real.yaml")
    path = _write(folder, r=BASE, real="nme: x\n")
    with pytest.raises(UsageError, match="leads out"):
        load(path, profiles=["out"])
    assert [each.path for each in _refused(path, profiles=["linked"])] == [
        str(folder / "profiles" / "linked.yaml")
    ]


def test_a_loop_of_links_is_a_file_that_cannot_be_read(folder: Path) -> None:
    (folder / "loop.yaml").symlink_to(folder / "loop.yaml")
    path = _write(folder, r=BASE + "extends: [loop.yaml]\n")
    assert [_at(each) for each in _refused(path)] == [("r.yaml", 15, 11, "not-readable")]


def test_nothing_is_missing_because_a_base_could_not_be_had(folder: Path) -> None:
    path = _write(folder, r="extends: [none.yaml]\nversion: 1\nname: mine\n")
    assert [each.code for each in _refused(path)] == ["no-such-file"]


def test_a_mistake_in_a_base_does_not_hide_the_one_that_took_its_place(folder: Path) -> None:
    path = _write(
        folder, base=BASE.replace("name: base", "name: !!str x"), r="extends: [base.yaml]\nname: BAD NAME\n"
    )
    assert [_at(each) for each in _refused(path)] == [
        ("r.yaml", 2, 7, "wrong-form"),
        ("base.yaml", 2, 7, "tag"),
    ]


@pytest.mark.parametrize("text", ["extends=[base.yaml]", f"{'.'.join(['a'] * 65)}=1"])
def test_a_setting_that_cannot_be_meant_is_a_usage_error(folder: Path, text: str) -> None:
    with pytest.raises(UsageError):
        load(_write(folder, r=BASE), settings=[text])


@pytest.mark.parametrize(
    "change",
    [
        "compute: {name: null, serverless: true}",
        "endpoint: {identity: {type: system_assigned}}",
        "endpoint: {identity: {type: user_assigned, user_assigned_identities: ['${env:ID}']}}",
        "description: \"two\\nlines: # 'x' password=\\nthen\"",
    ],
)
def test_config_replayed_is_the_same_for_what_has_no_defaults_to_write(
    folder: Path, capsys: pytest.CaptureFixture[str], change: str
) -> None:
    path = _write(folder, base=BASE, r=f"extends: [base.yaml]\n{change}\n")
    assert main(["config", str(path), "--origin"]) == 0
    (folder / "again.yaml").write_text(capsys.readouterr().out, encoding="utf-8")
    assert load(folder / "again.yaml").recipe.endpoint == load(path).recipe.endpoint
    assert load(folder / "again.yaml").recipe.compute == load(path).recipe.compute
    assert load(folder / "again.yaml").recipe.description == load(path).recipe.description


@pytest.mark.parametrize(
    ("value", "place"), [("base.yaml", (1, 10)), ("[]", (1, 10)), ("[1]", (1, 11)), ("[a: b]", (1, 11))]
)
def test_extends_is_a_list_of_texts(folder: Path, value: str, place: tuple[int, int]) -> None:
    path = _write(folder, r=f"extends: {value}\n{BASE}")
    (found,) = _refused(path)
    assert (found.line, found.column) == place
    assert found.code in {"wrong-type", "wrong-length"}


@pytest.mark.parametrize("name", ["none", "../base", "", "a/b", "x.yaml"])
def test_a_profile_that_is_not_there_is_a_usage_error_that_names_those_that_are(
    folder: Path, name: str
) -> None:
    path = _write(folder, r=BASE, profiles__dev="description: x\n")
    with pytest.raises(UsageError) as caught:
        load(path, profiles=[name])
    assert "dev" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("description=no", "no"),
        ("description=a # b: c", "a # b: c"),
        ("description='5'", "5"),
        ("tags={a: x}", {"a": "x"}),
        ("dataset.percent=5e-1", 0.5),
        ("compute.max_instances=2", 2),
    ],
)
def test_a_setting_is_yaml(folder: Path, text: str, value: object) -> None:
    loaded = load(_write(folder, r=BASE), settings=[text])
    found = loaded.source.tree
    for name in text.partition("=")[0].split("."):
        assert isinstance(found, Mapping)
        found = found[name]  # type: ignore[assignment]
    assert found == value


@pytest.mark.parametrize("text", ["name", "=x", ".a=1", "a..b=1", ""])
def test_what_is_no_setting_is_a_usage_error(folder: Path, text: str) -> None:
    with pytest.raises(UsageError, match="KEY=VALUE"):
        load(_write(folder, r=BASE), settings=[text])


def test_a_mistake_in_a_setting_has_its_number_and_its_column(folder: Path) -> None:
    found = _refused(
        _write(folder, r=BASE),
        settings=["name=ok", "tags={a: !!int 3}", "compute.size=.nan", "nme=x", "endpoint={auth_mode: x}"],
    )
    assert [_at(each) for each in found] == [
        ("--set", 2, 10, "tag"),
        ("--set", 3, 14, "not-a-number"),
        ("--set", 4, 1, "unknown-key"),
        ("--set", 5, 22, "not-allowed-value"),
    ]


def test_variables_are_filled_in_where_they_may_stand(folder: Path) -> None:
    text = BASE.replace("path: rows", "path: '${env:ROWS}/chat'") + "tags: {team: '${env:TEAM}'}\n"
    loaded = resolve(load(_write(folder, r=text)), {"ROWS": "/data", "TEAM": "llm"}, needed=EVERY_SECTION)
    assert loaded.recipe.dataset is not None
    assert (loaded.recipe.dataset.path, loaded.recipe.tags) == ("/data/chat", {"team": "llm"})


def test_an_unset_variable_is_an_error_only_where_it_is_needed(folder: Path) -> None:
    loaded = load(_write(folder, r=BASE + "tags:\n  team: ${env:TEAM}\n"))
    assert resolve(loaded, {}, needed=()).recipe.tags == {"team": "${env:TEAM}"}
    with pytest.raises(RecipeInvalid) as caught:
        resolve(loaded, {}, needed=EVERY_SECTION)
    assert [_at(each) for each in caught.value.diagnostics] == [("r.yaml", 16, 9, "env-unset")]


def test_what_the_environment_makes_of_a_value_has_to_have_its_form(folder: Path) -> None:
    loaded = load(_write(folder, r=BASE + "tags:\n  team: ${env:TEAM}\n"))
    for text in ("x" * 257, "${env:OTHER}"):
        with pytest.raises(RecipeInvalid) as caught:
            resolve(loaded, {"TEAM": text}, needed=())
        assert [_at(each) for each in caught.value.diagnostics] == [("r.yaml", 16, 9, "wrong-form")]


@pytest.mark.parametrize(
    "name", ["DB_PASSWD", "STORAGE_SAS", "AZURE_STORAGE_KEY", "MY_PWD", "ACCOUNTKEY", "HF_TOKENS"]
)
def test_a_variable_named_like_a_secret_is_one_and_is_never_shown_again(folder: Path, name: str) -> None:
    loaded = load(_write(folder, r=BASE + f"tags: {{team: '${{env:{name}}}'}}\n"))
    with pytest.raises(RecipeInvalid) as caught:
        resolve(loaded, {name: f"canary-{name}"}, needed=())
    assert [each.code for each in caught.value.diagnostics] == ["secret-from-environment"]
    assert redact(f"see canary-{name}") == f"see {MASK}"


@pytest.mark.parametrize("name", ["TOKENIZED_DATA", "TOKENIZER_DIR", "MONKEY", "PATTERN"])
def test_a_variable_that_only_sounds_like_a_secret_is_none(folder: Path, name: str) -> None:
    loaded = load(_write(folder, r=BASE + f"tags: {{team: '${{env:{name}}}'}}\n"))
    assert resolve(loaded, {name: "rows"}, needed=()).recipe.tags == {"team": "rows"}


def test_a_secret_in_the_workspace_section_is_refused_as_well(folder: Path) -> None:
    loaded = load(_write(folder, r=BASE + "workspace: {config_file: '${env:MY_TOKEN}'}\n"))
    with pytest.raises(RecipeInvalid) as caught:
        resolve(loaded, {"MY_TOKEN": "canary-workspace"}, needed=())
    assert [_at(each) for each in caught.value.diagnostics] == [("r.yaml", 15, 26, "secret-from-environment")]


def test_a_tag_named_like_a_secret_is_refused(folder: Path) -> None:
    (found,) = _refused(_write(folder, r=BASE + "tags: {api_token: hunter22, cost_center: a}\n"))
    assert _at(found) == ("r.yaml", 15, 19, "secret-in-recipe")
    assert "hunter22" not in str(found)


@pytest.mark.parametrize(
    ("name", "value"), [("HF_TOKEN", "canary-value-1"), ("TEAM", "hf_canaryCanaryCanaryCanary")]
)
def test_a_secret_of_the_environment_is_refused_and_never_shown(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    path = _write(folder, r=BASE + f"tags:\n  team: ${{env:{name}}}\n")
    monkeypatch.setenv(name, value)
    assert main(["plan", "--offline", str(path), "--target", "emulator"]) == 3
    captured = capsys.readouterr()
    assert f"secret-from-environment tags.team: takes a secret from the environment: {name}" in captured.err
    assert value not in captured.out + captured.err


def _values(loaded: Loaded) -> tuple[InForce, ...]:
    facts, effective = opening.from_catalog(loaded, TargetKind.EMULATOR, TODAY)
    return origins.values(loaded, effective, facts.component)


def _value(found: tuple[InForce, ...], dotted: str) -> InForce:
    return next(each for each in found if ".".join(map(str, each.key)) == dotted)


def test_every_value_tells_where_it_is_from_and_what_it_overrode(folder: Path) -> None:
    path = _write(
        folder,
        base=BASE,
        r="extends: [base.yaml]\nname: mine\n",
        profiles__dev="finetune: {parameters: {lora_r: 16}}\n",
    )
    found = _values(load(path, profiles=["dev"], settings=["finetune.parameters.lora_r=32"]))
    rank = _value(found, "finetune.parameters.lora_r")
    assert (rank.origin, rank.value, rank.place) == (Origin.SETTING, 32, "--set:1")
    assert [(Path(lost.place).name, lost.value) for lost in rank.overrode] == [
        ("dev.yaml:1", 16),
        ("base.yaml:13", 8),
        ("component default", 8),
    ]
    assert _value(found, "name").overrode[0].value == "base"
    assert _value(found, "compute.tier").origin is Origin.DEFAULT
    assert _value(found, "finetune.parameters.deepspeed_stage").origin is Origin.MODEL_DEFAULT
    assert _value(found, "finetune.parameters.seed").origin is Origin.COMPONENT_DEFAULT
    assert _value(found, "finetune.parameters.compute_finetune").origin is Origin.DERIVED
    assert _value(found, "model.name").origin is Origin.EXTENDS
    epochs = _value(found, "finetune.parameters.num_train_epochs")
    assert [lost.place for lost in epochs.overrode] == ["model default", "component default"]
    names = [".".join(map(str, each.key[:2])) for each in found]
    assert names.index("finetune.parameters") == names.index("finetune.component_version") + 1


def test_a_default_that_says_the_same_was_not_overridden(folder: Path) -> None:
    found = _values(load(_write(folder, r=BASE)))
    assert _value(found, "finetune.parameters.lora_r").overrode == ()


def test_what_the_environment_fills_in_is_not_told(folder: Path) -> None:
    loaded = load(_write(folder, r=BASE + "tags: {team: '${env:TEAM}'}\n"))
    filled = resolve(loaded, {"TEAM": "canary"}, needed=EVERY_SECTION)
    assert filled.recipe.tags == {"team": "canary"}
    assert _value(_values(filled), "tags.team").value == "${env:TEAM}"


def test_config_on_the_command_line_is_a_recipe_with_comments(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _write(folder, base=BASE, r="extends: [base.yaml]\nname: mine\n")
    assert main(["config", str(path), "--origin", "--set", "compute.tier=low_priority"]) == 0
    printed = capsys.readouterr().out
    assert "  tier: low_priority  # --set:1\n" in printed
    assert f"name: mine  # {path}:2, over {folder / 'base.yaml'}:2 (base)\n" in printed
    assert main(["config", str(path), "--output", "json"]) == 0
    values = json.loads(capsys.readouterr().out)["values"]
    assert {"key": "name", "value": "mine"}.items() <= values[1].items()


def test_a_secret_that_another_file_covers_is_found_all_the_same(folder: Path) -> None:
    path = _write(
        folder,
        base=BASE + "description: hf_abcdefghijklmnopqrstuvwxyz\n",
        r="extends: [base.yaml]\ndescription: none\n",
    )
    assert [_at(each) for each in _refused(path)] == [("base.yaml", 15, 14, "secret-in-recipe")]
    covered = _write(folder, r="extends: [base.yaml]\ndescription: null\n")
    assert [_at(each) for each in _refused(covered)] == [("base.yaml", 15, 14, "secret-in-recipe")]


_TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")),
    min_size=1,
    max_size=12,
) | st.sampled_from(["no", "5e-6", "null", "true", "2024-01-01", "a: b", "# x", "", "'", '"', "~", "012"])
_CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "description": _TEXTS,
        "tags": st.dictionaries(st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True), _TEXTS, max_size=3),
        "compute": st.fixed_dictionaries(
            {},
            optional={
                "tier": st.sampled_from(["dedicated", "low_priority"]),
                "max_instances": st.integers(1, 9),
            },
        ),
        "dataset": st.fixed_dictionaries({}, optional={"percent": st.floats(1e-3, 100)}),
        "endpoint": st.none() | st.fixed_dictionaries({"auth_mode": st.sampled_from(["key", "aad_token"])}),
        "finetune": st.fixed_dictionaries(
            {
                "parameters": st.fixed_dictionaries(
                    {},
                    optional={
                        "learning_rate": st.floats(0, 1),
                        "lora_r": st.integers(1, 512),
                        "precision": st.sampled_from(["16", 32]),
                        "apply_lora": st.sampled_from([True, "false"]),
                        "lora_dropout": st.none() | st.floats(0, 0.99),
                    },
                )
            }
        ),
    },
)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_CHANGES, _CHANGES)
def test_config_replayed_is_the_same_recipe(
    folder: Path, lower: Mapping[str, object], upper: Mapping[str, object]
) -> None:
    """What `config --origin` prints loads, alone, to the same values: YAML is what JSON is part of."""
    low = {"extends": ["base.yaml"], **_without_null(lower)}
    path = _write(folder, base=BASE, low=_yaml(low), r=_yaml({"extends": ["low.yaml"], **upper}))
    try:
        loaded = load(path)
    except RecipeInvalid:  # such as null with nothing to take away; Hypothesis objects if these are many
        reject()
    found = _values(loaded)
    replayed = folder / "replayed.yaml"
    replayed.write_text("\n".join(origins.as_yaml(found, comments=True)), encoding="utf-8")
    again = load(replayed)
    assert [(each.key, each.value) for each in _values(again)] == [(each.key, each.value) for each in found]
    assert {each.path for each in again.notices} <= {str(replayed)}


def _without_null(found: Mapping[str, object]) -> dict[str, object]:
    """Leave out what takes away: under a file that is itself extended there is nothing to take."""
    return {
        name: _without_null(value) if isinstance(value, dict) else value
        for name, value in found.items()
        if value is not None
    }


def _yaml(tree: Mapping[str, object]) -> str:
    """Write JSON, which is YAML as long as no character is escaped as two."""
    return json.dumps(tree, ensure_ascii=False)
