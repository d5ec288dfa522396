"""The manifest: the journal's fold, written whole or not at all, read back as it was."""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from runner import manifest, manifest_file
from runner.clock import SystemClock
from runner.errors import UsageError
from runner.journal import Event, Journal, Json, Record
from runner.manifest import Manifest, Resource, RunStatus, StepStatus
from runner.redact import MASK, redact, register
from runner.schema_files import read_schema

Told = tuple[Event, str, Mapping[str, Json]]


def records(opening: Mapping[str, Json], *events: Told) -> list[Record]:
    """Give a journal: the opening, then these, a second apart."""
    written = [(Event.RUN_OPENED, "", opening), *events]
    return [
        Record(seq=seq, time=f"2026-11-21T08:23:{seq:02}.000Z", event=event, step=step, data=data)
        for seq, (event, step, data) in enumerate(written, start=1)
    ]


STARTED: Told = (Event.STEP_STARTED, "compute", {"action": "create"})
GPU: Mapping[str, Json] = {
    "action": "create",
    "intent": {"name": "gpu"},
    "kind": "compute",
    "bills": True,
}
INTENT: Told = (Event.INTENT, "compute", GPU)
DONE: Told = (Event.DONE, "compute", {**GPU, "outputs": {"id": "/gpu"}, "metrics": {"loss": 1.5}})
FAILED: Told = (Event.FAILED, "compute", {"error": "no quota", "ended": False})
GONE: Told = (Event.DELETE_DONE, "compute", {"with": []})
CLOSED: Told = (Event.RUN_CLOSED, "", {"status": "succeeded"})
ALIVE = [Resource(step="compute", kind="compute", name="gpu", since="2026-11-21T08:23:03.000Z")]


@pytest.mark.parametrize(
    "told",
    [(Event.STEP_STARTED, "compute", {}), (Event.RUN_CLOSED, "", {"status": "odd"})],
    ids=["lacks", "odd"],
)
def test_a_record_of_another_shape_is_said_so(told: Told, opening: Mapping[str, Json]) -> None:
    with pytest.raises(UsageError, match="another shape"):
        manifest.fold(records(opening, told))


def test_a_run_that_was_only_opened_is_running(opening: Mapping[str, Json]) -> None:
    folded = manifest.fold(records(opening))
    assert (folded.status, folded.started, folded.ended) == (
        RunStatus.RUNNING,
        "2026-11-21T08:23:01.000Z",
        None,
    )
    assert (folded.run_id, folded.steps, folded.alive) == ("20261121T082300Z-small-1a2b", {}, [])


def test_a_step_is_told_from_its_start_to_its_end(opening: Mapping[str, Json]) -> None:
    step = manifest.fold(records(opening, STARTED, INTENT, DONE)).steps["compute"]
    assert (step.status, step.action, step.changed) == (StepStatus.SUCCEEDED, "create", True)
    assert (step.started, step.ended) == ("2026-11-21T08:23:02.000Z", "2026-11-21T08:23:04.000Z")
    assert (step.intent, step.outputs, step.metrics) == ({"name": "gpu"}, {"id": "/gpu"}, {"loss": 1.5})


def test_what_bills_is_alive_from_its_intent_on(opening: Mapping[str, Json]) -> None:
    assert manifest.fold(records(opening, STARTED, INTENT)).alive == ALIVE
    assert manifest.fold(records(opening, STARTED, INTENT, FAILED)).alive == ALIVE
    assert manifest.fold(records(opening, STARTED, INTENT, DONE, GONE)).alive == []


def test_what_was_there_and_is_only_used_is_not_this_runs_to_list(opening: Mapping[str, Json]) -> None:
    reused = (Event.DONE, "compute", {**DONE[2], "action": "reuse", "bills": False})
    folded = manifest.fold(records(opening, STARTED, reused))
    assert folded.alive == []
    assert (folded.steps["compute"].action, folded.steps["compute"].changed) == ("reuse", False)


