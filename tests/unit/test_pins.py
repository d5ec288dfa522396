"""Pins: what names resolved to, taken of a target, folded into the manifest, read again and applied."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from jsonschema import Draft202012Validator

from runner import catalog, dataset, manifest, opening, pins, preflight
from runner.catalog import Component
from runner.errors import Drifted, RecipeInvalid
from runner.facts import Facts, TargetKind
from runner.journal import Event, Json, Record
from runner.lifecycle import resuming
from runner.lifecycle.reopening import reopened
from runner.load import Loaded, load_bytes
from runner.manifest import Manifest
from runner.pins import ComponentPin, DatasetPin, FilePin, ModelPin, Pins
from runner.schema_files import read_schema
from runner.survey import survey_offline
from tests.unit.hub_server import COMMIT, HubServer
from tests.unit.test_dataset import ask
from tests.unit.test_resume import on_the_registry, run_on, session

TODAY = date(2026, 11, 21)
RECIPE = b"""\
version: 1
name: small
model: {name: Phi-4}
compute: {name: gpu, size: Standard_NC24ads_A100_v4, gpus_per_node: 1}
dataset:
  huggingface: lab/chat
  revision: main
  train: train
  test: test
finetune:
  task: chat_completion
deployment: {name: demo, instance_type: Standard_NC24ads_A100_v4}
endpoint: {}
register: {name: small}
"""
ALL = Pins(
    model=ModelPin(id="azureml://phi", version="8", tags={"model_specific_defaults": "{}"}),
    component=ComponentPin(id="azureml://c", name="chat", version="0.0.82", inputs_sha256="a" * 64),
    dataset=DatasetPin(
        source="lab/chat", revision=COMMIT, files={"train": FilePin(sha256="b" * 64, rows=2, bytes=9)}
    ),
)
ASSET: Mapping[str, Json] = {
    "name": "small-train",
    "version": "1",
    "file": "data/train.jsonl",
    "sha256": "c" * 64,
    "rows": 3,
    "bytes": 30,
    "turns": 6,
}


class Watched(dict[str, object]):
    """A model's tags, which remember what of them was asked for."""

    def __init__(self, tags: Mapping[str, object]) -> None:
        super().__init__(tags)
        self.asked: set[str] = set()

    def get(self, key: str, default: object = None) -> Any:  # noqa: ANN401 - as a dict has it
        self.asked.add(key)
        return super().get(key, default)


def loaded(text: bytes = RECIPE) -> Loaded:
    return load_bytes(text, Path("small.yaml"))


def facts(tags: Mapping[str, object] | None = None) -> Facts:
    known = survey_offline(loaded().recipe, TargetKind.AZURE, None, TODAY)
    assert known.model
    return replace(known, model=replace(known.model, tags=known.model.tags if tags is None else tags))


def component() -> Component:
    known = catalog.component("chat_completion")
    assert known
    return known


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "commit_of", lambda name, revision: f"{name} at {revision}")


@pytest.mark.usefixtures("hub")
def test_what_names_resolve_to_is_taken() -> None:
    found = pins.taken(loaded(), facts({"model_specific_defaults": {"b": 1, "a": 2}, "license": "mit"}))
    assert found.model == ModelPin(
        id="azureml://registries/azureml/models/Phi-4/versions/8",
        version="8",
        tags={"model_specific_defaults": '{"a":2,"b":1}'},
    )
    assert found.component == ComponentPin(
        id="azureml://registries/azureml/components/chat_completion_pipeline/versions/0.0.82",
        name="chat_completion_pipeline",
        version="0.0.82",
        inputs_sha256=pins.inputs_digest(component()),
    )
    assert found.dataset == DatasetPin(source="lab/chat", revision="lab/chat at main")


@pytest.mark.usefixtures("hub")
def test_a_tag_that_is_text_stays_as_it_is() -> None:
    found = pins.taken(loaded(), facts({"model_specific_defaults": "{'b': 1}"}))
    assert found.model
    assert found.model.tags == {"model_specific_defaults": "{'b': 1}"}


