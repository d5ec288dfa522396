"""`runner resume`: a run made whole again from its journal, or refused with what is no longer as it was."""

import hashlib
import io
import json
import os
import stat
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runner import catalog, manifest, origins, preflight
from runner import opening as openings
from runner.cli import main
from runner.clock import SystemClock
from runner.console import Output, Voice
from runner.dataset import prepare
from runner.errors import CloudUnavailable, Drifted, NotWritten, RecipeInvalid, UsageError
from runner.execute import looking
from runner.facts import Target
from runner.holder import Holder, last_holder
from runner.journal import FILE_NAME, Event, Journal, Json, read, this_process
from runner.lifecycle.drift import refuse_drift
from runner.lifecycle.reopening import recipe_path, recorded, reopened
from runner.lifecycle.variables import fingerprints
from runner.load import load, load_bytes
from runner.manifest import Manifest, RunStatus, StepRecord, StepStatus
from runner.recipe import Dataset
from runner.session import Session
from runner.steps import STEPS
from runner.steps.dataset import restore
from runner.survey import pinned
from tests.unit.bench import ABSENT, AZURE, SUCCEEDED, Bench, FakeStep, QuickClock

RECIPE = """\
version: 1
name: small
model: {name: Phi-4}
dataset: {path: rows, train: train, test: test}
compute: {name: gpu, size: Standard_NC24ads_A100_v4, gpus_per_node: 1}
finetune:
  task: chat_completion
  parameters: {learning_rate: 5e-6, apply_lora: true}
"""
ROW = {"messages": [{"role": "user", "content": "how?"}, {"role": "assistant", "content": "so"}]}


def said(folder: Path, text: str = RECIPE, **more: Json) -> Manifest:
    """Give a run of a recipe in `folder`, whose run folder is `folder/run`."""
    (folder / "small.yaml").write_text(text, encoding="utf-8")
    parameters = [
        {"name": "learning_rate", "value": 5e-6, "origin": "recipe", "detail": "small.yaml:8"},
        {"name": "apply_lora", "value": True, "origin": "recipe", "detail": "small.yaml:8"},
        {"name": "max_steps", "value": -1, "origin": "component_default", "detail": "its own"},
    ]
    return Manifest(
        format=2,
        run_id="run",
        status=RunStatus.INTERRUPTED,
        started="2026-11-21T08:23:00.000Z",
        ended=None,
        recipe={
            "name": "small",
            "path": "elsewhere/small.yaml",
            "folder": "..",
            "sha256": "0" * 64,
            "text": text,
            "in_force": text.replace("apply_lora: true", "apply_lora: true, max_steps: -1"),
            **more,
        },
        target={"kind": "azure"},
        versions={},
        pins={},
        parameters=parameters,
    )


def refused(folder: Path, run: Manifest, text: str) -> list[str]:
    """Change the recipe's file and give what a resume says of it."""
    (folder / "small.yaml").write_text(text, encoding="utf-8")
    try:
        refuse_drift(run, recorded(run, folder / "run"), recipe_path(run, folder / "run"))
    except Drifted as drifted:
        return [f"{each.line} {each.key}: {each.message}; {each.expected}" for each in drifted.diagnostics]
    return []


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("5e-6", "1e-5", "8 finetune.parameters.learning_rate: is 1e-05; the run was opened with 5e-06"),
        (
            ", apply_lora: true",
            "",
            "8 finetune.parameters.apply_lora: is not given; the run was opened with True",
        ),
        (
            "apply_lora: true",
            "apply_lora: true, lora_r: 4",
            "8 finetune.parameters.lora_r: is 4; the run was opened with not given",
        ),
        ("gpus_per_node: 1", "gpus_per_node: 2", "5 compute.gpus_per_node: is 2; the run was opened with 1"),
        ("name: Phi-4", "name: Phi-3", "3 model.name: is Phi-3; the run was opened with Phi-4"),
    ],
)
def test_a_recipe_that_means_something_else_is_refused_at_the_value(
    tmp_path: Path, before: str, after: str, told: str
) -> None:
    run = said(tmp_path)
    assert refused(tmp_path, run, RECIPE.replace(before, after)) == [told]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("5e-6", "0.000005"),
        ("name: Phi-4}", "name: Phi-4, registry: azureml}"),
        ("version: 1\n", "# a note\nversion: 1\n"),
        ("apply_lora: true", "apply_lora: 'true'"),
        ("gpus_per_node: 1}", "gpus_per_node: 1, tier: dedicated}"),
    ],
)
def test_a_recipe_that_says_the_same_in_other_words_is_not(tmp_path: Path, before: str, after: str) -> None:
    run = said(tmp_path)
    assert refused(tmp_path, run, RECIPE.replace(before, after)) == []