def test_what_is_the_recipes_own_is_listed_when_it_is_reused(opening: Mapping[str, Json]) -> None:
    reused = (Event.DONE, "compute", {**DONE[2], "action": "reuse"})
    assert manifest.fold(records(opening, STARTED, reused)).alive == ALIVE


def test_what_has_ended_no_longer_bills(opening: Mapping[str, Json]) -> None:
    ended = (Event.FAILED, "compute", {"error": "cancelled", "ended": True})
    folded = manifest.fold(records(opening, STARTED, INTENT, ended))
    assert folded.alive == []
    assert folded.steps["compute"].error == "cancelled"


def test_what_goes_along_with_a_deletion_is_gone_as_well(opening: Mapping[str, Json]) -> None:
    other = [(event, "deployment", data) for event, _, data in (STARTED, INTENT, DONE)]
    gone = (Event.DELETE_DONE, "compute", {"with": ["deployment", "traffic"]})
    folded = manifest.fold(records(opening, STARTED, INTENT, DONE, *other, gone))
    assert {step.status for step in folded.steps.values()} == {StepStatus.DELETED}
    assert folded.alive == []


def test_a_deletion_that_is_not_confirmed_leaves_the_resource_listed(opening: Mapping[str, Json]) -> None:
    asked = (Event.DELETE_INTENT, "compute", {"intent": {"name": "gpu"}})
    refused = (Event.DELETE_FAILED, "compute", {"reason": "409"})
    assert manifest.fold(records(opening, STARTED, INTENT, DONE, asked, refused)).alive == [
        replace(ALIVE[0], deletion="409")
    ]


def test_a_journal_that_does_not_begin_with_a_run_has_no_manifest(opening: Mapping[str, Json]) -> None:
    with pytest.raises(UsageError, match="does not begin"):
        manifest.fold(records(opening, STARTED)[1:])


def test_an_empty_journal_has_no_manifest() -> None:
    with pytest.raises(UsageError, match="does not begin"):
        manifest.fold([])


def test_a_manifest_is_read_back_as_it_was_written(tmp_path: Path, opening: Mapping[str, Json]) -> None:
    folded = manifest.fold(records(opening, STARTED, INTENT, DONE, CLOSED))
    manifest.write(folded, tmp_path / "manifest.json")
    assert manifest.load(tmp_path / "manifest.json") == folded


def test_a_manifest_is_as_its_schema_says(tmp_path: Path, opening: Mapping[str, Json]) -> None:
    manifest.write(
        manifest.fold(records(opening, STARTED, INTENT, FAILED, CLOSED)), tmp_path / "manifest.json"
    )
    written = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    Draft202012Validator(read_schema("manifest.schema.json")).validate(written)
    assert list(written) == [*Manifest.__slots__, "digest"]


