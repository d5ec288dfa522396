"""A damaged journal or manifest is refused; a repair keeps what is whole and lists all that may bill."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from runner import manifest, manifest_file, repair
from runner.cli import main
from runner.clock import SystemClock
from runner.errors import RunHeld, UsageError
from runner.journal import Covered, Event, Journal, Json, Record, lines, read
from runner.manifest import Manifest, StepStatus

GPU: Mapping[str, Json] = {
    "action": "create",
    "intent": {"name": "gpu"},
    "kind": "compute",
    "bills": True,
    "attempt": 1,
}
JOB: Mapping[str, Json] = {**GPU, "intent": {"name": "job-1"}, "kind": "job"}
STORY: tuple[tuple[Event, str, Mapping[str, Json]], ...] = (
    (Event.STEP_STARTED, "compute", {"action": "create", "attempt": 1}),
    (Event.INTENT, "compute", GPU),
    (Event.ACKNOWLEDGED, "compute", {}),
    (Event.DONE, "compute", {**GPU, "outputs": {"id": "/gpu"}}),
    (Event.STEP_STARTED, "finetune", {"action": "create", "attempt": 1}),
    (Event.INTENT, "finetune", JOB),
    (Event.OBSERVED, "finetune", {"detail": "Running"}),
)


@dataclass(frozen=True)
class Kept:
    """A run on disk, and what it comes to."""

    folder: Path
    journal: bytes
    manifest: bytes
    told: Manifest

    @property
    def path(self) -> Path:
        return self.folder / "journal.jsonl"

    @property
    def beside(self) -> Path:
        return self.folder / "manifest.json"

    @property
    def counted(self) -> Covered:
        return Covered(**self.told.journal)

    def laid(self, journal: bytes, manifest: bytes | None) -> None:
        """Put these in the run's folder, and nothing else."""
        for path in self.folder.iterdir():
            path.unlink()
        self.path.write_bytes(journal)
        if manifest is not None:
            self.beside.write_bytes(manifest)


@pytest.fixture
def kept(tmp_path: Path, opening: Mapping[str, Json]) -> Kept:
    return written(tmp_path / "20261121T082300Z-small-1a2b", opening, counted=len(STORY) + 1)


def written(folder: Path, opening: Mapping[str, Json], *, counted: int) -> Kept:
    """Write a run whose manifest has counted so many of its records."""
    folder.mkdir()
    with Journal(folder / "journal.jsonl", SystemClock(), new=True) as journal:
        journal.append(Event.RUN_OPENED, data=opening)
        for event, step, data in STORY:
            journal.append(event, step=step, data=data)
        manifest.write(manifest.fold(journal.records[:counted]), folder / "manifest.json")
        told = manifest.fold(journal.records)
    return Kept(
        folder, (folder / "journal.jsonl").read_bytes(), (folder / "manifest.json").read_bytes(), told
    )


def same(found: Manifest, told: Manifest) -> bool:
    """Compare two manifests but for how long their journals are."""
    return replace(found, journal={}) == replace(told, journal={})


def listed(told: Manifest) -> set[str]:
    return {each.name for each in told.alive}