class Newest:
    """A workspace that tells what it was asked for."""

    def revision(self, azureml: str, revision: str | None, splits: Mapping[str, str]) -> str | None:
        return revision or f"newest {azureml} of {' and '.join(splits)}"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("path: rows", DatasetPin(source="rows")),
        ("azureml: chat", DatasetPin(source="chat", revision="newest chat of train and test")),
        ("azureml: chat\n  revision: '4'", DatasetPin(source="chat", revision="4")),
    ],
)
def test_files_have_no_revision_and_a_data_asset_has_its_version(source: str, expected: DatasetPin) -> None:
    text = RECIPE.replace(b"huggingface: lab/chat\n  revision: main", source.encode())
    assert pins.taken(loaded(text), facts(), Newest()).dataset == expected


def test_every_tag_that_is_read_is_pinned() -> None:
    """The recipe has every section that a model's tags have a say in."""
    tags = Watched({})
    known = facts(tags)
    preflight.check(loaded(), known, preflight.merge(loaded(), known))
    assert len(tags.asked) > 3
    assert tags.asked == set(pins.USED_TAGS)


@pytest.mark.parametrize(
    "change",
    [{"default": 7}, {"type": "number"}, {"optional": False}, {"enum": ("1", "2")}, {"name": "other"}],
)
def test_an_input_that_is_declared_otherwise_has_another_digest(change: Mapping[str, Any]) -> None:
    known = component()
    steps = replace(known.inputs["max_steps"], **change)
    changed = replace(known, inputs={**known.inputs, "max_steps": steps})
    assert pins.inputs_digest(changed) != pins.inputs_digest(known)
    assert pins.inputs_digest(replace(known, version="9")) == pins.inputs_digest(known)


def test_pins_are_read_as_they_were_written() -> None:
    assert pins.from_json(pins.as_json(ALL)) == ALL
    assert pins.from_json(pins.as_json(Pins())) == Pins()


def test_the_pins_of_earlier_versions_are_read() -> None:
    said = {"model": {"id": "phi", "version": "7"}, "component": {"name": "chat", "version": "0.0.5"}}
    found = pins.from_json(said)
    assert found.model == ModelPin(id="phi", version="7")
    assert found.component == ComponentPin(name="chat", version="0.0.5")
    assert found.dataset is None


def test_pins_are_what_the_manifests_schema_says() -> None:
    schema = Draft202012Validator(read_schema("manifest.schema.json")["properties"]["pins"])
    assert [*schema.iter_errors(pins.as_json(ALL))] == []
    assert [*schema.iter_errors(pins.as_json(Pins()))] == []


def test_a_recipe_at_its_pins_asks_for_nothing_that_moves() -> None:
    recipe = pins.applied(loaded().recipe, ALL)
    assert recipe.finetune
    assert recipe.dataset
    assert (recipe.model.version, recipe.finetune.component_version) == ("8", "0.0.82")
    assert recipe.dataset == replace(loaded().recipe.dataset or recipe.dataset, revision=COMMIT)
    assert pins.applied(loaded().recipe, Pins()) == loaded().recipe


@pytest.mark.usefixtures("hub")
def test_a_run_is_opened_with_the_recipe_as_written_and_carried_out_at_its_pins() -> None:
    """A resume holds what was written against the file, and goes on with what it came to."""
    known = facts()
    registry = SimpleNamespace(model=lambda *_: known.model, component=lambda *_: known.component)
    cloud = SimpleNamespace(
        target=SimpleNamespace(kind=TargetKind.AZURE),
        location="",
        registry=registry,
        computes=SimpleNamespace(sizes=lambda: known.sizes, get=lambda _: None, quota=lambda: ()),
        endpoints=SimpleNamespace(get=lambda _: None),
    )
    text = RECIPE.replace(
        b"deployment: {name: demo, instance_type: Standard_NC24ads_A100_v4}\nendpoint: {}\n", b""
    )
    opened = opening.opened(loaded(text), cast("Any", cloud), TODAY)
    assert opened.loaded.recipe.dataset
    assert (opened.loaded.recipe.model.version, opened.loaded.recipe.dataset.revision) == ("latest", "main")
    carried_out = opening.context(opened, Path("run")).recipe
    assert carried_out.dataset
    assert (carried_out.model.version, carried_out.dataset.revision) == ("8", "lab/chat at main")


