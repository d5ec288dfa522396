"""The index answers as the manifests are now, and nothing that befalls its file shows in an answer."""

import json
import os
import sqlite3
import time
from pathlib import Path

import pytest

from runner import index, manifest_file
from runner.index import FILE_NAME, Asked, Index, Listed, store
from runner.index.folders import Stamp
from tests.unit.past_runs import FIRST, TOLD, keep, trained, write

RUN, OTHER = "20261121T082300Z-tiny-aaaa", "20261122T082300Z-tiny-bbbb"


def told(runs: Path, where: str = "", **others: object) -> Listed:
    condition = index.parsed(where) if where else None
    question = Asked(where=condition, **others)  # type: ignore[arg-type] # fields of Asked
    return index.asked(runs, lambda found: index.listed(found, question))


def names(runs: Path, where: str = "", **others: object) -> list[str]:
    return [row.run for row in told(runs, where, **others).rows]


def settle(runs: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have what was written just now count as old, and give the manifests that are read from then on."""
    monkeypatch.setattr(Stamp, "is_settled", lambda *_: True)
    read: list[str] = []
    genuine = manifest_file.read

    def counted(path: Path) -> object:
        read.append(path.parent.name)
        return genuine(path)

    monkeypatch.setattr(manifest_file, "read", counted)
    names(runs)
    read.clear()
    return read


def test_what_has_not_changed_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(tmp_path, RUN)
    read = settle(tmp_path, monkeypatch)
    keep(tmp_path, OTHER)
    assert sorted(names(tmp_path)) == [RUN, OTHER]
    assert read == [OTHER]


def test_a_manifest_that_is_new_edited_or_gone_is_answered_for_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = keep(tmp_path, RUN, status="failed")
    settle(tmp_path, monkeypatch)
    assert names(tmp_path, "status == 'failed'") == [RUN]
    keep(tmp_path, RUN, status="succeeded")
    assert names(tmp_path, "status == 'failed'") == []
    keep(tmp_path, OTHER, status="failed")
    assert names(tmp_path, "status == 'failed'") == [OTHER]
    path.unlink()
    path.parent.rmdir()
    assert told(tmp_path).total == 1


def test_an_edit_shows_that_changes_neither_the_size_nor_the_time_of_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = keep(tmp_path, RUN, values={"tags.team": "aaa"})
    before = path.stat()
    settle(tmp_path, monkeypatch)
    time.sleep(0.02)  # the kernel's clock for files ticks every few milliseconds
    keep(tmp_path, RUN, values={"tags.team": "bbb"})
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_size, after.st_mtime_ns, after.st_ino) == (
        before.st_size,
        before.st_mtime_ns,
        before.st_ino,
    )
    assert names(tmp_path, "tags.team == 'bbb'") == [RUN]


def test_what_was_written_a_moment_ago_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second edit within one tick of the kernel's clock leaves every time as it was."""
    path = keep(tmp_path, RUN, values={"tags.team": "aaa"})
    now = path.lstat()
    stamp = Stamp(now.st_size, now.st_mtime_ns, now.st_ctime_ns, now.st_ino)
    monkeypatch.setattr(store, "seen", lambda _runs: {RUN: stamp})
    assert names(tmp_path, "tags.team == 'aaa'") == [RUN]
    keep(tmp_path, RUN, values={"tags.team": "bbb"})
    assert names(tmp_path, "tags.team == 'bbb'") == [RUN]


def test_a_manifest_that_cannot_be_read_hides_nothing(tmp_path: Path) -> None:
    keep(tmp_path, RUN)
    keep(tmp_path, OTHER).write_text("{", encoding="utf-8")
    write(tmp_path / "20261123T082300Z-tiny-cccc", {**TOLD, "format": 3})
    (tmp_path / "20261124T082300Z-tiny-dddd").mkdir()
    (tmp_path / "20261124T082300Z-tiny-dddd" / "journal.jsonl").write_bytes(b"whatever\n")
    (tmp_path / "not-a-run").mkdir()
    (tmp_path / "a-file").write_text("", encoding="utf-8")
    statuses = {row.run[:8]: row.values["status"] for row in told(tmp_path).rows}
    assert statuses == {
        "20261121": "succeeded",
        "20261122": "damaged",
        "20261123": "later format",
        "20261124": "no manifest",
    }
    assert "it is no JSON" in next(row.problem for row in told(tmp_path).rows if row.run == OTHER)
    found = told(tmp_path, "target == 'emulator'")
    assert [row.run for row in found.rows] == [RUN]
    assert found.notices[0].startswith("left out, since their manifests cannot be read (3): 20261122")


def test_a_manifest_whose_digest_does_not_fit_is_damaged(tmp_path: Path) -> None:
    path = keep(tmp_path, RUN)
    path.write_text(path.read_text(encoding="utf-8").replace('"succeeded"', '"failed"', 1), encoding="utf-8")
    assert names(tmp_path, "status == 'damaged'") == [RUN]


@pytest.mark.parametrize("folder", [FIRST, "caf\u00e9-1", os.fsdecode(b"\xff-run")])
def test_a_run_is_told_by_its_folders_name_whatever_it_is(tmp_path: Path, folder: str) -> None:
    keep(tmp_path, folder)
    assert names(tmp_path) == names(tmp_path) == [folder]


def test_values_come_back_as_they_were(tmp_path: Path) -> None:
    values = {
        "a": True,
        "b": 1,
        "c": 1.5,
        "d": "caf\u00e9 \ud800",
        "e": ["x", "y"],
        "f": 2**70,
        "g": float("nan"),
    }
    keep(tmp_path, RUN, values=values)

    def all_of(found: Index) -> dict[str, object]:
        return {key: next(iter(found.values(key).values()), None) for key in values}

    expected = {**values, "e": ("x", "y"), "g": None}
    for _ in range(2):
        read = index.asked(tmp_path, all_of)
        assert read == expected
        assert [type(value) for value in read.values()] == [type(value) for value in expected.values()]


def test_an_older_manifest_has_its_values_from_the_recipe_in_force(tmp_path: Path) -> None:
    recipe = {key: value for key, value in TOLD["recipe"].items() if key != "values"}
    write(tmp_path / RUN, {**TOLD, "recipe": recipe})
    assert names(tmp_path, "finetune.parameters.learning_rate == 2e-5 and compute.name == 'gpu-tiny'") == [
        RUN
    ]


def test_a_manifest_of_the_first_format_is_listed_with_its_parameters(tmp_path: Path) -> None:
    golden = Path(__file__).parents[1] / "golden" / "manifest_format_1.json"
    (tmp_path / RUN).mkdir()
    (tmp_path / RUN / "manifest.json").write_bytes(golden.read_bytes())
    (row,) = told(tmp_path).rows
    assert row.problem == ""
    assert json.loads(golden.read_text(encoding="utf-8"))["status"] == row.values["status"]


def test_a_pin_a_metric_and_a_parent_are_keys(tmp_path: Path) -> None:
    keep(tmp_path, RUN, steps=trained(eval_loss=1.25), parent={"run_id": OTHER, "digest": ""})
    where = (
        f"pins.model.version == '1' and metrics.eval_loss == 1.25 and loss == 1.25 and parent == '{OTHER}'"
    )
    assert TOLD["pins"]["model"]["version"] == "1"
    assert names(tmp_path, where) == [RUN]


# --- the index's own file --------------------------------------------------------------------------------


def test_a_file_that_is_deleted_is_made_again(tmp_path: Path) -> None:
    keep(tmp_path, RUN)
    names(tmp_path)
    (tmp_path / FILE_NAME).unlink()
    assert names(tmp_path) == [RUN]
    assert (tmp_path / FILE_NAME).exists()


@pytest.mark.parametrize("place", [0, 100, 5000])
def test_a_file_that_is_damaged_is_made_anew(tmp_path: Path, place: int) -> None:
    for number in range(20):
        keep(tmp_path, f"20261121T0823{number:02}Z-tiny-aaaa")
    expected = names(tmp_path)
    with (tmp_path / FILE_NAME).open("r+b") as file:
        file.seek(place)
        file.write(b"\xff" * 9000)
    assert names(tmp_path) == expected
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        assert connection.execute("PRAGMA quick_check").fetchone() == ("ok",)
    connection.close()


def test_a_file_that_is_cut_short_or_no_database_is_made_anew(tmp_path: Path) -> None:
    keep(tmp_path, RUN)
    names(tmp_path)
    os.truncate(tmp_path / FILE_NAME, 5000)
    assert names(tmp_path) == [RUN]
    (tmp_path / FILE_NAME).write_text("no database, but text of some length" * 100, encoding="utf-8")
    assert names(tmp_path) == [RUN]


def test_an_index_of_another_version_is_made_anew(tmp_path: Path) -> None:
    keep(tmp_path, RUN)
    names(tmp_path)
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute("PRAGMA user_version = 99")
        connection.execute("DROP TABLE fact")
    connection.close()
    assert names(tmp_path, "status == 'succeeded'") == [RUN]


@pytest.mark.parametrize("lock", ["BEGIN EXCLUSIVE", "BEGIN IMMEDIATE"])
def test_while_another_process_has_it_locked_all_is_answered_without_it(tmp_path: Path, lock: str) -> None:
    keep(tmp_path, RUN)
    names(tmp_path)
    keep(tmp_path, OTHER)
    other = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    try:
        other.execute(lock)
        assert sorted(names(tmp_path)) == [RUN, OTHER]
    finally:
        other.close()
    assert (tmp_path / FILE_NAME).exists()


def test_a_link_in_its_place_is_neither_followed_nor_replaced(tmp_path: Path) -> None:
    keep(tmp_path / "runs", RUN)
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / "runs" / FILE_NAME).symlink_to(elsewhere)
    assert names(tmp_path / "runs") == [RUN]
    assert not elsewhere.exists()
    assert (tmp_path / "runs" / FILE_NAME).is_symlink()