def answer(kept: Kept) -> Manifest | None:
    """Open a run as a verb does; None if it is refused with a cure."""
    try:
        told = manifest.of(kept.folder)
        with Journal(kept.path, SystemClock(), new=False) as journal:
            assert manifest.fold(journal.records) == told
    except UsageError as error:
        assert "runner repair " in error.hint  # noqa: PT017 - both outcomes are right
        return None
    return told


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here is about losing power."""
    monkeypatch.setattr(os, "fsync", lambda _file: None)


# --- every truncation, every bit ----------------------------------------------------------------------------


def bits(content: bytes, step: int) -> Iterator[tuple[int, bytes]]:
    """Give the content with each bit flipped, or every so many."""
    for bit in range(0, len(content) * 8, step):
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        yield bit, bytes(changed)


# Odd, so that each bit of a byte has its turn.
SWEEPS = [pytest.param(97, id="some"), pytest.param(5, id="most", marks=pytest.mark.full)]


def is_damaged(journal: bytes, counted: Covered) -> bool:
    try:
        lines.trusted(journal, counted)
    except lines.Damage:
        return True
    return False


def test_a_journal_cut_anywhere_is_damaged_if_the_manifest_counts_more(kept: Kept) -> None:
    for length in range(len(kept.journal)):
        assert is_damaged(kept.journal[:length], kept.counted), length


def test_a_journal_cut_anywhere_is_without_a_manifest_what_it_was_after_its_last_whole_line(
    kept: Kept,
) -> None:
    records = read(kept.path)
    for length in range(len(kept.journal) + 1):
        part = kept.journal[:length]
        found = lines.trusted(part, Covered())
        assert found.records == list(records[: part.count(b"\n")]), length
        assert found.size == part.rfind(b"\n") + 1, length


def test_any_bit_that_flips_in_a_journal_is_damage_if_the_manifest_counts_its_line(kept: Kept) -> None:
    for bit, changed in bits(kept.journal, 1):
        assert is_damaged(changed, kept.counted), bit


def test_any_bit_that_flips_in_a_journal_without_a_manifest_is_damage_or_in_the_last_line(kept: Kept) -> None:
    last = kept.journal.rindex(b"\n", 0, -1) + 1
    for bit, changed in bits(kept.journal, 1):
        assert is_damaged(changed, Covered()) == (bit // 8 < last), bit


@pytest.mark.parametrize("step", SWEEPS)
def test_a_bit_that_flips_in_a_journal_is_refused_and_a_repair_by_the_manifest_loses_nothing(
    kept: Kept, step: int
) -> None:
    for bit, changed in bits(kept.journal, step):
        kept.laid(changed, kept.manifest)
        assert answer(kept) is None, bit
        done = repair.repair(kept.folder, SystemClock())
        assert same(done.manifest, kept.told), bit
        assert answer(kept) == done.manifest, bit


@pytest.mark.parametrize("step", SWEEPS)
def test_a_repair_without_a_manifest_lists_what_is_whole_and_owns_to_the_rest(kept: Kept, step: int) -> None:
    before, last = manifest.fold(read(kept.path)[:-1]), kept.journal.rindex(b"\n", 0, -1) + 1
    for bit, changed in bits(kept.journal, step):
        kept.laid(changed, None)
        assert answer(kept) == (before if bit // 8 >= last else None), bit
        kept.laid(changed, None)
        if bit // 8 <= kept.journal.index(b"\n"):
            with pytest.raises(UsageError, match="is beyond repair"):
                repair.repair(kept.folder, SystemClock())
            assert kept.path.read_bytes() == changed
            continue
        done = repair.repair(kept.folder, SystemClock())
        assert done.uncertain, bit
        assert listed(done.manifest) >= named(changed, kept.journal), bit
        assert answer(kept) == done.manifest, bit


def named(changed: bytes, journal: bytes) -> set[str]:
    """Give the resources that whole lines name."""
    whole = set(changed.split(b"\n")) & set(journal.split(b"\n"))
    return {json.loads(line[9:])["data"]["intent"]["name"] for line in whole if b'"intent": {' in line}


@pytest.mark.parametrize("step", SWEEPS)
def test_a_bit_that_flips_in_a_manifest_is_noticed_and_the_journal_makes_it_anew(
    kept: Kept, step: int
) -> None:
    for bit, changed in bits(kept.manifest, step):
        kept.laid(kept.journal, changed)
        try:
            assert manifest.load(kept.beside) == kept.told, bit  # another way to write the same value
        except UsageError as error:
            assert "runner repair " in error.hint or "install" in error.hint, bit  # noqa: PT017 - as above
        if b'"format": 2' in changed:
            assert repair.repair(kept.folder, SystemClock()).manifest == kept.told, bit
            assert manifest.load(kept.beside) == kept.told, bit


@pytest.mark.parametrize(
    "step", [pytest.param(31, id="some"), pytest.param(1, id="every", marks=pytest.mark.full)]
)
def test_a_bit_that_flips_in_a_manifest_is_noticed_or_changes_nothing(kept: Kept, step: int) -> None:
    whole = manifest_file.read(kept.beside)
    for bit, changed in bits(kept.manifest, step):
        kept.beside.write_bytes(changed)
        try:
            assert manifest_file.read(kept.beside) == whole, bit
        except UsageError as error:
            assert error.hint, bit  # noqa: PT017 - both outcomes are right


def test_line_ends_of_another_system_do_no_harm_to_a_manifest(kept: Kept) -> None:
    kept.beside.write_bytes(kept.manifest.replace(b"\n", b"\r\n"))
    assert manifest.load(kept.beside) == kept.told


def test_a_manifest_cut_anywhere_is_refused(kept: Kept) -> None:
    for length in range(len(kept.manifest) - 1):
        kept.beside.write_bytes(kept.manifest[:length])
        with pytest.raises(UsageError, match="not a manifest") as caught:
            manifest.load(kept.beside)
        assert caught.value.hint == f"runner repair {kept.folder.name}"


# --- lines out of their places ------------------------------------------------------------------------------


def swapped(whole: list[bytes]) -> list[bytes]:
    return [*whole[:3], whole[4], whole[3], *whole[5:]]


def doubled(whole: list[bytes]) -> list[bytes]:
    return [*whole[:4], whole[3], *whole[4:]]


def missing(whole: list[bytes]) -> list[bytes]:
    return [*whole[:3], *whole[4:]]


@pytest.mark.parametrize(
    ("change", "said", "dropped"),
    [
        (swapped, "line 4 is numbered 5", []),
        (doubled, "line 5 is numbered 4", [(5, "is there twice")]),
        (missing, "line 4 is numbered 5", [(4, "comes after 1 that are missing")]),
    ],
)
@pytest.mark.parametrize("counted", [True, False])
def test_lines_out_of_their_places_are_told_and_put_in_order(
    kept: Kept,
    change: Callable[[list[bytes]], list[bytes]],
    said: str,
    dropped: list[tuple[int, str]],
    *,
    counted: bool,
) -> None:
    whole = change(kept.journal.splitlines(keepends=True))
    kept.laid(b"".join(whole), kept.manifest if counted else None)
    with pytest.raises(UsageError, match=f"is damaged: {said}") as caught:
        read(kept.path)
    assert caught.value.hint == f"runner repair {kept.folder.name}"
    done = repair.repair(kept.folder, SystemClock())
    assert [(each.line, each.reason) for each in done.dropped] == dropped
    assert same(done.manifest, kept.told) or not counted
    assert listed(done.manifest) == listed(kept.told)
    assert answer(kept) == done.manifest


def test_a_line_of_another_journal_is_told(kept: Kept, tmp_path: Path, opening: Mapping[str, Json]) -> None:
    other = written(tmp_path / "other", {**opening, "run_id": "another"}, counted=1)
    ours, others = kept.journal.splitlines(keepends=True), other.journal.splitlines(keepends=True)
    kept.laid(b"".join([*ours[:4], others[4], *ours[5:]]), None)
    with pytest.raises(UsageError, match="line 5 does not follow the line before it"):
        read(kept.path)


def test_a_journal_that_goes_on_otherwise_than_the_manifest_counted_is_told(
    kept: Kept, tmp_path: Path, opening: Mapping[str, Json]
) -> None:
    other = written(tmp_path / "other", {**opening, "pins": {"model": None}}, counted=8)
    kept.laid(kept.journal, other.manifest)
    with pytest.raises(UsageError, match="line 8 is not the one that the manifest counts"):
        read(kept.path)


# --- what a repair leaves -----------------------------------------------------------------------------------


def test_a_repair_adds_what_the_journal_knows_beyond_the_manifest(
    tmp_path: Path, opening: Mapping[str, Json]
) -> None:
    kept = written(tmp_path / "run", opening, counted=4)
    whole = kept.journal.splitlines(keepends=True)
    kept.laid(b"".join([whole[0], b"rubbish\n", *whole[2:]]), kept.manifest)
    done = repair.repair(kept.folder, SystemClock())
    assert same(done.manifest, kept.told)
    assert not done.uncertain
    assert [(each.line, each.reason) for each in done.dropped] == [
        (2, "is not as it was written: its checksum does not fit")
    ]
    assert [record.event for record in read(kept.path)][-2:] == [Event.OBSERVED, Event.REPAIRED]


def test_a_lost_record_that_no_manifest_counted_is_owned_to(
    tmp_path: Path, opening: Mapping[str, Json]
) -> None:
    kept = written(tmp_path / "run", opening, counted=4)
    whole = kept.journal.splitlines(keepends=True)
    kept.laid(b"".join([*whole[:6], b"rubbish\n", *whole[7:]]), kept.manifest)
    assert repair.repair(kept.folder, SystemClock()).uncertain


def test_a_lost_first_record_is_taken_from_the_manifest(kept: Kept) -> None:
    kept.laid(kept.journal[kept.journal.index(b"\n") + 1 :], kept.manifest)
    done = repair.repair(kept.folder, SystemClock())
    assert same(done.manifest, kept.told)
    assert read(kept.path)[0].event is Event.RUN_OPENED


def test_a_journal_of_which_nothing_is_left_is_told_by_the_manifest(kept: Kept) -> None:
    kept.laid(b"", kept.manifest)
    done = repair.repair(kept.folder, SystemClock())
    assert same(done.manifest, kept.told)


def test_what_a_run_is_part_of_and_its_verdict_are_taken_from_the_manifest(
    tmp_path: Path, opening: Mapping[str, Json]
) -> None:
    """A point that forgot its sweep would take back the cluster that the others train on."""
    sweep = {"id": "s", "index": 1, "total": 2, "point": {}}
    parent = {"run_id": "first", "digest": "", "settings": []}
    kept = written(tmp_path / "run", {**opening, "parent": parent, "sweep": sweep}, counted=1)
    with Journal(kept.path, SystemClock(), new=False) as journal:
        journal.append(Event.JUDGED, data={"reproduced": False})
        told = manifest.fold(journal.records)
        manifest.write(told, kept.beside)
    kept.laid(b"", kept.beside.read_bytes())
    done = repair.repair(kept.folder, SystemClock())
    assert same(done.manifest, told)
    assert (done.manifest.sweep, done.manifest.verdict) == (sweep, {"reproduced": False})


def test_the_damaged_files_are_kept_for_their_owner(kept: Kept) -> None:
    damaged = kept.journal.replace(b"gpu", b"cpu")
    kept.laid(damaged, b"<<<<<<< HEAD\n")
    done = repair.repair(kept.folder, SystemClock())
    journal, beside = done.aside
    assert journal.read_bytes() == damaged
    assert beside.read_bytes() == b"<<<<<<< HEAD\n"
    assert journal.stat().st_mode & 0o777 == 0o600
    assert journal.name.startswith("journal.damaged-2")
    assert kept.path.stat().st_mode & 0o777 == 0o600


def test_a_repair_that_ended_before_it_wrote_the_manifest_needs_no_second(kept: Kept) -> None:
    kept.laid(kept.journal.replace(b"Running", b"Walking"), kept.manifest)
    done = repair.repair(kept.folder, SystemClock())
    kept.beside.write_bytes(kept.manifest)
    assert answer(kept) == done.manifest
    assert repair.repair(kept.folder, SystemClock()).dropped == ()


def test_a_second_damage_after_a_repair_is_not_told_by_the_manifest_from_before_it(kept: Kept) -> None:
    kept.laid(kept.journal.replace(b"Running", b"Walking"), kept.manifest)
    repair.repair(kept.folder, SystemClock())
    with Journal(kept.path, SystemClock(), new=False) as journal:
        journal.append(Event.DELETE_DONE, step="compute", data={"with": []})
    kept.path.write_bytes(kept.path.read_bytes().replace(b"acknowledged", b"acknewledged"))
    kept.beside.write_bytes(kept.manifest)
    done = repair.repair(kept.folder, SystemClock())
    assert done.manifest.steps["compute"].status is StepStatus.DELETED
    assert listed(done.manifest) == {"job-1"}


def test_what_came_after_a_repair_is_not_undone_by_the_manifest_from_before_it(kept: Kept) -> None:
    whole = kept.journal.splitlines(keepends=True)
    kept.laid(b"".join([*whole[:2], *[b"rubbish\n"] * 6]), kept.manifest)
    assert repair.repair(kept.folder, SystemClock()).records == 3
    with Journal(kept.path, SystemClock(), new=False) as journal:
        journal.append(Event.DELETE_DONE, step="compute", data={"with": []})
    kept.path.write_bytes(kept.path.read_bytes().replace(b"step_started", b"step_starred"))
    kept.beside.write_bytes(kept.manifest)
    done = repair.repair(kept.folder, SystemClock())
    assert done.manifest.steps["compute"].status is StepStatus.DELETED
    assert listed(done.manifest) == {"job-1"}


@pytest.mark.parametrize(
    ("different", "lines_left"),
    [({"pins": {"model": None, "component": {"name": "x", "version": "1"}}}, 8), ({"run_id": "another"}, 7)],
    ids=["another chain", "another run"],
)
def test_a_manifest_of_another_journal_tells_nothing(
    kept: Kept, tmp_path: Path, opening: Mapping[str, Json], different: Mapping[str, Json], lines_left: int
) -> None:
    other = written(tmp_path / "other", {**opening, **different}, counted=8)
    whole = kept.journal.replace(b"job-1", b"job-2").splitlines(keepends=True)
    kept.laid(b"".join(whole[:lines_left]), other.manifest)
    done = repair.repair(kept.folder, SystemClock())
    assert listed(done.manifest) == {"gpu"}
    assert done.uncertain
    assert other.manifest in [path.read_bytes() for path in done.aside]


def test_what_is_whole_is_left_as_it_is(kept: Kept) -> None:
    done = repair.repair(kept.folder, SystemClock())
    assert (done.dropped, done.aside, done.uncertain) == ((), (), False)
    assert (kept.path.read_bytes(), kept.beside.read_bytes()) == (kept.journal, kept.manifest)


def test_a_run_is_held_until_its_repair_is_whole(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.laid(kept.journal.replace(b"Running", b"Walking"), kept.manifest)
    write, held = manifest.write, []

    def watched(told: Manifest, path: Path) -> None:
        with pytest.raises(RunHeld):
            Journal(kept.path, SystemClock(), new=False)
        held.append(path)
        write(told, path)

    monkeypatch.setattr(manifest, "write", watched)
    repair.repair(kept.folder, SystemClock())
    assert held == [kept.beside]


def test_a_held_run_is_not_repaired(kept: Kept) -> None:
    with Journal(kept.path, SystemClock(), new=False), pytest.raises(RunHeld):
        repair.repair(kept.folder, SystemClock())


def test_a_manifest_of_a_later_version_is_left_alone(kept: Kept) -> None:
    later = kept.manifest.replace(b'"format": 2', b'"format": 3')
    kept.laid(kept.journal, later)
    for attempt in (lambda: manifest.load(kept.beside), lambda: repair.repair(kept.folder, SystemClock())):
        with pytest.raises(UsageError, match="has manifest format 3") as caught:
            attempt()
        assert caught.value.hint == "it was written by version 0.1.0 of runner: install that"
    assert kept.beside.read_bytes() == later


def test_a_journal_of_the_first_format_is_written_anew(kept: Kept) -> None:
    plain = b"".join(line[9:] for line in kept.journal.splitlines(keepends=True))
    kept.laid(plain, None)
    with pytest.raises(UsageError, match="line 1 has no checksum: an earlier version of runner wrote it"):
        read(kept.path)
    done = repair.repair(kept.folder, SystemClock())
    assert not done.dropped
    assert same(done.manifest, kept.told)
    assert answer(kept) == done.manifest


def test_records_that_a_repair_left_out_are_not_made_up(opening: Mapping[str, Json]) -> None:
    """Whatever single record is missing, what bills and is named stays listed."""
    story = [(Event.RUN_OPENED, "", opening), *STORY, (Event.DELETE_DONE, "finetune", {})]
    records = [
        Record(seq=seq, time=f"2026-11-21T08:23:{seq:02}.000Z", event=event, step=step, data=data)
        for seq, (event, step, data) in enumerate(story, start=1)
    ]
    for left_out in range(1, len(records)):
        folded = manifest.fold([*records[:left_out], *records[left_out + 1 :]])
        assert folded.steps["compute"].changed, left_out
        assert "gpu" in listed(folded), left_out
    alone = manifest.fold([records[0], records[4]])
    assert (alone.steps["compute"].status, alone.steps["compute"].changed) == (StepStatus.SUCCEEDED, True)
    assert listed(manifest.fold([records[0], records[6]])) == {"job-1"}
    assert manifest.fold([records[0], records[7]]).steps["finetune"].status is StepStatus.RUNNING


# --- the verb -----------------------------------------------------------------------------------------------


def test_the_verb_tells_what_it_dropped_and_not_what_that_held(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    kept.laid(kept.journal.replace(b"Running", b"Walking"), kept.manifest)
    assert main(["show", str(kept.folder)]) == 2
    refused = capsys.readouterr().err
    assert "is damaged: line 8 is not as it was written" in refused
    assert f"runner repair {kept.folder.name}" in refused
    assert main(["repair", str(kept.folder)]) == 0
    said = capsys.readouterr().out
    assert "dropped: line 8 is not as it was written" in said
    assert "Walking" not in said
    assert "gpu" in said
    assert main(["show", str(kept.folder)]) == 0


def test_the_verb_tells_programs_too(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    kept.laid(kept.journal.replace(b"Running", b"Walking"), None)
    assert main(["repair", str(kept.folder), "--output", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["dropped"] == [{"line": 8, "reason": "is not as it was written: its checksum does not fit"}]
    assert told["uncertain"] is True


def test_the_verb_ends_with_9_too_while_something_is_not_proven_gone(kept: Kept) -> None:
    with Journal(kept.path, SystemClock(), new=False) as journal:
        journal.append(Event.DELETE_FAILED, step="compute", data={"reason": "HTTP 403"})
    assert main(["repair", str(kept.folder)]) == 9


def test_a_run_that_is_beyond_repair_says_what_to_do(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    kept.laid(b"rubbish\n", b"rubbish")
    for verb in ("show", "down"):
        assert main([verb, str(kept.folder)]) == 2
        assert f"runner repair {kept.folder.name}" in capsys.readouterr().err
    assert main(["repair", str(kept.folder)]) == 2
    run, told = kept.folder.name, capsys.readouterr().err
    assert f"move the folder {kept.folder} away, then: runner gc RECIPE --run {run} --delete" in told
    assert kept.path.read_bytes() == b"rubbish\n"


def test_a_run_that_is_whole_is_told_to_be(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["repair", str(kept.folder)]) == 0
    assert capsys.readouterr().out.startswith("nothing was damaged\n")