def test_what_the_hub_refuses_is_told_at_the_recipes_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, _revision: str | None) -> str:
        from runner.dataset.reading.refusals import refusal  # noqa: PLC0415 - of this one test

        raise refusal(name, "revision", "no-such-revision", "the data set has no such revision")

    cloud: Any = None  # the Hub is asked
    monkeypatch.setattr(dataset, "commit_of", refuse)
    with pytest.raises(RecipeInvalid) as refused:
        opening.resolved(loaded(), facts(), cloud)
    (found,) = refused.value.diagnostics
    assert (found.path, found.line, found.column, found.key) == ("small.yaml", 7, 13, "dataset.revision")


COMMITS = """
import json, sys
from runner.dataset import commit_of
print(json.dumps([commit_of(each["name"], each["revision"]) for each in json.loads(sys.argv[1])]))
"""


def test_a_branch_is_resolved_to_its_commit_and_a_commit_is_one_already(tmp_path: Path) -> None:
    cases = [{"name": "lab/chat", "revision": revision} for revision in (None, "main", "v1", "f" * 40)]
    with HubServer({"lab/chat": {}}) as hub:
        found = ask(hub.url, tmp_path, *cases, program=COMMITS)
        asked = [each for each in hub.requests if "/revision/" in each]
    assert found == [COMMIT, COMMIT, COMMIT, "f" * 40]
    assert len(asked) == 3


# --- in the manifest ----------------------------------------------------------------------------------------


def folded(opening: Mapping[str, Json], *events: tuple[Event, Mapping[str, Json]]) -> Manifest:
    """Fold a run whose dataset is pinned, and whose dataset's step then did this."""
    pinned = {
        **opening,
        "pins": {**pins.as_json(ALL), "dataset": pins.as_json(Pins(dataset=BARE))["dataset"]},
    }
    told = [(Event.RUN_OPENED, "", pinned), *((event, "dataset", data) for event, data in events)]
    return manifest.fold(numbered(told))


def numbered(told: Sequence[tuple[Event, str, Mapping[str, Json]]]) -> list[Record]:
    """Give a journal: these, a second apart."""
    return [
        Record(seq=seq, time=f"2026-11-21T08:23:{seq:02}.000Z", event=event, step=step, data=data)
        for seq, (event, step, data) in enumerate(told, start=1)
    ]


BARE = DatasetPin(source="lab/chat", revision=COMMIT)
INTENT: Mapping[str, Json] = {
    "action": "create",
    "kind": "data asset",
    "bills": False,
    "intent": {"name": "small-*", "assets": {"train": ASSET, "test": {"name": "a", "version": "1"}}},
}
FILES = {"train": FilePin(sha256="c" * 64, rows=3, bytes=30)}


def test_the_rows_are_pinned_once_they_are_known(opening: Mapping[str, Json]) -> None:
    assert pins.from_json(folded(opening).pins).dataset == BARE
    said = folded(opening, (Event.INTENT, INTENT))
    assert pins.from_json(said.pins).dataset == replace(BARE, files=FILES)
    assert said.pins["model"] == pins.as_json(ALL)["model"]


def test_the_rows_are_pinned_where_a_repair_has_lost_what_was_meant(opening: Mapping[str, Json]) -> None:
    done = {**INTENT, "outputs": {}}
    assert pins.from_json(folded(opening, (Event.DONE, done)).pins).dataset == replace(BARE, files=FILES)


def test_the_rows_are_pinned_by_what_was_known_at_a_repair(opening: Mapping[str, Json]) -> None:
    known = asdict(folded(opening, (Event.INTENT, INTENT)))
    said = folded(opening, (Event.REPAIRED, {"known": known}))
    assert pins.from_json(said.pins).dataset == replace(BARE, files=FILES)


