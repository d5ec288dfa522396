"""`runner verify`: what is not as it was recorded is found, and nothing outside the run is touched."""

import json
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner import journal, manifest, manifest_file
from runner.cli import main
from runner.clock import SystemClock
from runner.errors import UsageError
from runner.journal import Event, Journal, Json
from runner.journal.records import Covered
from runner.repair import repair
from runner.verifying import Finding, Standing, differing, verified
from runner.verifying.chained import damages
from runner.verifying.opening import measured
from tests.unit.past_run import ANSWERS, RUN_ID, copied, past_run, sealed_again

DIGESTED = ("manifest.json", "journal.jsonl", "data/train.jsonl", "data/test.jsonl", "samples.jsonl")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a run that a test leaves as it was."""
    return past_run(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    return copied(whole, tmp_path)


def looked_at(folder: Path) -> tuple[Finding, ...]:
    return verified(folder, folder.parent)


def against(folder: Path) -> list[tuple[str, str]]:
    return [(each.file, each.place) for each in differing(looked_at(folder))]


def told(folder: Path, standing: Standing) -> dict[str, str]:
    """Give the reasons, by file."""
    return {each.file: each.reason for each in looked_at(folder) if each.standing is standing}


# --- what is whole ------------------------------------------------------------------------------------------


def test_a_run_that_was_left_alone_is_as_it_was_recorded(run: Path) -> None:
    found = looked_at(run)
    assert {each.file for each in found if each.standing is Standing.FITS} == {
        *DIGESTED,
        "metrics.csv",
        "../../small.yaml",
    }
    assert {each.standing for each in found} == {Standing.FITS, Standing.UNCHECKED}
    assert [(each.file, each.place) for each in found if each.standing is Standing.UNCHECKED] == [
        ("metrics.csv", "times, speed and memory")
    ]


def test_a_run_is_verified_offline_and_left_as_it_was(run: Path) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert main(["verify", str(run)]) == 0
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_a_clone_has_only_the_manifest_and_the_rest_is_not_said_to_be_fine(run: Path) -> None:
    for path in (run / "journal.jsonl", run / "metrics.csv", run / "samples.jsonl"):
        path.unlink()
    shutil.rmtree(run / "data")
    (run.parents[1] / "small.yaml").unlink()
    assert against(run) == []
    fitting = {each.file for each in looked_at(run) if each.standing is Standing.FITS}
    assert fitting == {"manifest.json"}
    assert set(told(run, Standing.UNCHECKED)) == {
        "journal.jsonl",
        "data/train.jsonl",
        "data/test.jsonl",
        "metrics.csv",
        "samples.jsonl",
        "../../small.yaml",
    }


def test_line_ends_are_gits_to_change(run: Path) -> None:
    path = run / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert told(run, Standing.NOTICE) == {}
    assert against(run) == []


def test_a_manifest_of_the_first_format_has_nothing_to_be_held_against(tmp_path: Path) -> None:
    old = Path(__file__).parents[1] / "golden" / "manifest_format_1.json"
    shutil.copy(old, tmp_path / "manifest.json")
    assert against(tmp_path) == [("manifest.json", "recipe")]  # it was made up, and never a digest
    unchecked = {each.place: each.reason for each in looked_at(tmp_path) if each.file == "manifest.json"}
    assert unchecked["digest"] == "manifests of format 1 have none"


# --- one byte -----------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=100)
@given(data=st.data())
def test_one_byte_that_is_another_is_found(whole: Path, data: st.DataObject) -> None:
    """What says the same in other bytes (white space in the manifest) is told, though not held against it."""
    name = data.draw(st.sampled_from(DIGESTED))
    path = whole / name
    written = path.read_bytes()
    place = data.draw(st.integers(0, len(written) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != written[place]))
    try:
        path.write_bytes(written[:place] + bytes([other]) + written[place + 1 :])
        found = looked_at(whole)
    except UsageError:
        pytest.fail("a byte makes nobody a later version")
    finally:
        path.write_bytes(written)
    seen = [each for each in found if each.standing in {Standing.DIFFERS, Standing.NOTICE}]
    assert seen[0].file == name
    says_the_same = name == "manifest.json" and _parsed(written, place, other) == json.loads(written)
    assert seen[0].standing is (Standing.NOTICE if says_the_same else Standing.DIFFERS)


def _parsed(written: bytes, place: int, other: int) -> Json:
    try:
        return json.loads(written[:place] + bytes([other]) + written[place + 1 :])
    except ValueError:
        return None


@pytest.mark.parametrize("name", DIGESTED)
def test_the_first_and_the_last_byte_count_as_much_as_any(run: Path, name: str) -> None:
    path = run / name
    written = path.read_bytes()
    for changed in (b"\x00" + written[1:], written[:-1] + b"\x00", written[:-1], written[1:], b""):
        path.write_bytes(changed)
        found = [each for each in looked_at(run) if each.standing in {Standing.DIFFERS, Standing.NOTICE}]
        assert found[0].file == name
        # A manifest without its last newline says the same.
        assert bool(differing(found)) is not (name == "manifest.json" and changed == written[:-1])


def test_what_a_person_may_do_to_the_table_of_metrics_is_found(run: Path) -> None:
    path = run / "metrics.csv"
    written = path.read_text(encoding="utf-8")
    path.write_text(written.replace(",2.5,", ",1.5,"), encoding="utf-8")
    assert against(run) == [("metrics.csv", "losses")]
    path.write_text(written.replace("loss,1,2.5", "loss,1,2.50"), encoding="utf-8")
    assert against(run) == [("metrics.csv", "form")]
    path.write_text("\n".join(written.splitlines()[:-1]) + "\n", encoding="utf-8")
    assert against(run) == [("metrics.csv", "points")]
    for other in ("job\nx\n", f"{written}chat_completion_finetune,loss,3,1.0\n", f'{written}"'):
        path.write_text(other, encoding="utf-8")
        assert against(run)[0] == ("metrics.csv", "")


# --- whole lines, whole files -------------------------------------------------------------------------------


def lines_of(run: Path) -> list[bytes]:
    return (run / "journal.jsonl").read_bytes().splitlines(keepends=True)


def put(run: Path, lines: list[bytes]) -> None:
    (run / "journal.jsonl").write_bytes(b"".join(lines))


def test_lines_that_were_swapped_missing_doubled_or_cut_are_named(run: Path) -> None:
    lines = lines_of(run)
    last = len(lines)
    changes = {
        "line 4": [*lines[:3], lines[4], lines[3], *lines[5:]],
        "line 3": [*lines[:2], *lines[3:]],
        "line 6": [*lines[:5], lines[4], *lines[5:]],
        "as a whole": lines[: last - 1],
        "line 2": [lines[0], *lines[2:]],
    }
    for place, changed in changes.items():
        put(run, changed)
        first = differing(looked_at(run))[0]
        assert (first.file, first.place) == ("journal.jsonl", place)
        assert ("is numbered otherwise" in first.reason) is (place != "as a whole")
        assert "manifest.json" in told(run, Standing.UNCHECKED)


def test_one_damaged_line_is_told_once(run: Path) -> None:
    lines = lines_of(run)
    put(run, [*lines[:3], lines[3].replace(b"{", b"[", 1), *lines[4:]])
    assert against(run) == [("journal.jsonl", "line 4")]


def test_a_line_of_another_run_breaks_the_chain(run: Path, tmp_path: Path) -> None:
    """It is numbered well and has its checksum; the next line knows another."""
    other = past_run(tmp_path / "other", run_id="20261121T082300Z-small-9f9f")
    lines = lines_of(run)
    put(run, [lines[0], lines_of(other)[1], *lines[2:]])
    reasons = {each.place: each.reason for each in differing(looked_at(run))}
    assert reasons == dict.fromkeys(("line 2", "line 3"), "does not follow the line before it")


def test_a_journal_of_another_run_is_not_this_runs(run: Path, tmp_path: Path) -> None:
    other = past_run(tmp_path / "other", run_id="20261121T082300Z-small-9f9f", status="failed")
    shutil.copy(other / "journal.jsonl", run / "journal.jsonl")
    assert against(run)[0] == ("journal.jsonl", "as a whole")


@settings(deadline=None, max_examples=100)
@given(data=st.data())
def test_a_journal_is_called_damaged_exactly_where_a_run_would_not_trust_it(
    whole: Path, data: st.DataObject
) -> None:
    """Lines are dropped, doubled and moved, a piece of the end is cut off, and the manifest counts some."""
    lines = lines_of(whole)
    chosen = data.draw(st.lists(st.integers(0, len(lines) - 1), max_size=len(lines)))
    kept = lines[: data.draw(st.integers(0, len(lines)))] + [lines[each] for each in chosen[:2]]
    content = b"".join(kept)
    content = content[: len(content) - data.draw(st.integers(0, 3))]
    count = data.draw(st.integers(0, len(lines)))
    covered = Covered(records=count, head=lines[count - 1][:8].decode() if count else "")
    assert bool(damages(content, covered)) is not _is_trusted(content, covered)


def _is_trusted(content: bytes, covered: Covered) -> bool:
    try:
        journal.lines.trusted(content, covered)
    except journal.lines.Damage:
        return False
    return True


def test_a_file_that_is_something_else_altogether_is_not_told_line_by_line(run: Path) -> None:
    (run / "journal.jsonl").write_bytes(b"\n" * 5000)
    found = [each for each in differing(looked_at(run)) if each.file == "journal.jsonl"]
    assert len(found) == 21
    assert (found[-1].place, found[-1].reason) == (
        "further lines",
        "4979 more are damaged",
    )  # the last is a cut-off's


# --- somebody who knows of the digest -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("status", "failed"),
        ("ended", None),
        ("recipe.name", "another"),
        ("steps.finetune.metrics.loss", 1.0),
        ("steps.finetune.metrics.other", 1.0),
        ("steps.register.outputs.version", "4"),
        ("pins.model.version", "8"),
        ("alive", []),
        ("resumed", 1),
        ("walked", "succeeded"),
        ("journal.head", "01234567"),
        ("journal.records", 3),
        ("journal.records", 0),
        ("parent", {"run_id": "x", "digest": ""}),
    ],
)
def test_a_manifest_that_was_changed_with_its_digest_is_not_the_journals_fold(
    run: Path, place: str, value: Json
) -> None:
    sealed_again(run, {place: value})
    assert ("manifest.json", "digest") not in against(run)
    files = {file for file, _ in against(run)}
    assert files & {"manifest.json", "journal.jsonl"}


def test_every_field_of_a_manifest_is_held_against_the_journal(run: Path) -> None:
    said = json.loads((run / "manifest.json").read_bytes())
    kept = (run / "manifest.json").read_bytes()
    for key in set(said) - {"digest", "format"}:
        changed = "running" if key == "status" else _otherwise(said[key])
        manifest_file.write({**said, key: changed}, run / "manifest.json")
        assert against(run), key
    (run / "manifest.json").write_bytes(kept)
    assert against(run) == []


def _otherwise(value: Json) -> Json:
    match value:
        case str():
            return value.replace("2026", "2025") + ("" if "2026" in value else "x")
        case bool() | None:
            return {"run_id": "x", "digest": ""}
        case int():
            return value + 1
        case list():
            return value[1:] if value else [{"step": "s", "kind": "k", "name": "n"}]
    return {**value, next(iter(value)): _otherwise(next(iter(value.values())))}


def test_a_text_that_might_be_a_secret_is_not_repeated(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sealed_again(run, {"steps.finetune.detail": "canary of 25 characters \x1b"})
    assert main(["verify", str(run)]) == 5
    out = capsys.readouterr().out
    assert "canary" not in out
    assert "steps.finetune.detail" in out
    assert "a text of 25 characters" in out


def test_a_recipes_text_that_was_changed_with_every_digest_but_its_own_is_found(run: Path) -> None:
    (run / "journal.jsonl").unlink()
    sealed_again(run, {"recipe.text": "version: 1\nname: another\n"})
    assert against(run) == [("manifest.json", "recipe")]


def test_a_recipe_that_a_secret_was_taken_out_of_cannot_be_checked(run: Path) -> None:
    (run / "journal.jsonl").unlink()
    sealed_again(run, {"recipe.text": "# password=12345678\nversion: 1\n"})
    assert against(run) == []
    assert "a secret was taken out" in told(run, Standing.UNCHECKED)["manifest.json"]


def test_files_are_named_as_they_are_seen_from_here_and_the_target_is_told(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(run.parent.parent)
    assert main(["verify", run.name]) == 0
    said = capsys.readouterr().out
    assert f"  runs/{run.name}/data/train.jsonl" in said
    assert "  small.yaml " in said
    assert f"runs/{run.name} on the EMULATOR on this machine" in said
    assert main(["verify", run.name, "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["target"] == "emulator"
    (run / "manifest.json").write_bytes(b"{}")
    assert main(["verify", run.name]) == 5
    assert "EMULATOR" in capsys.readouterr().out  # as its journal tells
    (run / "journal.jsonl").unlink()
    assert main(["verify", run.name, "--output", "json"]) == 5
    assert json.loads(capsys.readouterr().out)["target"] is None


def test_a_manifest_that_lies_there_damaged_is_told_from_one_that_is_not_there(run: Path) -> None:
    (run / "manifest.json").write_bytes(b"{")
    assert "it lies here, damaged" in told(run, Standing.UNCHECKED)["manifest.json"]
    (run / "manifest.json").unlink()
    assert "it is not here" in told(run, Standing.UNCHECKED)["manifest.json"]


def test_a_file_among_the_rows_that_no_step_recorded_is_named(run: Path) -> None:
    (run / "data" / "more.jsonl").write_bytes(b"{}\n")
    (run / "data" / ".train.jsonl.part").write_bytes(b"{}\n")
    assert told(run, Standing.NOTICE) == {"data/more.jsonl": "is not of this run: no step recorded it"}
    assert against(run) == []
    for number in range(30):
        (run / "data" / f"z{number:02}.jsonl").touch()
    found = told(run, Standing.NOTICE)
    assert len(found) == 21
    assert found["data"] == "holds 11 more files that no step recorded"


def test_the_list_of_rows_that_were_left_out_is_as_long_as_was_recorded(run: Path) -> None:
    dropped = {"steps.dataset.intent.assets.train.dropped": {"empty-content": 2, "unknown-role": 1}}
    listed = run / "data" / "dropped.jsonl"
    listed.write_bytes(b"{}\n" * 3)
    assert told(run, Standing.NOTICE)["data/dropped.jsonl"].endswith("no step recorded any")
    sealed_again(run, dropped)
    place = ("data/dropped.jsonl", "rows")
    assert (*place, Standing.FITS) in {(each.file, each.place, each.standing) for each in looked_at(run)}
    listed.write_bytes(b"{}\n" * 2)
    assert place in against(run)
    listed.unlink()
    assert told(run, Standing.UNCHECKED)["data/dropped.jsonl"] == "is not here"


def test_a_reproduction_is_not_held_against_a_file_that_it_was_not_made_of(run: Path) -> None:
    (run.parent.parent / "small.yaml").write_text("other: 1\n", encoding="utf-8")
    assert "../../small.yaml" in told(run, Standing.NOTICE)
    (run / "journal.jsonl").unlink()
    sealed_again(run, {"parent": {"run_id": "first", "digest": "0" * 64, "settings": []}})
    assert "../../small.yaml" not in {each.file for each in looked_at(run)}


def test_a_part_of_a_recipe_is_held_against_its_digest(run: Path) -> None:
    (run / "journal.jsonl").unlink()
    part = {"kind": "--set", "path": "--set", "text": "a: 1", "sha256": "0" * 64}
    sealed_again(run, {"recipe.parts": [part]})
    assert against(run) == [("manifest.json", "--set 1")]


def test_rows_that_the_steps_outputs_tell_otherwise_are_found(run: Path) -> None:
    (run / "journal.jsonl").unlink()
    sealed_again(run, {"steps.dataset.outputs.assets": {}})
    assert against(run) == [("manifest.json", "uploaded rows")]


def test_pins_of_other_rows_are_found(run: Path) -> None:
    (run / "journal.jsonl").unlink()
    files = {"train": {"sha256": "0" * 64, "rows": 2, "bytes": 44}}
    sealed_again(run, {"pins.dataset": {"source": "rows", "revision": None, "files": files}})
    assert against(run) == [("manifest.json", "pinned rows")]


@pytest.mark.parametrize("written", ["{", "[]", "null", '{"format": 2, "format": 2}', '{"a": NaN}', "\ud800"])
def test_what_is_no_manifest_any_more_is_found(run: Path, written: str) -> None:
    (run / "manifest.json").write_bytes(written.encode("utf-8", "surrogatepass"))
    assert against(run) == [("manifest.json", "")]


def test_a_key_that_stands_twice_is_found_although_the_digest_fits(run: Path) -> None:
    path = run / "manifest.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"status"', '"status": "failed", "status"', 1))
    assert against(run) == [("manifest.json", "")]
    assert "says a key twice" in told(run, Standing.DIFFERS)["manifest.json"]


def test_what_a_later_version_wrote_is_neither_damaged_nor_fine(run: Path) -> None:
    sealed_again(run, {"format": 3})
    with pytest.raises(UsageError, match="has manifest format 3"):
        looked_at(run)
    assert main(["verify", str(run)]) == 2


def test_keys_of_a_later_version_are_not_looked_at(run: Path) -> None:
    sealed_again(run, {"carbon": 7})
    assert against(run) == []
    assert "keys that this version does not know" in told(run, Standing.NOTICE)["manifest.json"]


# --- runs that are not over ---------------------------------------------------------------------------------


def test_a_manifest_behind_its_journal_is_told_as_that(run: Path) -> None:
    with Journal(run / "journal.jsonl", SystemClock(), new=False) as kept:
        kept.append(Event.RUN_RESUMED, data={})
    assert against(run) == []
    assert "counts 16 of 17 records" in told(run, Standing.NOTICE)["manifest.json"]


def test_a_line_that_a_cut_off_left_unfinished_is_told_as_that(run: Path) -> None:
    with (run / "journal.jsonl").open("ab") as stream:
        stream.write(b'0123abcd {"seq": 16, "prev')
    assert against(run) == []
    assert told(run, Standing.NOTICE) == {
        "journal.jsonl": "was not wholly written, as a cut-off leaves it: what it announced was not asked for"
    }


def test_a_run_without_a_manifest_yet_is_not_said_to_be_fine(run: Path) -> None:
    (run / "manifest.json").unlink()
    assert against(run) == []
    assert set(told(run, Standing.UNCHECKED)) == {"manifest.json", "metrics.csv"}
    (run / "data" / "train.jsonl").write_bytes(b"other\n")
    assert against(run) == [("data/train.jsonl", "bytes")]


def test_a_journal_that_tells_of_another_kind_of_run_breaks_nothing(run: Path) -> None:
    (run / "manifest.json").unlink()
    (run / "journal.jsonl").unlink()
    with Journal(run / "journal.jsonl", SystemClock(), new=True) as kept:
        nothing: dict[str, Json] = {}
        sections = dict.fromkeys(("recipe", "target", "versions", "pins", "parameters"), nothing)
        kept.append(Event.RUN_OPENED, data={"run_id": "x", **sections})
    assert against(run) == []
    assert {each.file for each in looked_at(run)} == {"manifest.json", "journal.jsonl"}


def test_a_run_that_was_repaired_is_as_the_repair_left_it(run: Path) -> None:
    before = (run / "manifest.json").read_bytes()
    lines = lines_of(run)
    put(run, [*lines[:4], *lines[5:]])
    repair(run, SystemClock())
    assert against(run) == []
    (run / "manifest.json").write_bytes(before)
    assert against(run) == []
    assert "was repaired after it was written" in told(run, Standing.NOTICE)["manifest.json"]


def test_answers_of_a_run_that_is_under_way_are_not_judged(run: Path) -> None:
    (run / "journal.jsonl").unlink()
    sealed_again(run, {"steps.sample.status": "running", "steps.sample.outputs": {}})
    assert against(run) == []
    assert "not all rows were scored" in told(run, Standing.UNCHECKED)["samples.jsonl"]


def test_answers_without_a_digest_are_counted_at_least(run: Path) -> None:
    (run / "journal.jsonl").unlink()
    sealed_again(run, {"steps.sample.outputs": {"rows": 1}})
    assert told(run, Standing.UNCHECKED)["samples.jsonl"] == "the version that wrote it recorded none"
    (run / "samples.jsonl").write_bytes(ANSWERS * 2)
    assert against(run) == [("samples.jsonl", "rows")]


# --- names that lead elsewhere ------------------------------------------------------------------------------


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_bytes(b"not to be read")
    return path


@pytest.mark.parametrize(
    "name",
    [
        "../../../secret",
        "/etc/passwd",
        "data/../../../secret",
        "..\\secret",
        "C:/x",
        "",
        "a\x00b",
        "a\ud800",
        ".",
    ],
)
def test_a_name_that_leads_out_of_the_run_is_not_followed(run: Path, name: str) -> None:
    (run / "journal.jsonl").unlink()
    for place in ("intent", "outputs"):
        sealed_again(run, {f"steps.dataset.{place}.assets.train.file": name})
    assert against(run) == [(name, "")]  # it is not even looked how large it is


def test_half_a_character_in_the_recipes_place_leads_nowhere(run: Path) -> None:
    (run / "journal.jsonl").unlink()
    for place, name in (("recipe.path", "a\ud800.yaml"), ("recipe.folder", "\ud800")):
        sealed_again(run, {place: name})
        assert against(run) == []


def _as_link(path: Path, secret: Path) -> None:
    path.unlink()
    path.symlink_to(secret)


def _behind_a_link(path: Path, secret: Path) -> None:
    elsewhere = secret.with_name("elsewhere")
    path.parent.rename(elsewhere)
    path.parent.symlink_to(elsewhere)


def _as_fifo(path: Path, _secret: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _as_device(path: Path, _secret: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def _as_folder(path: Path, _secret: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("change", [_as_link, _behind_a_link, _as_fifo, _as_device, _as_folder])
def test_what_is_no_plain_file_is_not_read(run: Path, secret: Path, change: object) -> None:
    assert callable(change)
    change(run / "data" / "train.jsonl", secret)
    assert against(run)[0] == ("data/train.jsonl", "")


@pytest.mark.parametrize("name", ["manifest.json", "journal.jsonl", "metrics.csv", "samples.jsonl"])
@pytest.mark.parametrize("change", [_as_link, _as_fifo, _as_device])
def test_no_file_of_a_run_is_read_through_a_link(run: Path, secret: Path, name: str, change: object) -> None:
    assert callable(change)
    change(run / name, secret)
    assert (name, "") in against(run)


def test_a_file_of_another_size_is_not_read_at_all(run: Path) -> None:
    """A sparse one of a terabyte would take an hour."""
    with (run / "data" / "train.jsonl").open("r+b") as stream:
        stream.truncate(1 << 28)
    assert measured(run, "data/train.jsonl", bytes_expected=44).sha256 == ""
    assert against(run) == [("data/train.jsonl", "bytes")]


@pytest.mark.parametrize("name", ["manifest.json", "journal.jsonl", "metrics.csv"])
def test_a_huge_file_is_not_read_into_memory(run: Path, name: str) -> None:
    with (run / name).open("r+b") as stream:
        stream.truncate(1 << 40)
    assert (name, "") in against(run)
    assert "is larger than" in told(run, Standing.DIFFERS)[name]


# --- what lies around ---------------------------------------------------------------------------------------


def test_a_recipe_that_was_edited_on_is_told_and_held_against_nobody(run: Path) -> None:
    (run.parents[1] / "small.yaml").write_text("version: 1\n", encoding="utf-8")
    (run.parents[1] / "small.lock.yaml").write_text("", encoding="utf-8")
    assert against(run) == []
    assert set(told(run, Standing.NOTICE)) == {"../../small.yaml", "../../small.lock.yaml"}


def test_a_run_in_another_folder_is_told(run: Path) -> None:
    moved = run.rename(run.with_name("moved"))
    assert "renamed or copied" in told(moved, Standing.NOTICE)["manifest.json"]


CHILD = "20261121T093000Z-small-c41d"
LINK = f"../{RUN_ID}/manifest.json"


@pytest.fixture
def child(run: Path) -> Path:
    digest = manifest_file.read(run / "manifest.json")["digest"]
    return past_run(run.parents[1], run_id=CHILD, parent={"run_id": RUN_ID, "digest": digest})


def test_a_run_is_linked_to_the_one_that_it_reproduces(child: Path) -> None:
    assert LINK in {each.file for each in looked_at(child) if each.standing is Standing.FITS}


def test_a_parent_that_was_changed_is_found(child: Path, run: Path) -> None:
    sealed_again(run, {"status": "failed"})
    assert against(child) == [(LINK, "digest")]


def test_a_parent_that_has_gone_on_is_no_other(child: Path, run: Path) -> None:
    with Journal(run / "journal.jsonl", SystemClock(), new=False) as kept:
        kept.append(Event.DELETE_DONE, step="compute", data={"with": []})
        manifest.write(manifest.fold(kept.records), run / "manifest.json")
    assert against(child) == []
    assert "has gone on since" in told(child, Standing.NOTICE)[LINK]


def test_a_parent_that_is_not_here_is_not_checked(child: Path, run: Path) -> None:
    shutil.rmtree(run)
    assert LINK in told(child, Standing.UNCHECKED)


def test_a_parent_that_is_damaged_is_no_parent_that_is_not_here(child: Path, run: Path) -> None:
    path = run / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b"succeeded", b"canceled.", 1))
    assert against(child) == [(LINK, "")]


def test_a_parent_of_a_later_version_is_not_checked(child: Path, run: Path) -> None:
    sealed_again(run, {"format": 3})
    assert LINK in told(child, Standing.UNCHECKED)


@pytest.mark.parametrize("name", ["../../../secret", "/etc"])
def test_a_parents_name_leads_nowhere_else(child: Path, name: str) -> None:
    (child / "journal.jsonl").unlink()
    sealed_again(child, {"parent.run_id": name})
    assert against(child) == [(f"../{name}/manifest.json", "")]
    assert "is not followed" in told(child, Standing.DIFFERS)[f"../{name}/manifest.json"]


def test_a_run_that_goes_back_to_itself_is_found(run: Path) -> None:
    (run / "journal.jsonl").unlink()
    sealed_again(run, {"parent": {"run_id": RUN_ID, "digest": "0" * 64}})
    assert against(run) == [(LINK, "")]


def test_a_verdict_about_no_run_is_found(run: Path) -> None:
    (run / "journal.jsonl").unlink()
    sealed_again(run, {"verdict": {"inputs": "identical"}})
    assert against(run) == [("manifest.json", "verdict")]


# --- the command --------------------------------------------------------------------------------------------


def test_the_first_file_that_differs_is_named_and_then_the_others(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("samples.jsonl", "data/test.jsonl"):
        (run / name).write_bytes(b"other\n")
    assert main(["verify", str(run / "manifest.json")]) == 5
    said = capsys.readouterr().out.splitlines()
    first, then = run / "data/test.jsonl", run / "samples.jsonl"
    assert said[-2].endswith(f"differs from what was recorded, first in {first}; then {then}")
    limits = said[-1]
    assert "is no signature" in limits
    assert main(["verify", RUN_ID[:12], "--runs-dir", str(run.parent), "--output", "json"]) == 5
    said = json.loads(capsys.readouterr().out)
    assert (said["fits"], said["first"]) == (False, "data/test.jsonl")
    assert said["differing"] == ["data/test.jsonl", "samples.jsonl"]
    assert {each["standing"] for each in said["findings"]} == {"fits", "not checked", "differs"}


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    assert main(["verify", "nothing", "--runs-dir", str(tmp_path)]) == 2
    assert main(["verify", "a\x00b", "--runs-dir", str(tmp_path)]) == 2


def test_a_manifest_that_lies_alone_is_looked_at_by_itself(run: Path, tmp_path: Path) -> None:
    alone = tmp_path / "kept.json"
    shutil.copy(run / "manifest.json", alone)
    assert main(["verify", str(alone)]) == 0
    alone.write_bytes(alone.read_bytes().replace(b"succeeded", b"failed", 1))
    assert main(["verify", str(alone)]) == 5


def test_nothing_from_a_manifest_reaches_the_terminal_as_it_is(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "journal.jsonl").unlink()
    sealed_again(run, {"steps.dataset.intent.assets.train.file": "\x1b]0;x\x07"})
    assert main(["verify", str(run)]) == 5
    assert "\x1b" not in capsys.readouterr().out