def test_a_write_that_fails_leaves_the_old_manifest(
    tmp_path: Path, opening: Mapping[str, Json], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "manifest.json"
    folded = manifest.fold(records(opening))
    manifest.write(folded, path)

    def full(_file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        manifest.write(replace(folded, run_id="another"), path)
    assert manifest.load(path) == folded


def test_a_manifest_is_synced_before_it_takes_the_old_ones_place(
    tmp_path: Path, opening: Mapping[str, Json], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "manifest.json"
    done: list[str] = []
    sync, rename = os.fsync, Path.replace

    def watched_sync(file: int) -> None:
        done.append("folder" if os.fstat(file).st_ino == tmp_path.stat().st_ino else "file")
        sync(file)

    def watched_rename(self: Path, target: Path) -> Path:
        done.append("rename")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", watched_sync)
    monkeypatch.setattr(Path, "replace", watched_rename)
    manifest.write(manifest.fold(records(opening)), path)
    assert done == ["file", "rename", "folder"]


def test_keys_of_a_later_version_are_ignored(tmp_path: Path, opening: Mapping[str, Json]) -> None:
    path = tmp_path / "manifest.json"
    folded = manifest.fold(records(opening, STARTED, INTENT, DONE))
    manifest.write(folded, path)
    newer = json.loads(path.read_text(encoding="utf-8"))
    newer["carbon"] = newer["steps"]["compute"]["carbon"] = newer["alive"][0]["carbon"] = 7
    manifest_file.write(newer, path)
    assert manifest.load(path) == folded


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("format", 3, "has manifest format 3; this version reads 1 to 2"),
        ("format", None, "not a manifest .* no format"),
        ("status", "unheard of", "not a manifest"),
        ("steps", [], "not a manifest"),
        ("alive", [{}], "not a manifest"),
        ("target", {}, "not a manifest .* see target"),
        ("target", {"kind": "gcp"}, "not a manifest .* see target"),
        ("target", None, "not a manifest .* see target"),
        ("recipe", {}, "not a manifest .* see recipe"),
        (
            "recipe",
            {"name": "x", "path": "x", "sha256": 7, "text": ""},
            "not a manifest .* see recipe.sha256",
        ),
    ],
)
def test_what_is_no_manifest_of_ours_is_refused(
    tmp_path: Path, opening: Mapping[str, Json], key: str, value: Json, said: str
) -> None:
    path = tmp_path / "manifest.json"
    manifest.write(manifest.fold(records(opening)), path)
    manifest_file.write(json.loads(path.read_text(encoding="utf-8")) | {key: value}, path)
    with pytest.raises(UsageError, match=said):
        manifest.load(path)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "{}", "<<<<<<< HEAD\n{}"])
def test_a_file_that_is_not_json_of_a_run_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match="not a manifest"):
        manifest.load(tmp_path / "manifest.json")


def test_secrets_are_not_in_a_manifest(tmp_path: Path, opening: Mapping[str, Json]) -> None:
    key = register("manifest-canary-0123456789")
    failed = (Event.FAILED, "compute", {"error": f"{key} was refused", "ended": False})
    manifest.write(manifest.fold(records(opening, STARTED, failed)), tmp_path / "manifest.json")
    assert manifest.load(tmp_path / "manifest.json").steps["compute"].error == f"{MASK} was refused"


def test_a_manifest_is_json_after_secrets_were_taken_out(tmp_path: Path, opening: Mapping[str, Json]) -> None:
    text = '# it said "AccountKey=YWJjZGVmZw==" and ended\n'
    told = {**opening, "recipe": {**opening["recipe"], "text": text}}
    manifest.write(manifest.fold(records(told)), tmp_path / "manifest.json")
    assert manifest.load(tmp_path / "manifest.json").recipe["text"] == redact(text) != text


def test_a_diverged_training_leaves_a_manifest_that_is_json(
    tmp_path: Path, opening: Mapping[str, Json]
) -> None:
    done = (Event.DONE, "compute", {**DONE[2], "metrics": {"loss": math.nan, "eval_loss": math.inf}})
    manifest.write(manifest.fold(records(opening, STARTED, INTENT, done)), tmp_path / "manifest.json")

    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is no JSON")

    written = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"), parse_constant=refuse)
    assert written["steps"]["compute"]["metrics"] == {"loss": None, "eval_loss": None}


# --- formats, damage, and what is known of a run ------------------------------------------------------------


def test_a_manifest_of_the_first_format_is_read_for_good() -> None:
    """It was written by the last version that wrote that format."""
    path = Path(__file__).parents[1] / "golden" / "manifest_format_1.json"
    old = manifest.load(path)
    assert (old.format, old.status, old.walked, old.resumed) == (2, RunStatus.FAILED, None, 0)
    assert old.alive == [Resource(step="compute", kind="compute", name="gpu-a100")]
    assert (old.steps["compute"].attempt, old.steps["finetune"].error) == (1, "no quota")
    assert old.journal == {"records": 0, "head": ""}