@pytest.mark.parametrize("text", [RECIPE.replace("5e-6", "1e-5"), "version: 1\n"])
def test_what_can_be_done_about_a_changed_or_broken_recipe_can_be_typed(tmp_path: Path, text: str) -> None:
    run = said(tmp_path)
    run.alive = [manifest.Resource(step="finetune", kind="job", name="run-1")]
    (tmp_path / "small.yaml").write_text(text, encoding="utf-8")
    with pytest.raises((Drifted, RecipeInvalid)) as refusal:
        refuse_drift(run, recorded(run, tmp_path / "run"), recipe_path(run, tmp_path / "run"))
    assert refusal.value.hint == (
        "runner resume run --as-recorded goes on with what was recorded; runner run"
        f" {tmp_path / 'small.yaml'} begins anew; job run-1 still runs"
    )


def test_a_recipe_that_is_not_there_any_more_is_no_hindrance(tmp_path: Path) -> None:
    run = said(tmp_path)
    (tmp_path / "small.yaml").unlink()
    refuse_drift(run, recorded(run, tmp_path / "run"), recipe_path(run, tmp_path / "run"))


def test_a_recipe_that_means_nothing_any_more_is_told_as_that(tmp_path: Path) -> None:
    run = said(tmp_path)
    with pytest.raises(RecipeInvalid):
        refused(tmp_path, run, "version: 1\n")


def test_profiles_and_settings_of_the_run_are_laid_over_the_file_again(tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "big.yaml").write_text("compute: {gpus_per_node: 2}\n", encoding="utf-8")
    (tmp_path / "small.yaml").write_text(RECIPE, encoding="utf-8")
    loaded = load(tmp_path / "small.yaml", profiles=["big"], settings=["model.name=Phi-3"])
    parts = [
        {"kind": part.kind, "path": Path(part.path).name, "text": part.text} for part in loaded.source.parts
    ]
    in_force = RECIPE.replace("gpus_per_node: 1", "gpus_per_node: 2").replace("Phi-4", "Phi-3")
    run = said(tmp_path, parts=parts, in_force=in_force)
    assert refused(tmp_path, run, RECIPE) == []
    assert refused(tmp_path, run, RECIPE.replace("5e-6", "1e-5")) != []


def test_the_recipe_lies_where_it_lay_wherever_the_command_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    run = said(tmp_path)
    assert recorded(run, tmp_path / "run").source.folder == tmp_path.resolve()


# --- rows -------------------------------------------------------------------------------------------------


def prepared(folder: Path) -> tuple[Dataset, dict[str, Json], Path]:
    """Prepare rows as a run does, and give the section, the intent and the run's folder."""
    (folder / "rows").mkdir()
    for split in ("train", "test"):
        row = json.dumps(ROW).replace("how?", f"how to {split}?")
        (folder / "rows" / f"{split}.jsonl").write_text(row + "\n", encoding="utf-8")
    section = Dataset(path="rows", train="train", test="test")
    run = folder / "run"
    run.mkdir()
    splits = prepare(section, folder=folder, into=run / "data")
    assets = {
        role: {"file": str(split.path.relative_to(run)), "sha256": split.sha256}
        for role, split in splits.items()
    }
    return section, {"assets": assets}, run


@pytest.mark.parametrize("damage", ["missing", "changed", "whole"])
def test_rows_that_are_missing_or_damaged_are_prepared_again(tmp_path: Path, damage: str) -> None:
    section, intent, run = prepared(tmp_path)
    file = run / "data" / "train.jsonl"
    before = file.read_bytes()
    if damage == "missing":
        file.unlink()
    elif damage == "changed":
        file.write_bytes(before[:-5])
    else:
        (tmp_path / "rows" / "train.jsonl").unlink()  # it is not asked
    restore(section, intent, tmp_path, run)
    assert file.read_bytes() == before
    assert sorted(path.name for path in run.iterdir()) == ["data"]


