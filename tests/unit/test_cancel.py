"""`cancel` ends whoever carries a run out, writes down that it is canceled, and brings it to its end."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from runner.cli import main
from runner.clock import SystemClock
from runner.errors import ExitCode
from runner.journal import FILE_NAME, Event, Journal, Json, read
from runner.journal.covering import covered
from runner.session import Session

ROOT = Path(__file__).parents[2]
RUN = "20261121T082300Z-small-1a2b"
JOB: Mapping[str, Json] = {"action": "create", "intent": {"name": "job"}, "kind": "job", "bills": True}
# Holds a journal as a run does, saying that it is the process `names`; ends when asked to if it `goes`.
HOLDER = """
import signal, sys
from pathlib import Path
from runner.clock import SystemClock
from runner.journal import Event, Journal, this_process
path, names, goes = sys.argv[1:]
journal = Journal(Path(path), SystemClock(), new=False)
process = dict(this_process())
if names == "far":
    process["host"] = "far"
elif names.isdigit():
    process["pid"] = int(names)
if names != "nobody":
    journal.append(Event.RUN_RESUMED, data={"process": process})
signal.signal(signal.SIGTERM, lambda *_: sys.exit() if goes == "goes" else None)
print("held", flush=True)
while True:
    signal.pause()
"""


@pytest.fixture
def folder(tmp_path: Path, opening: Mapping[str, Json]) -> Path:
    """Give a run whose job runs."""
    folder = tmp_path / "runs" / RUN
    folder.mkdir(parents=True)
    with Journal(folder / FILE_NAME, SystemClock(), new=True) as journal:
        journal.append(Event.RUN_OPENED, data=opening)
        journal.append(Event.STEP_STARTED, step="finetune", data={"action": "create"})
        journal.append(Event.INTENT, step="finetune", data=JOB)
    return folder


def append(folder: Path, *records: tuple[Event, str, Mapping[str, Json]]) -> None:
    with Journal(folder / FILE_NAME, SystemClock(), new=False) as journal:
        for event, step, data in records:
            journal.append(event, step=step, data=data)


def cancel(folder: Path, *words: str) -> int:
    return main(["cancel", RUN, "--runs-dir", str(folder.parent), *words])


def covered_records(folder: Path) -> int:
    """Give how many records the manifest vouches for."""
    return covered(folder / FILE_NAME).records


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> list[list[Event]]:
    """Stand in for what carries a run on; give what was on disk each time it was asked to."""
    seen: list[list[Event]] = []

    def go_on(_session: Session, folder: Path, **_others: object) -> ExitCode:
        with Journal(folder / FILE_NAME, SystemClock(), new=False):  # it is free by now
            seen.append([record.event for record in read(folder / FILE_NAME)])
        return ExitCode.DONE

    monkeypatch.setattr("runner.lifecycle.resuming.go_on", go_on)
    return seen


class Holder:
    """A process of its own that holds the run."""

    def __init__(self, journal: Path) -> None:
        self.journal = journal
        self.process: subprocess.Popen[bytes] | None = None

    def hold(self, *, names: str = "", goes: bool = True) -> None:
        words = [str(self.journal), names, "goes" if goes else "stays"]
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, *words], stdout=subprocess.PIPE, cwd=ROOT
        )
        assert self.process.stdout
        assert self.process.stdout.readline() == b"held\n"

    @property
    def has_ended(self) -> bool:
        assert self.process
        return self.process.poll() is not None

    def end(self) -> None:
        if self.process and self.process.stdout:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()


@pytest.fixture
def holder(folder: Path) -> Iterator[Holder]:
    holder = Holder(folder / FILE_NAME)
    yield holder
    holder.end()


def test_that_it_is_canceled_is_on_disk_before_anything_is_done(
    folder: Path, ends: list[list[Event]]
) -> None:
    assert cancel(folder) == 0
    assert [each[-2:] for each in ends] == [[Event.RUN_RESUMED, Event.WALKED]]
    assert read(folder / FILE_NAME)[-1].data["status"] == "canceled"


def test_the_process_that_carries_it_out_is_ended_first(
    folder: Path, ends: list[list[Event]], holder: Holder
) -> None:
    holder.hold()
    assert cancel(folder) == 0
    assert holder.has_ended
    assert len(ends) == 1


def test_the_manifest_vouches_for_what_says_that_it_is_canceled(
    folder: Path, ends: list[list[Event]]
) -> None:
    assert cancel(folder) == 0
    assert covered_records(folder) == len(ends[0])


@pytest.mark.parametrize(
    ("names", "said"),
    [("far", "hint: cancel it there: on far"), ("nobody", "hint: end it, and cancel again")],
)
def test_who_holds_it_elsewhere_or_unnamed_is_left_alone(
    folder: Path, holder: Holder, capsys: pytest.CaptureFixture[str], names: str, said: str
) -> None:
    holder.hold(names=names)
    assert cancel(folder) == 7
    assert said in capsys.readouterr().err
    assert not holder.has_ended


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="nobody tells which files a process has open")
def test_a_process_that_only_has_the_number_of_the_holder_is_not_ended(
    folder: Path, holder: Holder, capsys: pytest.CaptureFixture[str]
) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as innocent:
        holder.hold(names=str(innocent.pid))
        assert cancel(folder) == 7
        innocent.communicate(b"\n")
    assert innocent.returncode == 0
    assert "which wrote last, holds run" in capsys.readouterr().err


def test_one_that_does_not_end_is_waited_for_so_long_and_never_killed(
    folder: Path, holder: Holder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("runner.holder.END_SECONDS", 0.3)
    holder.hold(goes=False)
    assert cancel(folder) == 7
    assert "was asked to end 0 s ago and still holds" in capsys.readouterr().err
    assert not holder.has_ended
    assert Event.WALKED not in {record.event for record in read(folder / FILE_NAME)}


CLOSED = {
    status: (Event.RUN_CLOSED, "", {"status": status})
    for status in ("succeeded", "failed", "canceled", "interrupted")
}
JOB_IS_OVER = (Event.DONE, "finetune", {**JOB, "outputs": {}, "ended": True})


@pytest.mark.parametrize("status", ["succeeded", "failed", "canceled"])
def test_of_a_run_that_has_ended_there_is_nothing_to_cancel(
    folder: Path, ends: list[list[Event]], capsys: pytest.CaptureFixture[str], status: str
) -> None:
    append(folder, JOB_IS_OVER, CLOSED[status])
    before = (folder / FILE_NAME).read_bytes()
    assert cancel(folder, "--output", "json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "run_id": RUN,
        "status": status,
        "canceled": False,
        "left": [],
    }
    assert ends == []
    assert (folder / FILE_NAME).read_bytes() == before


@pytest.mark.parametrize("status", ["failed", "interrupted"])
def test_a_job_that_runs_on_is_cancelled_although_its_run_is_closed(
    folder: Path, ends: list[list[Event]], status: str
) -> None:
    append(folder, CLOSED[status])
    assert cancel(folder) == 0
    assert len(ends) == 1


def test_what_is_not_proven_gone_is_tried_again(folder: Path, ends: list[list[Event]]) -> None:
    append(
        folder,
        JOB_IS_OVER,
        (Event.STEP_STARTED, "compute", {"action": "create"}),
        (Event.INTENT, "compute", {**JOB, "intent": {"name": "gpu"}, "kind": "compute"}),
        (Event.DELETE_FAILED, "compute", {"reason": "HTTP 409"}),
        CLOSED["canceled"],
    )
    assert cancel(folder) == 0
    assert len(ends) == 1


def test_a_run_that_succeeded_stays_one_though_something_is_not_proven_gone(
    folder: Path, ends: list[list[Event]]
) -> None:
    append(
        folder,
        JOB_IS_OVER,
        (Event.STEP_STARTED, "compute", {"action": "create"}),
        (Event.INTENT, "compute", {**JOB, "intent": {"name": "gpu"}, "kind": "compute"}),
        (Event.DELETE_FAILED, "compute", {"reason": "HTTP 403"}),
        CLOSED["succeeded"],
    )
    assert cancel(folder) == 9
    assert ends == []


def test_what_a_run_that_succeeded_was_to_leave_is_told(
    folder: Path, ends: list[list[Event]], capsys: pytest.CaptureFixture[str]
) -> None:
    made = {"action": "create", "intent": {"name": "e"}, "kind": "endpoint", "bills": True}
    append(
        folder,
        JOB_IS_OVER,
        (Event.STEP_STARTED, "endpoint", {"action": "create"}),
        (Event.INTENT, "endpoint", made),
        CLOSED["succeeded"],
    )
    assert cancel(folder) == 0
    assert ends == []
    assert f"take it back with: runner down {RUN}" in capsys.readouterr().out