def test_where_it_cannot_be_written_all_is_answered_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_path: Path, _mode: str) -> sqlite3.Connection:
        message = "unable to open database file"
        raise sqlite3.OperationalError(message)

    keep(tmp_path, RUN)
    monkeypatch.setattr(store, "_connected", refused)
    assert names(tmp_path) == [RUN]
    assert not (tmp_path / FILE_NAME).exists()


def test_no_folder_holds_no_runs_and_none_is_made(tmp_path: Path) -> None:
    assert told(tmp_path / "runs").total == 0
    assert not (tmp_path / "runs").exists()


# --- order -----------------------------------------------------------------------------------------------


def test_runs_come_newest_first_or_by_a_key_and_without_it_last(tmp_path: Path) -> None:
    for number, loss in enumerate((0.5, 2.5, 1.5, None)):
        steps = trained(**{"eval_loss": loss} if loss else {})
        keep(
            tmp_path,
            f"2026112{number}T082300Z-a-aaaa",
            started=f"2026-11-2{number}T08:23:00.000Z",
            steps=steps,
        )

    def days(**others: object) -> str:
        return "".join(name[7] for name in names(tmp_path, "", **others))

    assert days() == "3210"
    assert days(ascending=True) == "0123"
    assert days(sort="metrics.eval_loss") == "1203"
    assert days(sort="metrics.eval_loss", ascending=True) == "0213"
    assert days(limit=2) == "32"