def test_rows_that_their_source_no_longer_gives_are_refused_and_nothing_is_replaced(tmp_path: Path) -> None:
    section, intent, run = prepared(tmp_path)
    (run / "data" / "train.jsonl").unlink()
    other = json.dumps(ROW).replace("how?", "why?") + "\n"
    (tmp_path / "rows" / "train.jsonl").write_text(other, encoding="utf-8")
    with pytest.raises(Drifted, match="no longer gives the rows that the run was opened with: train"):
        restore(section, intent, tmp_path, run)
    assert not (run / "data" / "train.jsonl").exists()


# --- answers ----------------------------------------------------------------------------------------------


def sampled(bench: Bench, *, rows: int = 3) -> list[str]:
    """Have the sample step on a cloud that answers, and give the list of what it was asked."""
    asked: list[str] = []

    def chat(*_: object, messages: list[dict[str, str]], **__: object) -> str:
        asked.append(messages[0]["content"])
        return f"answer {len(asked)}"

    lines = [
        {"messages": [{"role": "user", "content": f"q{n}"}, {"role": "assistant", "content": "a"}]}
        for n in range(rows)
    ]
    (bench.folder / "test.jsonl").write_text(
        "".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8"
    )
    cloud = SimpleNamespace(scoring=SimpleNamespace(chat=chat), endpoints=SimpleNamespace(key=lambda _: "k"))
    sections = RECIPE.partition("dataset:")
    bench.on(
        cloud,
        f"dataset:{sections[2]}register: {{name: m}}\nendpoint: {{name: my-chat}}\n"
        "deployment: {name: demo, instance_type: Standard_NC24ads_A100_v4}\ntraffic: {demo: 100}\n"
        f"sample: {{rows: {rows}}}\n",
    )
    outputs: dict[str, dict[str, Json]] = {
        "dataset": {"assets": {"test": {"file": "test.jsonl"}}},
        "endpoint": {"name": "my-chat"},
        "traffic": {"scoring_uri": "https://e"},
    }
    bench.context = replace(bench.context, outputs=outputs)
    return asked


def score(bench: Bench) -> Any:  # noqa: ANN401 - an Observation, or what the step raises
    return STEPS["sample"].observe(bench.context, {"name": "samples.jsonl", "rows": 3, "parameters": {}})


def test_an_answer_that_was_kept_is_neither_asked_for_again_nor_changed(bench: Bench) -> None:
    asked = sampled(bench)
    first = score(bench)
    kept = (bench.folder / "samples.jsonl").read_bytes()
    assert score(bench).outputs == first.outputs
    assert asked == ["q0", "q1", "q2"]
    assert (bench.folder / "samples.jsonl").read_bytes() == kept
    assert first.outputs["sha256"] == hashlib.sha256(kept).hexdigest()
    assert stat.S_IMODE((bench.folder / "samples.jsonl").stat().st_mode) == 0o600


@pytest.mark.parametrize("torn", [0, 1, 20])
def test_scoring_goes_on_after_the_last_whole_row(bench: Bench, torn: int) -> None:
    asked = sampled(bench)
    score(bench)
    path = bench.folder / "samples.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1][:torn])
    asked.clear()
    score(bench)
    after = path.read_bytes().splitlines(keepends=True)
    assert asked == ["q1", "q2"]
    assert after[0] == lines[0]
    assert [json.loads(line)["prompt"][0]["content"] for line in after] == ["q0", "q1", "q2"]


