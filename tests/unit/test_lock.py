"""`runner lock`, `--check`, `--locked`: what moved is told at the recipe's line, before anything is made."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from runner import catalog, dataset, pins, provenance
from runner import opening as openings
from runner.catalog import Component, RegistryModel
from runner.cli import main
from runner.dataset.reading.refusals import refusal
from runner.errors import LockInvalid
from runner.facts import TargetKind
from runner.lifecycle import locking
from runner.load import load
from runner.pins import Lock
from runner.schema_files import read_schema
from runner.yaml12 import parse
from tests.unit.bench import AZURE
from tests.unit.hub_server import COMMIT

RECIPE = """\
version: 1
name: small
model:
  name: Phi-4
  version: latest
compute: {name: gpu, size: Standard_NC24ads_A100_v4, gpus_per_node: 1}
dataset:
  path: rows
  train: train
  test: test
  percent: 50
finetune:
  task: chat_completion
"""
ROW = {"messages": [{"role": "user", "content": "how?"}, {"role": "assistant", "content": "so"}]}
OTHER = {"messages": [{"role": "user", "content": "who?"}, {"role": "assistant", "content": "me"}]}


@dataclass
class Sky:
    """A registry with versions of Phi-4 and of the component, newest last, and a workspace with assets."""

    models: dict[str, RegistryModel]
    components: dict[str, Component]
    assets: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def publish(self, version: str, **fields: Any) -> None:  # noqa: ANN401 - a model's own fields
        newest = list(self.models.values())[-1]
        self.models[version] = replace(newest, version=version, **fields)

    def publish_component(self, version: str, **steps: Any) -> None:  # noqa: ANN401 - an input's own fields
        newest = list(self.components.values())[-1]
        inputs = {**newest.inputs, "max_steps": replace(newest.inputs["max_steps"], **steps)}
        self.components[version] = replace(newest, version=version, inputs=inputs)

    @property
    def cloud(self) -> Any:  # noqa: ANN401 - of which little is asked
        sizes = {size.name.lower(): size for size in catalog.vm_sizes()}
        return SimpleNamespace(
            target=AZURE,
            location="",
            registry=SimpleNamespace(
                model=lambda _name, version: self._of(self.models, version),
                component=lambda _name, version: self._of(self.components, version),
            ),
            computes=SimpleNamespace(sizes=lambda: sizes, get=lambda _: None, quota=lambda: ()),
            sources=SimpleNamespace(revision=lambda _azureml, revision, _splits: revision or "3"),
            assets=SimpleNamespace(data=lambda name, version: f"{name}:{version}" in self.assets or None),
        )

    def _of(self, versions: Mapping[str, Any], version: str) -> object:
        self.asked.append(version)
        return list(versions.values())[-1] if version == "latest" else versions.get(version)


@pytest.fixture
def sky(monkeypatch: pytest.MonkeyPatch) -> Sky:
    model, component = catalog.model("azureml", "Phi-4"), catalog.component("chat_completion")
    assert model
    assert component
    sky = Sky({"8": model}, {component.version: component})
    monkeypatch.setattr(openings, "where", lambda *_: AZURE)
    monkeypatch.setattr(openings, "connected", lambda *_: sky.cloud)
    return sky


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows").mkdir()
    for split in ("train", "test", "held"):
        rows(tmp_path, split, *[ROW] * 8)
    path = Path("small.yaml")
    path.write_text(RECIPE, encoding="utf-8")
    return path


def rows(folder: Path, split: str, *content: object) -> None:
    # No row of one split is in another.
    text = "".join(
        json.dumps(row).replace('"content": "', f'"content": "{split} ', 1) + "\n" for row in content
    )
    (folder / "rows" / f"{split}.jsonl").write_text(text, encoding="utf-8")


def runner(verb: str, *words: str) -> int:
    return main([verb, "small.yaml", "--target", "azure", *words])


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def said(capsys: pytest.CaptureFixture[str], verb: str, *words: str) -> tuple[int, list[str]]:
    """Give the exit code and every diagnostic: line, severity, key, what and what was locked."""
    capsys.readouterr()
    code = runner(verb, *words, "--output", "json")
    found = json.loads(capsys.readouterr().out)["diagnostics"]
    return code, [
        f"{each['line']} {each['severity']} {each['key']}: {each['message']}; {each['expected']}"
        for each in found
        if each["code"] in {"drifted", "pin-missing", "other-version"}
    ]


LOCK = Path("small.lock.yaml")
ROOT = Path(__file__).parents[2]


@pytest.mark.usefixtures("sky")
def test_a_lock_holds_what_all_names_and_rows_came_to(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert runner("lock") == 0
    assert "4 train rows, 4 test rows" in capsys.readouterr().out
    lock = pins.read(LOCK, recipe)
    assert lock.recipe == {
        "model.registry": "azureml",
        "model.name": "Phi-4",
        "model.version": "latest",
        "dataset.path": "rows",
        "dataset.train": "train",
        "dataset.test": "test",
        "dataset.percent": 50,
        "finetune.task": "chat_completion",
        "finetune.component_version": "latest",
    }
    assert lock.pins.model
    assert lock.pins.component
    assert lock.pins.dataset
    assert (lock.pins.model.version, lock.pins.component.version) == ("8", "0.0.82")
    assert {role: file.rows for role, file in lock.pins.dataset.files.items()} == {"train": 4, "test": 4}
    assert lock.versions == provenance.installations(TargetKind.AZURE)
    assert sorted(map(str, Path().iterdir())) == ["rows", "small.lock.yaml", "small.yaml"]


@pytest.mark.usefixtures("sky", "recipe")
def test_the_same_things_are_locked_in_the_same_bytes() -> None:
    runner("lock")
    first = LOCK.read_bytes()
    runner("lock")
    assert LOCK.read_bytes() == first
    assert first.splitlines()[0] == (
        b"# What small.yaml was locked to. Commit it; make it anew with: runner lock small.yaml"
    )
    tree = parse(first.decode()).value
    assert [*Draft202012Validator(read_schema("lock.schema.json")).iter_errors(tree)] == []


@pytest.mark.usefixtures("recipe")
def test_any_text_of_a_tag_can_be_locked_and_is_read_as_it_was_written(sky: Sky) -> None:
    odd = "{'a': \"\ud800\\\\\x07\x85\u202e\ufeff \u2028é😀\"}\n: - #"
    sky.publish("9", tags={"model_specific_defaults": odd})
    assert runner("lock") == 0
    lock = pins.read(LOCK, Path("small.yaml"))
    assert lock.pins.model
    shown = "{'a': \"\\ud800\\\\\\x07\\x85\\u202e\\ufeff \\u2028é😀\"}\\n: - #"
    assert lock.pins.model.tags == {"model_specific_defaults": shown}
    assert runner("lock", "--check") == 0


@pytest.mark.usefixtures("recipe")
def test_a_secret_in_a_tag_is_not_locked(sky: Sky) -> None:
    sky.publish("9", tags={"model_specific_defaults": "hf_abcdefghijklmnopqrst"})
    assert runner("lock") == 0
    assert "hf_abc" not in LOCK.read_text(encoding="utf-8")
    assert runner("lock", "--check") == 0


@pytest.mark.usefixtures("sky", "recipe")
def test_where_nothing_has_moved_a_check_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    runner("lock")
    before = LOCK.read_bytes()
    capsys.readouterr()
    assert runner("lock", "--check") == 0
    assert capsys.readouterr().out == "small.lock.yaml: nothing has moved\n"
    assert LOCK.read_bytes() == before


MOVES: Mapping[str, tuple[Callable[[Sky], None], list[str]]] = {
    "a newer model": (
        lambda sky: sky.publish("9"),
        ["5 error model.version: is version 9 now; the lock has version 8"],
    ),
    "a newer component": (
        lambda sky: sky.publish_component("0.0.83"),
        ["13 error finetune.component_version: is version 0.0.83 now; the lock has version 0.0.82"],
    ),
    "other rows": (
        lambda _: rows(Path(), "test", ROW, OTHER, *[ROW] * 6),
        ["10 error dataset.test: the rows have changed: 4 rows"],
    ),
    "rows behind those that are taken": (lambda _: rows(Path(), "test", *[ROW] * 7, OTHER), []),
    "more rows": (
        lambda _: rows(Path(), "train", *[ROW] * 10),
        ["9 error dataset.train: the rows have changed: 5 rows"],
    ),
}


@pytest.mark.usefixtures("recipe")
@pytest.mark.parametrize("move", MOVES)
def test_a_check_tells_value_by_value_what_has_moved(
    sky: Sky, capsys: pytest.CaptureFixture[str], move: str
) -> None:
    runner("lock")
    before = LOCK.read_bytes()
    does, expected = MOVES[move]
    does(sky)
    code, found = said(capsys, "lock", "--check")
    assert code == (5 if expected else 0)
    assert len(found) == len(expected)
    assert all(each.startswith(start) for each, start in zip(found, expected, strict=True))
    assert LOCK.read_bytes() == before


@pytest.mark.usefixtures("recipe")
@pytest.mark.parametrize("words", [("lock", "--check"), ("plan", "--locked"), ("run", "--locked")])
def test_a_version_that_says_something_else_has_drifted(
    sky: Sky, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    """A registry should not change a published version; if it does, the same names train something else."""
    runner("lock")
    sky.publish("8", tags={"model_specific_defaults": "{'max_steps': 3}", "finetune_compute_allow_list": []})
    sky.publish_component("0.0.82", default=7)
    code, found = said(capsys, *words)
    digest = pins.inputs_digest(sky.components["0.0.82"])[:12]
    assert code == 5
    assert [each.partition("; ")[0] for each in found if "error" in each] == [
        "5 error model.version: the tag model_specific_defaults of version 8 says something else",
        f"13 error finetune.component_version: the inputs of version 0.0.82 have changed: sha256 {digest}",
    ]
    assert any("warning model.version: the tag finetune_compute_allow_list" in each for each in found)
    assert not Path("runs").exists()


@pytest.mark.usefixtures("recipe")
@pytest.mark.parametrize("words", [("lock", "--check"), ("plan", "--locked"), ("run", "--locked")])
def test_a_pinned_version_that_is_gone_is_named(
    sky: Sky, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    runner("lock")
    sky.publish("9")
    sky.publish_component("0.0.83")
    del sky.models["8"], sky.components["0.0.82"]
    code, found = said(capsys, *words)
    assert code == 4
    assert found[:2] == [
        "5 error model.version: registry azureml has no Phi-4 8; ",
        "13 error finetune.component_version: registry azureml has no chat_completion_pipeline 0.0.82; ",
    ]
    assert not Path("runs").exists()


@pytest.mark.usefixtures("recipe")
def test_a_locked_plan_is_of_the_locked_versions_whatever_is_latest(
    sky: Sky, capsys: pytest.CaptureFixture[str]
) -> None:
    runner("lock")
    sky.publish("9")
    sky.publish_component("0.0.83", default=7)
    sky.asked.clear()
    capsys.readouterr()
    assert runner("plan", "--locked") == 0
    assert "Phi-4 8 with chat_completion_pipeline 0.0.82" in capsys.readouterr().out
    assert set(sky.asked) == {"8", "0.0.82"}
    assert runner("plan") == 0
    assert "Phi-4 9 with chat_completion_pipeline 0.0.83" in capsys.readouterr().out


@pytest.mark.usefixtures("sky", "recipe")
@pytest.mark.parametrize("words", [("run",), ("plan",), ("plan", "--offline")])
def test_other_rows_are_refused_before_anything_is_made(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    runner("lock")
    rows(Path(), "train", OTHER, *[ROW] * 7)
    rows(Path(), "test", OTHER, *[ROW] * 7)
    code, found = said(capsys, *words, "--locked")
    assert code == 5
    assert [each.partition(" the rows")[0] for each in found] == [
        "9 error dataset.train:",
        "10 error dataset.test:",
    ]
    assert not Path("runs").exists()


@pytest.mark.usefixtures("sky", "recipe")
def test_a_locked_run_has_its_rows_before_it_begins() -> None:
    runner("lock")
    loaded = load(Path("small.yaml"))
    lock = locking.beside(Path("small.yaml"), loaded, TargetKind.AZURE)
    cloud = openings.connected(None, None, "azureml")  # type: ignore[arg-type] # see the fixture
    with locking.opened(loaded, cloud, date(2026, 11, 21), None, lock) as opened:
        context = openings.context(opened, Path("runs/x"))
        assert context.prepared
        assert all(split.path.is_file() for split in context.prepared.values())
        assert opened.pins.dataset == lock.pins.dataset
        assert opened.loaded.recipe.model.version == "latest"
        assert context.recipe.model.version == "8"
        kept = context.prepared["train"].path
    assert not kept.exists()


@pytest.mark.usefixtures("sky")
@pytest.mark.parametrize(
    ("edited", "told"),
    [
        (("name: Phi-4", "name: Phi-3"), "4 error model.name: is Phi-3; the lock was made with Phi-4"),
        (("latest", "'8'"), "5 error model.version: is 8; the lock was made with latest"),
        (("train: train", "train: held"), "9 error dataset.train: is held; the lock was made with train"),
        (
            ("  test: test\n", "  test: test\n  validation: held\n"),
            "11 error dataset.validation: is held; the lock was made with not given",
        ),
        (("percent: 50", "percent: 25"), "11 error dataset.percent: is 25; the lock was made with 50"),
        (("  percent: 50\n", ""), "8 error dataset.percent: is 100; the lock was made with 50"),
    ],
)
@pytest.mark.parametrize(
    "words", [("lock", "--check"), ("run", "--locked"), ("plan", "--locked", "--offline")]
)
def test_a_lock_is_only_of_the_recipe_it_was_made_of(
    recipe: Path,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    edited: tuple[str, str],
    told: str,
) -> None:
    runner("lock")
    edit(recipe, *edited)
    assert said(capsys, *words) == (5, [told])


@pytest.mark.usefixtures("sky")
def test_what_a_lock_does_not_hang_on_may_change(recipe: Path) -> None:
    runner("lock")
    edit(recipe, "percent: 50", "percent: 50.0")
    edit(recipe, "task: chat_completion", "task: chat_completion\n  parameters: {max_steps: 3}")
    assert runner("lock", "--check") == 0
    assert runner("plan", "--locked") == 0


@pytest.mark.usefixtures("sky", "recipe")
def test_the_place_of_a_changed_value_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    runner("lock")
    code, found = said(capsys, "run", "--locked", "--set", "dataset.percent=25")
    assert (code, found) == (5, ["1 error dataset.percent: is 25; the lock was made with 50"])


@pytest.mark.usefixtures("sky", "recipe")
def test_a_lock_of_one_target_is_none_of_the_other(capsys: pytest.CaptureFixture[str]) -> None:
    runner("lock")
    capsys.readouterr()
    assert main(["plan", "small.yaml", "--offline", "--locked", "--target", "emulator"]) == 5
    assert "the target is emulator; the lock was made on azure" in capsys.readouterr().err


@pytest.mark.usefixtures("sky", "recipe")
def test_another_version_of_a_library_is_only_a_notice(capsys: pytest.CaptureFixture[str]) -> None:
    runner("lock")
    edit(LOCK, f'pyarrow: "{provenance.installed("pyarrow")}"', 'pyarrow: "0.1"')
    line = LOCK.read_text(encoding="utf-8").splitlines().index('  pyarrow: "0.1"') + 1
    now = provenance.installed("pyarrow")
    told = [f"{line} notice versions.pyarrow: is {now} here; the lock was made with 0.1"]
    assert said(capsys, "lock", "--check") == (0, told)
    assert said(capsys, "plan", "--locked") == (0, told)
    assert said(capsys, "plan", "--locked", "--offline") == (0, told)


@pytest.mark.usefixtures("sky", "recipe")
@pytest.mark.parametrize("words", [("lock", "--check"), ("run", "--locked"), ("plan", "--locked")])
def test_without_a_lock_there_is_a_hint_of_how_to_make_one(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    assert runner(*words) == 2
    assert capsys.readouterr().err.splitlines() == [
        "error: there is no lock small.lock.yaml",
        "  hint: runner lock small.yaml makes it",
    ]


@pytest.mark.usefixtures("sky", "recipe")
def test_a_recipe_whose_model_is_nowhere_is_not_locked(capsys: pytest.CaptureFixture[str], sky: Sky) -> None:
    del sky.models["8"]
    sky.models["7"] = None  # type: ignore[assignment] # nothing is found under any name
    code, found = said(capsys, "lock")
    assert (code, found) == (4, ["5 error model.version: registry azureml has no Phi-4 latest; "])
    assert not LOCK.exists()


@pytest.mark.usefixtures("sky", "recipe")
def test_a_setting_that_a_lock_was_made_with_is_missed(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--set", "dataset.validation=held")
    assert runner("lock", *words) == 0
    assert runner("plan", "--locked", *words) == 0
    told = ["8 error dataset.validation: is not given; the lock was made with held"]
    assert said(capsys, "plan", "--locked") == (5, told)


@pytest.mark.usefixtures("sky", "recipe")
def test_the_options_that_a_lock_was_made_with_are_told_wherever_it_is_made_anew(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert runner("lock", "--set", "dataset.percent=100", "--set", "description=a b") == 0
    anew = "runner lock small.yaml --set dataset.percent=100 --set 'description=a b'"
    assert LOCK.read_text(encoding="utf-8").splitlines()[0].endswith(f"make it anew with: {anew}")
    capsys.readouterr()
    for words in (("lock", "--check"), ("run", "--locked")):
        assert runner(*words) == 5
        refusal = capsys.readouterr().err
        assert "the lock was made with --set dataset.percent=100 --set 'description=a b'" in refusal
        assert f"{anew} locks what there is now" in refusal


@pytest.mark.usefixtures("sky", "recipe")
def test_what_somebody_wrote_into_a_locks_options_is_quoted(capsys: pytest.CaptureFixture[str]) -> None:
    assert runner("lock", "--set", "dataset.percent=100") == 0
    edit(LOCK, 'options: "--set dataset.percent=100"', 'options: "--set a; reboot"')
    capsys.readouterr()
    assert runner("lock", "--check") == 5
    assert "runner lock small.yaml --set 'a;' reboot locks" in capsys.readouterr().err


@pytest.mark.usefixtures("sky")
def test_what_the_environment_filled_in_is_not_locked(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(recipe, "path: rows", "path: ${env:ROWS}")
    monkeypatch.setenv("ROWS", "rows")
    assert runner("lock") == 0
    lock = pins.read(LOCK, recipe)
    assert lock.pins.dataset
    assert (lock.pins.dataset.source, lock.recipe["dataset.path"]) == ("${env:ROWS}", "${env:ROWS}")
    (recipe.parent / "rows").rename(recipe.parent / "moved")
    monkeypatch.setenv("ROWS", "moved")
    assert runner("lock", "--check") == 0


@pytest.mark.usefixtures("sky", "recipe")
def test_a_lock_that_cannot_be_written_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    LOCK.mkdir()
    assert runner("lock") == 2
    assert capsys.readouterr().err == "error: small.lock.yaml cannot be written: Is a directory\n"
    assert [path.name for path in Path().glob(".*")] == []


# --- rows that lie elsewhere --------------------------------------------------------------------------------


@pytest.fixture
def hub(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Give a Hub on which only `lab/chat` is; `main` may be moved, and a commit be lost."""
    refs = {"main": COMMIT}
    edit(recipe, "path: rows", "huggingface: lab/chat\n  revision: main")

    def prepare(section: Any, *, folder: Path, into: Path, **_: object) -> Any:  # noqa: ANN401 - a stand-in
        if section.revision not in refs.values():
            raise refusal("lab/chat", "revision", "no-such-revision", "the data set has no such revision")
        files = replace(section, huggingface=None, revision=None, path="rows")
        return {
            role: replace(split, revision=section.revision)
            for role, split in real(files, folder=folder, into=into).items()
        }

    real = dataset.prepare
    monkeypatch.setattr(dataset, "commit_of", lambda _, revision: refs.get(revision, revision))
    monkeypatch.setattr(dataset, "prepare", prepare)
    return refs