def test_a_key_that_no_run_has_is_told_with_the_one_that_may_be_meant(tmp_path: Path) -> None:
    keep(tmp_path, RUN, steps=trained(eval_loss=1.0))
    assert told(tmp_path, "learning_rate < 1").notices == (
        "no run has the key learning_rate: did you mean finetune.parameters.learning_rate?",
    )
    assert told(tmp_path, "status == 'x'", sort="metrics.eval_los").notices == (
        "no run has the key metrics.eval_los: did you mean metrics.eval_loss?",
    )
    assert told(tmp_path, columns=("zzzz",)).notices == ("no run has the key zzzz",)


def test_a_value_of_the_wrong_kind_is_told(tmp_path: Path) -> None:
    keep(tmp_path, RUN)
    assert told(tmp_path, "finetune.parameters.precision == 32").notices == (
        "no run has a number as finetune.parameters.precision: it is compared with a number",
    )


@pytest.mark.parametrize(
    ("where", "notice"),
    [
        (
            "status == failed",
            "no run has the key failed: a text stands in quotes, status == 'failed'",
        ),
        ("target == 'EMULATOR'", "no run has EMULATOR as target: did you mean emulator?"),
        ("target in ('Emulator', 'azure')", "no run has Emulator as target: did you mean emulator?"),
        ("alive != ''", "alive is a list: ask alive, not alive, or 'endpoint NAME' in alive"),
    ],
)
def test_what_was_meant_otherwise_is_said(tmp_path: Path, where: str, notice: str) -> None:
    keep(tmp_path, RUN, status="failed")
    found = told(tmp_path, where)
    assert found.rows == ()
    assert found.notices == (notice,)


@pytest.mark.parametrize(
    "where", ["alive", "alive == true", "target == 'emulator'", "'deployment demo' in alive"]
)
def test_what_is_meant_so_is_not_wondered_at(tmp_path: Path, where: str) -> None:
    keep(tmp_path, RUN)
    found = told(tmp_path, where)
    assert [row.run for row in found.rows] == [RUN]
    assert found.notices == ()


def test_a_loss_to_choose_by_is_not_of_the_test_split(tmp_path: Path) -> None:
    keep(tmp_path, RUN, steps=trained(eval_loss=1.5, test_loss=0.5))
    keep(tmp_path, OTHER, steps=trained(test_loss=0.7))
    assert names(tmp_path, "loss == 1.5 and loss_metric == 'eval_loss'") == [RUN]
    assert names(tmp_path, "loss == 0.7 and loss_metric == 'test_loss'") == [OTHER]