def _flipped(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(bytes([content[0] ^ 1]) + content[1:])


def _shortened(path: Path) -> None:
    path.write_bytes(b"{}\n" + path.read_bytes())


def _linked(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_flipped, "line 1 is damaged"),
        (_shortened, "line 1 is damaged"),
        (_linked, "symbolic links"),
    ],
)
def test_answers_that_were_not_written_so_are_refused_and_left_but_for_a_torn_line(
    bench: Bench, damage: Callable[[Path], None], reason: str
) -> None:
    asked = sampled(bench)
    score(bench)
    path = bench.folder / "samples.jsonl"
    path.write_bytes(path.read_bytes() + b'{"prompt": "torn')
    damage(path)
    before = path.read_bytes()
    asked.clear()
    with pytest.raises(NotWritten, match=f"samples.jsonl cannot be read: .*{reason}") as caught:
        score(bench)
    assert "its rows are scored again" in caught.value.hint
    assert (asked, path.read_bytes()) == ([], before if damage is _linked else before[:-16])


def test_each_answer_is_on_disk_before_the_next_is_asked_for(bench: Bench) -> None:
    asked = sampled(bench)
    path = bench.folder / "samples.jsonl"
    counts: list[int] = []
    cloud = cast("Any", bench.context.cloud)
    chat = cloud.scoring.chat

    def counted(*given: object, **named: object) -> object:
        counts.append(len(path.read_bytes().splitlines()) if path.exists() else 0)
        return chat(*given, **named)

    cloud.scoring.chat = counted
    score(bench)
    assert counts == [0, 1, 2]
    assert len(asked) == 3


def test_a_stop_ends_the_scoring_after_the_row_that_is_under_way(bench: Bench) -> None:
    asked = sampled(bench)
    cloud = cast("Any", bench.context.cloud)
    chat = cloud.scoring.chat

    def stopping(*given: object, **named: object) -> object:
        bench.context.stop.set()
        return chat(*given, **named)

    cloud.scoring.chat = stopping
    assert score(bench).detail == "1 of 3 rows"
    assert asked == ["q0"]


# --- the verb ---------------------------------------------------------------------------------------------


def opened(folder: Path, opening: Json, *events: tuple[Event, str, Json]) -> Path:
    """Write the journal of a run on Azure."""
    run = folder / "runs" / str(opening["run_id"])
    run.mkdir(parents=True)
    target = {**opening["target"], "kind": "azure"}
    with Journal(run / FILE_NAME, SystemClock(), new=True) as journal:
        journal.append(Event.RUN_OPENED, data={**opening, "target": target})
        for event, step, data in events:
            journal.append(event, step=step, data=data)
        manifest.write(manifest.fold(journal.records), run / "manifest.json")
    return run


DONE = {
    "action": "create",
    "intent": {"name": "my-compute"},
    "kind": "thing",
    "bills": True,
    "outputs": {},
}
LEFT_ONE: list[tuple[Event, str, Json]] = [
    (Event.STEP_STARTED, "compute", {"action": "create", "attempt": 1}),
    (Event.INTENT, "compute", DONE),
    (Event.DONE, "compute", DONE),
    (Event.WALKED, "", {"status": "succeeded", "error": None}),
]
SUCCESS = (Event.RUN_CLOSED, "", {"status": "succeeded"})


