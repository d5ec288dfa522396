"""`run` and `down` as a whole: whatever happens on the way, the run is closed and what is left is said."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from runner import manifest, manifest_file
from runner import opening as openings
from runner.cli import main
from runner.clock import SystemClock
from runner.errors import CloudUnavailable, StepFailed
from runner.facts import Target
from runner.journal import FILE_NAME, Event, Journal, Json, Record, read
from runner.load import Loaded
from runner.manifest import Manifest, RunStatus
from runner.opening import Opened
from runner.plan import Plan
from runner.session import Session
from tests.unit.bench import ABSENT, AZURE, FACTS, FAILED, SUCCEEDED, Bench, needing

RECIPE = "version: 1\nname: small\nmodel: {name: Phi-4}\ncleanup: "


class Sky:
    """A cloud of which only its place is asked."""

    target = AZURE


def run(bench: Bench, monkeypatch: pytest.MonkeyPatch, *, cleanup: str, words: Sequence[str] = ()) -> int:
    """Carry out the bench's steps by the command line; its runs lie in `runs`."""

    def opened(loaded: Loaded, cloud: Sky, *_of_no_matter: object) -> Opened:
        plan = Plan(changes=tuple(bench.changes), effective=None, diagnostics=())
        return Opened(loaded=loaded, cloud=cloud, facts=FACTS, plan=plan)  # type: ignore[arg-type] # see Sky

    monkeypatch.setattr(openings, "where", lambda *_: AZURE)
    monkeypatch.setattr(openings, "connected", lambda *_: Sky())
    monkeypatch.setattr(openings, "opened", opened)
    recipe = bench.folder / "small.yaml"
    recipe.write_text(RECIPE + cleanup, encoding="utf-8")
    place = ["--target", "azure", "--runs-dir", str(bench.folder / "runs")]
    return main(["run", str(recipe), *place, *words])


def kept(bench: Bench) -> Manifest:
    (path,) = (bench.folder / "runs").glob("*/manifest.json")
    return manifest.load(path)