def test_rows_that_a_run_was_opened_with_stay_pinned_while_they_are_prepared(
    opening: Mapping[str, Json],
) -> None:
    """The cluster's intent, or a repair, comes before that of the rows."""
    pinned = {**opening, "pins": pins.as_json(Pins(dataset=replace(BARE, files=FILES)))}
    cluster = {**INTENT, "kind": "compute", "intent": {"name": "gpu"}}
    told: list[tuple[Event, str, Mapping[str, Json]]] = [
        (Event.RUN_OPENED, "", pinned),
        (Event.STEP_STARTED, "dataset", {"action": "create", "attempt": 1}),
        (Event.STEP_STARTED, "compute", {"action": "create", "attempt": 1}),
        (Event.INTENT, "compute", cluster),
    ]
    known = asdict(manifest.fold(numbered(told)))
    told.append((Event.REPAIRED, "", {"known": known}))
    assert known["pins"]["dataset"]["files"] == {"train": asdict(FILES["train"])}
    assert pins.from_json(manifest.fold(numbered(told)).pins).dataset == replace(BARE, files=FILES)


def test_a_run_of_an_earlier_version_has_no_pinned_rows(opening: Mapping[str, Json]) -> None:
    record = Record(seq=1, time="2026-11-21T08:23:01.000Z", event=Event.RUN_OPENED, step="", data=opening)
    intent = replace(record, seq=2, event=Event.INTENT, step="dataset", data=INTENT)
    assert manifest.fold([record, intent]).pins == opening["pins"]


def test_a_resume_takes_the_commit_that_was_pinned_before_any_row_was_read(tmp_path: Path) -> None:
    run = run_on(tmp_path, on_the_registry())
    run.pins = {**run.pins, "dataset": {"source": "rows", "revision": COMMIT, "files": {}}}
    loaded_then = load_bytes(str(run.recipe["in_force"]).encode(), tmp_path / "small.yaml")
    opened = reopened(session(), run, loaded_then, on_the_registry())
    assert opened.loaded.recipe.dataset
    assert opened.loaded.recipe.dataset.revision == COMMIT


@pytest.mark.parametrize("changed", [False, True])
def test_a_locked_run_that_was_cut_off_early_goes_on_with_the_locked_rows_or_not_at_all(
    tmp_path: Path, *, changed: bool
) -> None:
    """Its process died, or handed it on, before the dataset's step wrote down which rows it has."""
    (tmp_path / "rows").mkdir()
    train = b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}\n'
    test = train.replace(b'"a"', b'"t"')
    (tmp_path / "rows" / "train.jsonl").write_bytes(train)
    (tmp_path / "rows" / "test.jsonl").write_bytes(test)
    run = run_on(tmp_path, on_the_registry())
    with opening.prepared_rows(load_bytes(RECIPE_OF_FILES, tmp_path / "small.yaml").recipe, tmp_path) as rows:
        pinned = pins.with_rows(Pins(dataset=DatasetPin(source="rows")), rows)
    run.pins = {**run.pins, "dataset": pins.as_json(pinned)["dataset"]}
    (tmp_path / "rows" / "test.jsonl").write_bytes(test.replace(b'"b"', b'"c"') if changed else test)
    recorded_then = load_bytes(str(run.recipe["in_force"]).encode(), tmp_path / "small.yaml")
    opened = reopened(session(), run, recorded_then, on_the_registry())
    if changed:
        with pytest.raises(Drifted) as caught, resuming.rows_as_pinned(opened, run):
            pass
        assert [each.key for each in caught.value.diagnostics] == ["dataset.test"]
    else:
        with resuming.rows_as_pinned(opened, run) as again:
            assert set(opening.context(again, tmp_path).prepared or {}) == {"train", "test"}


RECIPE_OF_FILES = RECIPE.replace(b"huggingface: lab/chat\n  revision: main", b"path: rows")