@pytest.mark.usefixtures("sky")
def test_a_branch_that_has_moved_is_told_and_a_locked_run_stays_at_its_commit(
    hub: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert runner("lock") == 0
    hub |= {"main": "f" * 40, "old": COMMIT}
    assert said(capsys, "lock", "--check") == (
        5,
        [f"9 error dataset.revision: is {'f' * 40} now; the lock has {COMMIT}"],
    )
    assert said(capsys, "plan", "--locked") == (0, [])


@pytest.mark.usefixtures("sky")
@pytest.mark.parametrize("words", [("lock", "--check"), ("run", "--locked")])
def test_a_commit_that_the_hub_has_lost_is_a_pinned_version_that_is_gone(
    hub: dict[str, str], capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    assert runner("lock") == 0
    hub["main"] = "f" * 40
    code, found = said(capsys, *words)
    assert code == 4
    assert found == [f"8 error dataset.huggingface: lab/chat at {COMMIT} is not on the Hub any more; "]


def test_data_assets_are_locked_to_their_version(
    sky: Sky, recipe: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which versions the newest are is asked once, and no row of them is read here."""
    monkeypatch.setattr(dataset, "prepare", lambda *_, **__: {})
    edit(recipe, "path: rows", "azureml: chat")
    sky.assets = {"chat-train:3", "chat-test:3"}
    assert runner("lock") == 0
    assert runner("lock", "--check") == 0
    sky.assets = {"chat-train:3", "chat-test:4"}
    code, found = said(capsys, "run", "--locked")
    assert (code, found) == (4, ["10 error dataset.test: the workspace has no chat-test 3; "])


# --- what it is read and written with ----------------------------------------------------------------------


@pytest.mark.usefixtures("sky", "recipe")
def test_a_locked_plan_without_a_cloud_imports_nothing_heavy() -> None:
    runner("lock")
    program = (
        "import sys; from runner.cli import main\n"
        "assert main(['plan', 'small.yaml', '--offline', '--locked', '--target', 'azure']) == 0\n"
        "heavy = {'azure', 'datasets', 'huggingface_hub', 'pandas', 'pyarrow', 'torch'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, capture_output=True)


def test_a_name_of_a_file_stays_within_the_comment() -> None:
    lock = Lock(target=TargetKind.AZURE, recipe={"model.name": "a"}, pins=pins.Pins(), versions={})
    text = pins.as_text(lock, Path("a\nb\u2028c\udcff.yaml"))
    assert text.encode().splitlines()[0].startswith(b"# What a?b?c?.yaml was locked to.")


# --- files that are no locks --------------------------------------------------------------------------------


@pytest.mark.usefixtures("sky")
@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("lock: 1\n", "lock: 2\n", "2:7 not-allowed-value lock: must be 1"),
        ("lock: 1\n", "", "missing-key lock: is missing"),
        ("target: ", "goal: ", "unknown-key goal: no such key"),
        ('target: "azure"', 'target: "moon"', "not-allowed-value target"),
        ("rows: 4\n      bytes", "rows: many\n      bytes", "wrong-type dataset.files.train.rows: is text"),
        ('  train:\n      sha256: "', '  train:\n      sha256: "x', "dataset.files.train.sha256: must be 64"),
        ("model:\n", "model:\n  version: null\n", "duplicate-key model.version"),
        ("recipe:\n", "<<<<<<< HEAD\nrecipe:\n", "conflict"),
        ("lock: 1\n", "lock: 1\npins: !!python/object:os.system {}\n", "tag pins"),
    ],
)
def test_a_damaged_lock_is_told_at_its_line(recipe: Path, old: str, new: str, told: str) -> None:
    runner("lock")
    text = LOCK.read_text(encoding="utf-8")
    assert old in text
    LOCK.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(LockInvalid) as caught:
        pins.read(LOCK, recipe)
    shown = [str(each) for each in caught.value.diagnostics]
    assert all(each.startswith("small.lock.yaml:") for each in shown)
    assert any(told in each for each in shown), shown


@pytest.mark.usefixtures("sky")
@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[1, 2]", b"x" * 2_000_000, RECIPE.encode()])
def test_another_file_is_no_lock(recipe: Path, content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    LOCK.write_bytes(content)
    assert runner("run", "--locked") == 3
    assert "is not a lock as this program writes it" in capsys.readouterr().err
    assert pins.path_of(recipe) == LOCK


def test_a_lock_as_text_tells_no_null_and_no_empty_mapping() -> None:
    text = pins.as_text(
        Lock(target=TargetKind.AZURE, recipe={"model.name": "a"}, pins=pins.Pins(), versions={}),
        Path("a b.yaml"),
    )
    assert text.splitlines()[1:] == ["lock: 1", 'target: "azure"', "recipe:", '  model.name: "a"']