def test_a_run_that_succeeds_is_closed_and_leaves_what_it_made(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.step("compute", ABSENT, SUCCEEDED)
    assert run(bench, monkeypatch, cleanup="on_failure") == 0
    assert kept(bench).status is RunStatus.SUCCEEDED
    assert bench.calls == ["create compute"]
    assert "  thing  my-compute  price unknown\n" in capsys.readouterr().out


def test_a_mistake_of_ours_in_a_step_still_ends_the_run_and_cleans_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def slip() -> None:
        raise KeyError("ours")

    bench.step("compute", ABSENT, SUCCEEDED)
    bench.step("finetune", ABSENT, SUCCEEDED, traits=needing("compute"), on_create=slip)
    assert run(bench, monkeypatch, cleanup="on_failure") == 1
    assert kept(bench).status is RunStatus.FAILED
    assert bench.calls[2:] == ["delete my-finetune", "delete my-compute"]
    assert capsys.readouterr().err.startswith("error: internal error: KeyError (test_verbs.py:")


def test_a_ctrl_c_during_cleanup_still_says_what_is_left(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    bench.step("compute", ABSENT, SUCCEEDED, on_delete=interrupt)
    assert run(bench, monkeypatch, cleanup="always") == 130
    assert kept(bench).status is RunStatus.INTERRUPTED
    assert (
        "interrupted. Still there: thing my-compute.\n  thing  my-compute  price unknown  not proven gone: "
        in capsys.readouterr().out
    )


def test_a_ctrl_c_during_the_cleanup_of_a_failed_run_is_not_forgotten(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    bench.step("compute", ABSENT, SUCCEEDED, on_delete=interrupt)
    bench.step("finetune", ABSENT, FAILED, traits=needing("compute"))
    assert run(bench, monkeypatch, cleanup="on_failure") == 130
    assert [resource.name for resource in kept(bench).alive] == ["my-compute"]


def test_a_mistake_of_ours_while_closing_is_no_interruption(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def slip(_run: object, *, down: bool) -> tuple[str, ...]:
        raise KeyError(str(down))

    bench.step("compute", ABSENT, SUCCEEDED)
    monkeypatch.setattr("runner.execute.backward", slip)
    assert run(bench, monkeypatch, cleanup="always") == 1
    assert kept(bench).status is RunStatus.FAILED
    assert "interrupted" not in capsys.readouterr().out


@pytest.mark.parametrize("cleanup", ["on_failure", "always"])
def test_a_run_that_has_lost_its_cloud_from_sight_keeps_what_it_has(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, cleanup: str
) -> None:
    monkeypatch.setattr("runner.execute.waiting.PATIENCE_SECONDS", 0.1)
    bench.step("compute", ABSENT, SUCCEEDED)
    bench.step("finetune", ABSENT, CloudUnavailable("HTTP 503"), traits=needing("compute"))
    assert run(bench, monkeypatch, cleanup=cleanup) == 8
    assert kept(bench).status is RunStatus.INTERRUPTED
    assert [resource.name for resource in kept(bench).alive] == ["my-compute", "my-finetune"]
    assert not [call for call in bench.calls if call.startswith("delete")]


def test_what_may_still_bill_does_not_hide_why_the_run_failed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> None:
        raise StepFailed("HTTP 409")

    bench.step("compute", ABSENT, SUCCEEDED, on_delete=refuse)
    bench.step("finetune", ABSENT, FAILED, traits=needing("compute"))
    assert run(bench, monkeypatch, cleanup="on_failure") == 9
    said = capsys.readouterr().err
    assert "error: no quota\n" in said
    assert "  | out of memory\n" in said
    assert said.index("no quota") < said.index("not proven gone: thing my-compute")


def test_a_run_that_could_not_be_written_down_asks_the_cloud_for_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (bench.folder / "runs").write_text("a file", encoding="utf-8")
    monkeypatch.setattr(openings, "reached", lambda *_: pytest.fail("the cloud was asked"))
    assert run(bench, monkeypatch, cleanup="never") == 2
    assert "hint: choose --runs-dir" in capsys.readouterr().err


def on_azure(opening: Mapping[str, Json]) -> Mapping[str, Json]:
    return {**opening, "target": {**opening["target"], "kind": "azure"}}


def test_down_spares_what_another_run_goes_on_with(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.step("endpoint", ABSENT, SUCCEEDED)
    assert run(bench, monkeypatch, cleanup="never") == 0
    said, runs = kept(bench), bench.folder / "runs"
    other = runs / "20261121T082300Z-small-9999"
    other.mkdir()
    done = {"action": "reuse", "intent": {"name": "my-endpoint"}, "kind": "endpoint", "bills": True}
    with Journal(other / FILE_NAME, SystemClock(), new=True) as journal:
        first = read(runs / said.run_id / FILE_NAME)[0].data
        journal.append(Event.RUN_OPENED, data={**first, "run_id": other.name})
        journal.append(Event.STEP_STARTED, step="endpoint", data={"action": "reuse"})
        journal.append(Event.DONE, step="endpoint", data={**done, "outputs": {}})
        journal.append(Event.RUN_CLOSED, data={"status": "interrupted"})
        capsys.readouterr()
        assert main(["down", said.run_id, "--runs-dir", str(runs)]) == 0
        told = capsys.readouterr().out
        assert f"thing my-endpoint is left alone: run {other.name} uses it and has not ended" in told
        assert "  thing  my-endpoint" in told
        assert bench.calls == ["create endpoint"]
        journal.append(Event.RUN_CLOSED, data={"status": "canceled"})
    assert main(["down", said.run_id, "--runs-dir", str(runs)]) == 0
    assert bench.calls == ["create endpoint", "delete my-endpoint"]


@pytest.mark.parametrize("sealed", [True, False])
def test_down_never_goes_by_a_manifest_that_was_edited(
    tmp_path: Path, opening: Mapping[str, Json], monkeypatch: pytest.MonkeyPatch, *, sealed: bool
) -> None:
    with Journal(tmp_path / FILE_NAME, SystemClock(), new=True) as journal:
        journal.append(Event.RUN_OPENED, data=on_azure(opening))
        folded = manifest.fold(journal.records)
    manifest.write(folded, tmp_path / "manifest.json")
    edited = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    edited["target"]["workspace_name"] = "production"
    if sealed:
        manifest_file.write(edited, tmp_path / "manifest.json")
    else:
        (tmp_path / "manifest.json").write_text(json.dumps(edited), encoding="utf-8")
    asked: list[str] = []

    def connected(_session: Session, chosen: Target, _registry: str) -> None:
        asked.append(chosen.workspace_name)

    monkeypatch.setattr(openings, "connected", connected)
    assert main(["down", str(tmp_path)]) == (0 if sealed else 2)
    assert asked == (["ws"] if sealed else [])
    if sealed:
        assert manifest.load(tmp_path / "manifest.json") == folded


@pytest.mark.parametrize("closed", ["", "interrupted"])
def test_down_refuses_a_run_that_has_not_ended_and_says_what_ends_it(
    tmp_path: Path,
    opening: Mapping[str, Json],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    closed: str,
) -> None:
    recipe = {**opening["recipe"], "in_force": opening["recipe"]["text"]}
    with Journal(tmp_path / FILE_NAME, SystemClock(), new=True) as journal:
        journal.append(Event.RUN_OPENED, data={**on_azure(opening), "recipe": recipe})
        if closed:
            journal.append(Event.RUN_CLOSED, data={"status": closed})
    monkeypatch.setattr(openings, "connected", lambda *_: pytest.fail("the cloud was asked"))
    assert main(["down", str(tmp_path)]) == 2
    assert "runner cancel 20261121T082300Z-small-1a2b" in capsys.readouterr().err


def test_down_names_the_run_that_has_nothing_left(
    tmp_path: Path,
    opening: Mapping[str, Json],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Journal(tmp_path / FILE_NAME, SystemClock(), new=True) as journal:
        journal.append(Event.RUN_OPENED, data=on_azure(opening))
        journal.append(Event.RUN_CLOSED, data={"status": "succeeded"})
    monkeypatch.setattr(openings, "connected", lambda *_: Sky())
    assert main(["down", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert told == "20261121T082300Z-small-1a2b: nothing that bills is left alive\n"


def test_down_without_a_journal_is_refused_and_makes_none(
    tmp_path: Path, opening: Mapping[str, Json], capsys: pytest.CaptureFixture[str]
) -> None:
    record = Record(seq=1, time="2026-11-21T08:23:00.000Z", event=Event.RUN_OPENED, data=on_azure(opening))
    manifest.write(manifest.fold([record]), tmp_path / "manifest.json")
    assert main(["down", str(tmp_path)]) == 2
    assert not (tmp_path / FILE_NAME).exists()
    assert "its journal is not here" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["attach", "cancel", "down", "logs", "repair", "resume"])
def test_a_manifest_alone_is_refused_by_all_that_goes_by_the_journal(
    tmp_path: Path, opening: Mapping[str, Json], capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    record = Record(seq=1, time="2026-11-21T08:23:00.000Z", event=Event.RUN_OPENED, data=on_azure(opening))
    manifest.write(manifest.fold([record]), tmp_path / "manifest.json")
    assert main([verb, str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "was carried out elsewhere: its journal is not here" in said
    assert "hint: give this command on the machine that ran it" in said


def test_a_ctrl_c_between_opening_and_walking_leaves_a_run_that_can_be_resumed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    bench.step("compute", ABSENT, SUCCEEDED)
    monkeypatch.setattr(openings, "context", interrupt)
    assert run(bench, monkeypatch, cleanup="never") == 130
    assert kept(bench).status is RunStatus.RUNNING
    assert bench.calls == []


@pytest.mark.parametrize("deleted", [False, True])
def test_show_tells_that_nobody_carries_a_run_on_and_that_its_training_was_canceled(
    tmp_path: Path, opening: Mapping[str, Json], capsys: pytest.CaptureFixture[str], *, deleted: bool
) -> None:
    intent = {"action": "create", "intent": {"name": "j-1"}, "kind": "job", "bills": True}
    with Journal(tmp_path / FILE_NAME, SystemClock(), new=True) as journal:
        recipe = {**opening["recipe"], "in_force": "version: 1"}
        journal.append(Event.RUN_OPENED, data={**opening, "recipe": recipe})
        journal.append(Event.STEP_STARTED, step="finetune", data={"action": "create"})
        journal.append(Event.INTENT, step="finetune", data=intent)
        if deleted:
            journal.append(Event.DELETE_DONE, step="finetune", data={"with": []})
        assert main(["show", str(tmp_path)]) == 0
        assert "running, but" not in capsys.readouterr().out
    assert main(["show", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    run = opening["run_id"]
    assert told.startswith(f"{run}: running, but no process carries it on: runner resume {run}\n")
    assert f"runner cancel {run}" in told
    assert "runner down" not in told
    assert ("–  finetune  create  j-1 canceled" in told) is deleted  # noqa: RUF001 - as it is shown


def test_show_of_a_manifest_alone_does_not_advise_what_it_cannot_do(
    tmp_path: Path, opening: Mapping[str, Json], capsys: pytest.CaptureFixture[str]
) -> None:
    made = {"action": "create", "intent": {"name": "gpu"}, "kind": "compute", "bills": True}
    time = "2026-11-21T08:23:00.000Z"
    records = [
        Record(seq=1, time=time, event=Event.RUN_OPENED, data=opening),
        Record(seq=2, time=time, event=Event.INTENT, step="compute", data=made),
    ]
    manifest.write(manifest.fold(records), tmp_path / "manifest.json")
    assert main(["show", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "on the machine that ran it" in told
    assert "runner down" not in told


def test_a_run_that_was_cancelled_by_its_interruption_is_told_as_that(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    bench.step("compute", ABSENT, SUCCEEDED, on_create=interrupt)
    assert run(bench, monkeypatch, cleanup="always", words=["--on-interrupt", "cancel"]) == 130
    told = capsys.readouterr().out
    assert "\ncanceled: " in told
    assert "runner resume" not in told


def test_a_debt_is_told_by_show_until_it_is_paid(
    tmp_path: Path, opening: Mapping[str, Json], capsys: pytest.CaptureFixture[str]
) -> None:
    intent = {"action": "create", "intent": {"name": "gpu"}, "kind": "compute", "bills": True}
    with Journal(tmp_path / FILE_NAME, SystemClock(), new=True) as journal:
        journal.append(Event.RUN_OPENED, data=opening)
        journal.append(Event.STEP_STARTED, step="compute", data={"action": "create"})
        journal.append(Event.INTENT, step="compute", data=intent)
        journal.append(Event.DELETE_INTENT, step="compute", data=intent)
        manifest.write(manifest.fold(journal.records), tmp_path / "manifest.json")
    assert main(["show", str(tmp_path)]) == 9
    assert "not proven gone: compute gpu" in capsys.readouterr().err
    with Journal(tmp_path / FILE_NAME, SystemClock(), new=False) as journal:
        journal.append(Event.DELETE_DONE, step="compute", data={"with": []})
    assert main(["show", str(tmp_path)]) == 0