def test_a_run_that_is_over_is_answered_from_its_journal(
    tmp_path: Path, opening: Json, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = opened(tmp_path, opening, SUCCESS)
    monkeypatch.setattr(openings, "connected", None)
    before = (run / FILE_NAME).read_bytes()
    assert main(["resume", str(run)]) == 0
    assert "succeeded; nothing is left to do" in capsys.readouterr().out
    assert main(["resume", str(run), "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["run"]["status"] == "succeeded"
    assert (run / FILE_NAME).read_bytes() == before


def with_step(bench: Bench, monkeypatch: pytest.MonkeyPatch, **others: Json) -> FakeStep:
    def connected(_session: Session, _target: Target, _registry: str) -> object:
        return SimpleNamespace(target=AZURE, location="")

    monkeypatch.setattr(openings, "connected", connected)
    monkeypatch.setattr(looking, "SECONDS_BETWEEN", 0.0)
    return bench.step("compute", ABSENT, SUCCEEDED, **others)


@pytest.mark.parametrize("there", [True, False])
def test_what_a_run_that_succeeded_left_is_looked_at_and_not_changed(
    bench: Bench, opening: Json, monkeypatch: pytest.MonkeyPatch, *, there: bool
) -> None:
    step = with_step(bench, monkeypatch, there=there)
    run = opened(bench.folder, opening, *LEFT_ONE, SUCCESS)
    assert main(["resume", str(run)]) == 0
    assert step.calls == []
    kept = manifest.load(run / "manifest.json")
    assert [each.name for each in kept.alive] == (["my-compute"] if there else [])
    assert kept.status is RunStatus.SUCCEEDED


def test_a_debt_ends_every_command_about_the_run_until_it_is_paid(
    bench: Bench, opening: Json, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    step = with_step(
        bench, monkeypatch, sticks=True, tags={"runner.recipe": "small", "runner.run": opening["run_id"]}
    )
    failed = (Event.DELETE_FAILED, "compute", {"reason": "HTTP 403"})
    run = opened(bench.folder, opening, *LEFT_ONE, failed, SUCCESS)
    assert main(["resume", str(run)]) == 9
    assert "not proven gone: thing my-compute (HTTP 403)" in capsys.readouterr().err
    step.there = False
    assert main(["resume", str(run)]) == 0


def test_a_run_without_a_journal_is_refused_with_what_can_be_done(
    tmp_path: Path, opening: Json, capsys: pytest.CaptureFixture[str]
) -> None:
    run = opened(tmp_path, opening)
    (run / FILE_NAME).unlink()
    assert main(["resume", str(run)]) == 2
    said = capsys.readouterr().err
    assert "its journal is not here" in said
    assert "runner gc" in said


def test_a_run_that_another_process_holds_is_refused(tmp_path: Path, opening: Json) -> None:
    run = opened(tmp_path, {**opening, "recipe": {**opening["recipe"], "in_force": RECIPE}})
    with Journal(run / FILE_NAME, SystemClock(), new=False):
        assert main(["resume", str(run)]) == 7


def test_a_cleanup_that_was_cut_off_is_ended_without_asking_the_recipe(
    bench: Bench, opening: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    tags = {"runner.recipe": "small", "runner.run": opening["run_id"]}
    step = with_step(bench, monkeypatch, tags=tags)
    recipe = {**opening["recipe"], "in_force": f"{RECIPE}cleanup: always\n", "folder": "../.."}
    run = opened(bench.folder, {**opening, "recipe": recipe}, *LEFT_ONE)
    (bench.folder / "small.yaml").write_text(RECIPE.replace("5e-6", "1"), encoding="utf-8")
    assert main(["resume", str(run)]) == 0
    assert step.calls == ["delete my-compute"]
    kept = manifest.load(run / "manifest.json")
    assert (kept.status, kept.alive, kept.resumed) == (RunStatus.SUCCEEDED, [], 1)
    resumed = next(each for each in read(run / FILE_NAME) if each.event is Event.RUN_RESUMED)
    assert set(resumed.data) == {"process", "versions"}


def interrupted(folder: Path, opening: Json, *events: tuple[Event, str, Json], **more: Json) -> Path:
    """Give a run that takes a tag from the environment, and was closed as interrupted."""
    text = f"{RECIPE}tags: {{team: '${{env:TEAM}}'}}\n"
    recipe = {**opening["recipe"], "in_force": text, "folder": "../.."}
    closed = (Event.RUN_CLOSED, "", {"status": "interrupted"})
    return opened(folder, {**opening, "recipe": recipe, **more}, *events, closed)


def test_who_takes_a_run_up_is_known_before_the_cloud_is_asked(
    tmp_path: Path, opening: Json, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    died = {"process": {"pid": 7, "host": "far"}}
    run = interrupted(tmp_path, opening, (Event.RUN_RESUMED, "", died))
    seen: list[object] = []

    def connected(*_: object) -> object:
        seen.append(last_holder(read(run / FILE_NAME)))
        seen.append(main(["resume", str(run)]))
        raise CloudUnavailable("it rains")

    monkeypatch.setattr(openings, "connected", connected)
    assert main(["resume", str(run)]) == 8
    assert seen == [Holder(**this_process()), 7]
    assert f"pid {os.getpid()} on" in capsys.readouterr().err
    left = manifest.load(run / "manifest.json")
    assert (left.status, left.resumed, left.ended is None) == (RunStatus.INTERRUPTED, 1, False)
    assert manifest.of(run) == left


@pytest.mark.parametrize("team", ["another-team", None])
def test_a_run_does_not_go_on_with_another_environment(
    bench: Bench,
    opening: Json,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    team: str | None,
) -> None:
    with_step(bench, monkeypatch)
    digest = {"TEAM": hashlib.sha256(f"{opening['run_id']}\0the-team".encode()).hexdigest()[:16]}
    run = interrupted(bench.folder, opening, variables=digest)
    if team:
        monkeypatch.setenv("TEAM", team)
    else:
        monkeypatch.delenv("TEAM", raising=False)
    assert main(["resume", str(run), "--as-recorded"]) == 5
    said = capsys.readouterr().err
    state = "has another value than" if team else "is not set, as it was"
    assert f"drifted tags.team: the environment variable TEAM {state} when the run was opened" in said
    assert "--as-recorded is no help" in said
    assert "another-team" not in said


def test_a_run_goes_on_with_the_same_environment_or_where_it_was_not_recorded(
    bench: Bench, opening: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_step(bench, monkeypatch)
    monkeypatch.setenv("TEAM", "the-team")

    def reopened(*_: object) -> None:
        raise CloudUnavailable("it got so far")

    monkeypatch.setattr("runner.lifecycle.resuming.reopened", reopened)
    workspace = "workspace: {subscription_id: '${env:HOME}', resource_group: rg, workspace_name: ws}\n"
    text = f"{RECIPE}{workspace}tags: {{team: '${{env:TEAM}}', unset: '${{env:NOT_SET_ANYWHERE}}'}}\n"
    loaded = load_bytes(text.encode(), bench.folder / "small.yaml")
    digests = fingerprints(loaded, os.environ, opening["run_id"])
    assert list(digests) == ["TEAM"]
    assert digests != fingerprints(loaded, os.environ, "another-run")
    for more in ({"variables": digests}, {}):
        run = interrupted(bench.folder / str(len(more)), opening, **more)
        assert main(["resume", str(run)]) == 8


def test_what_a_kill_left_half_made_is_swept_when_the_run_is_taken_up(
    bench: Bench, opening: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    tags = {"runner.recipe": "small", "runner.run": opening["run_id"]}
    with_step(bench, monkeypatch, tags=tags)
    recipe = {**opening["recipe"], "in_force": f"{RECIPE}cleanup: always\n", "folder": "../.."}
    for verb in ("resume", "down"):
        ended = [] if verb == "resume" else [(Event.RUN_CLOSED, "", {"status": "failed"})]
        run = opened(bench.folder / verb, {**opening, "recipe": recipe}, *LEFT_ONE, *ended)
        before = {path.name for path in run.iterdir()}
        for name in (".manifest-abcd1234", ".journal-abcd1234", "data/.train.jsonl.part"):
            (run / name).parent.mkdir(exist_ok=True)
            (run / name).touch()
        (run / ".data-abcd1234").mkdir()
        (run / ".data-abcd1234" / "train.jsonl").touch()
        (run / "data" / "train.jsonl").touch()
        assert main([verb, str(run)]) == 0
        assert {path.name for path in run.iterdir()} == {*before, "data"}
        assert [path.name for path in (run / "data").iterdir()] == ["train.jsonl"]


# --- made whole again ---------------------------------------------------------------------------------------


def on_the_registry(*, model: str | None = "7", default: int = -1) -> Any:  # noqa: ANN401 - of which little is asked
    """Give a cloud whose registry has Phi-4 at a version, and the component with a default of max_steps."""
    known = catalog.component("chat_completion")
    assert known
    steps = replace(known.inputs["max_steps"], default=default)
    component = replace(known, version="0.0.5", inputs={**known.inputs, "max_steps": steps})
    asked: list[str] = []

    def found(name: str, version: str) -> object:
        asked.append(f"{name} {version}")
        phi = catalog.model("azureml", "Phi-4")
        return replace(phi, version=model) if phi and model else None

    def component_of(name: str, version: str) -> object:
        asked.append(f"{name} {version}")
        return component

    registry = SimpleNamespace(model=found, component=component_of)
    return SimpleNamespace(target=AZURE, location="", registry=registry, asked=asked)


def session() -> Session:
    voice = Voice(io.StringIO(), io.StringIO(), Output.TEXT, SystemClock())
    return Session(voice=voice, clock=SystemClock(), environment={})


def run_on(folder: Path, cloud: Any) -> Manifest:  # noqa: ANN401 - as above
    """Give a run that was opened on a cloud, with all that was in force there."""
    (folder / "small.yaml").write_text(RECIPE, encoding="utf-8")
    loaded = load(folder / "small.yaml")
    facts = pinned(loaded.recipe, cloud, date(2026, 11, 21))
    effective = preflight.merge(loaded, facts)
    assert effective
    run = said(folder)
    found = origins.values(loaded, effective, facts.component)
    run.recipe = {**run.recipe, "in_force": "\n".join(origins.as_yaml(found, comments=True))}
    run.pins = {
        "model": {"id": "phi", "version": "7"},
        "component": {"name": "chat_completion_pipeline", "version": "0.0.5"},
    }
    run.parameters = [
        {"name": each.name, "value": each.value, "origin": each.origin.value, "detail": each.detail}
        for each in effective.parameters.values()
    ]
    return run


def test_a_run_is_made_whole_with_the_versions_and_the_parameters_it_had(tmp_path: Path) -> None:
    run = run_on(tmp_path, on_the_registry())
    cloud = on_the_registry()
    opened = reopened(session(), run, recorded(run, tmp_path / "run"), cloud)
    assert cloud.asked == ["Phi-4 7", "chat_completion_pipeline 0.0.5"]
    assert opened.plan.effective
    told = [
        {"name": each.name, "value": each.value, "origin": each.origin.value, "detail": each.detail}
        for each in opened.plan.effective.parameters.values()
    ]
    assert told == run.parameters
    assert [change.step for change in opened.plan.changes] == ["dataset", "compute", "finetune"]


def test_a_version_that_the_registry_has_lost_is_told_and_no_other_taken(tmp_path: Path) -> None:
    run = run_on(tmp_path, on_the_registry())
    with pytest.raises(Drifted, match="the registry no longer has") as caught:
        reopened(session(), run, recorded(run, tmp_path / "run"), on_the_registry(model=None))
    assert [each.message for each in caught.value.diagnostics] == [
        "phi version 7 is not in the registry any more"
    ]


def test_parameters_that_come_to_something_else_are_refused(tmp_path: Path) -> None:
    run = run_on(tmp_path, on_the_registry())
    for each in run.parameters:
        if each["name"] == "max_steps":
            cast("dict[str, Json]", each)["value"] = 5
    with pytest.raises(Drifted, match="no longer those that the run was opened with") as caught:
        reopened(session(), run, recorded(run, tmp_path / "run"), on_the_registry())
    assert [(each.key, each.message) for each in caught.value.diagnostics] == [
        ("finetune.parameters.max_steps", "comes to -1")
    ]


def test_the_rows_of_the_hub_stay_those_of_the_commit_that_was_taken(tmp_path: Path) -> None:
    run = run_on(tmp_path, on_the_registry())
    intent = {"name": "small-*", "assets": {}, "revision": "f" * 40}
    run.steps["dataset"] = StepRecord(
        status=StepStatus.RUNNING, action="create", started=run.started, intent=intent
    )
    opened = reopened(session(), run, recorded(run, tmp_path / "run"), on_the_registry())
    assert opened.loaded.recipe.dataset
    assert opened.loaded.recipe.dataset.revision == "f" * 40


def test_a_run_that_did_not_record_what_is_in_force_is_refused(tmp_path: Path) -> None:
    run = said(tmp_path)
    run.recipe = {key: value for key, value in run.recipe.items() if key != "in_force"}
    with pytest.raises(UsageError, match="did not yet record"):
        recorded(run, tmp_path / "run")


def test_a_journal_that_was_opened_before_the_cloud_was_reached_has_the_clouds_time() -> None:
    known = session()
    clock = known.current_clock
    known.clock = QuickClock()
    known.clock.wait(7200, threading.Event())
    assert clock.monotonic() == 7200
    assert clock.now() > datetime.now(UTC) + timedelta(seconds=7000)
    assert not clock.wait(10, threading.Event())
    assert known.clock.monotonic() == 7210