def test_a_manifest_tells_how_much_of_the_journal_it_counts(
    tmp_path: Path, opening: Mapping[str, Json]
) -> None:
    with Journal(tmp_path / "journal.jsonl", SystemClock(), new=True) as journal:
        journal.append(Event.RUN_OPENED, data=opening)
        head = journal.append(Event.RUN_CLOSED, data={"status": "failed"}).checksum
        folded = manifest.fold(journal.records)
    assert folded.journal == {"records": 2, "head": head}
    assert (tmp_path / "journal.jsonl").read_bytes().splitlines()[1].startswith(head.encode())


@pytest.mark.parametrize(
    "change", [('"running"', '"succeeded"'), ('"records": 1', '"records": 0'), ("2,", "1,")]
)
def test_a_manifest_that_was_changed_is_refused(
    tmp_path: Path, opening: Mapping[str, Json], change: tuple[str, str]
) -> None:
    path = tmp_path / "manifest.json"
    manifest.write(manifest.fold(records(opening)), path)
    text = path.read_text(encoding="utf-8")
    assert change[0] in text
    path.write_text(text.replace(*change, 1), encoding="utf-8")
    with pytest.raises(UsageError, match="its digest does not fit") as caught:
        manifest.load(path)
    assert caught.value.hint == "take it from git: git checkout"


def test_a_manifest_without_its_digest_is_refused(tmp_path: Path, opening: Mapping[str, Json]) -> None:
    path = tmp_path / "manifest.json"
    manifest.write(manifest.fold(records(opening)), path)
    found = json.loads(path.read_text(encoding="utf-8"))
    del found["digest"]
    path.write_text(json.dumps(found), encoding="utf-8")
    with pytest.raises(UsageError, match="its digest does not fit"):
        manifest.load(path)


def test_a_manifest_may_be_written_otherwise_and_say_the_same(
    tmp_path: Path, opening: Mapping[str, Json]
) -> None:
    path = tmp_path / "manifest.json"
    folded = manifest.fold(records(opening, STARTED, INTENT, DONE))
    manifest.write(folded, path)
    found = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(dict(reversed(found.items()))), encoding="utf-8")
    assert manifest.load(path) == folded


def test_a_run_is_told_by_its_journal_where_that_is_ahead(
    tmp_path: Path, opening: Mapping[str, Json]
) -> None:
    with Journal(tmp_path / "journal.jsonl", SystemClock(), new=True) as journal:
        journal.append(Event.RUN_OPENED, data=opening)
        manifest.write(manifest.fold(journal.records), tmp_path / "manifest.json")
        journal.append(Event.RUN_CLOSED, data={"status": "failed"})
    assert manifest.of(tmp_path).status is RunStatus.FAILED
    (tmp_path / "journal.jsonl").unlink()
    assert manifest.of(tmp_path).status is RunStatus.RUNNING


@pytest.mark.parametrize("leads_somewhere", [True, False])
def test_a_manifest_that_is_a_link_is_not_followed_and_vouches_for_nothing_in_silence(
    tmp_path: Path, opening: Mapping[str, Json], *, leads_somewhere: bool
) -> None:
    elsewhere = tmp_path / "elsewhere.json"
    with Journal(tmp_path / "journal.jsonl", SystemClock(), new=True) as journal:
        journal.append(Event.RUN_OPENED, data=opening)
        if leads_somewhere:
            manifest.write(manifest.fold(journal.records), elsewhere)
    (tmp_path / "manifest.json").symlink_to(elsewhere)
    with pytest.raises(UsageError, match=r"manifest\.json cannot be read") as caught:
        manifest.of(tmp_path)
    assert "through no link" in caught.value.hint


def test_a_file_without_end_is_no_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "manifest.json"
    path.write_text("{" + " " * 64 + "}", encoding="utf-8")
    monkeypatch.setattr(manifest_file, "LARGEST", 64)
    with pytest.raises(manifest_file.ManifestDamaged, match="it is larger than"):
        manifest_file.read(path)
    with pytest.raises(manifest_file.ManifestDamaged, match="it is larger than"):
        manifest_file.read(Path("/dev/zero"))
