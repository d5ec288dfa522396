"""A run goes on in a process of its own, which takes secrets from its environment alone."""

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from runner.background import LOG_NAME, carry_on
from runner.clock import SystemClock
from runner.errors import RunLeft, UsageError
from runner.journal import FILE_NAME, Event, Journal, Json

# Stands in for `python -m runner resume FOLDER …`: takes the run up, then says what it was given.
RESUMES = """\
#!{python}
import json, os, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from runner.clock import SystemClock
from runner.journal import FILE_NAME, Event, Journal, this_process
with Journal(Path(sys.argv[4]) / FILE_NAME, SystemClock(), new=False) as journal:
    journal.append(Event.RUN_RESUMED, data={{"process": this_process()}})
    session = os.getsid(0) == os.getpid()
    print(json.dumps([sys.argv[1:], os.environ.get("CANARY"), sys.stdin.read(), session]), flush=True)
    journal.append(Event.RUN_CLOSED, data={{"status": "succeeded"}})
"""
ENDS = "#!{python}\nimport sys\nsys.exit(3)\n"


@pytest.fixture
def folder(tmp_path: Path, opening: Mapping[str, Json]) -> Path:
    with Journal(tmp_path / FILE_NAME, SystemClock(), new=True) as journal:
        journal.append(Event.RUN_OPENED, data=opening)
    return tmp_path


def interpreter(folder: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    path = folder / "python"
    path.write_text(
        program.format(python=sys.executable, root=str(Path(__file__).parents[2])), encoding="utf-8"
    )
    path.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(path))


def ended(folder: Path) -> bool:
    return Event.RUN_CLOSED.value in (folder / FILE_NAME).read_text(encoding="utf-8")


@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_the_process_takes_the_run_up_and_outlives_whoever_began_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interpreter(folder, monkeypatch, RESUMES)
    carry_on(folder, ["--state", "there"], {"CANARY": "only in the environment"})
    deadline = time.monotonic() + 20
    while not ended(folder):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    words, canary, stdin, own_session = json.loads((folder / LOG_NAME).read_text(encoding="utf-8"))
    assert words == ["-m", "runner", "resume", str(folder), "--state", "there"]
    assert (canary, stdin, own_session) == ("only in the environment", "", True)
    assert (folder / LOG_NAME).stat().st_mode & 0o777 == 0o600


def test_one_that_ends_before_it_has_begun_is_told_with_where_it_says_why(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interpreter(folder, monkeypatch, ENDS)
    with pytest.raises(RunLeft, match="has ended at once \\(exit code 3\\)") as caught:
        carry_on(folder, [], {})
    assert str(folder / LOG_NAME) in caught.value.hint


def test_what_it_says_is_never_written_through_a_link(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interpreter(folder, monkeypatch, ENDS)
    (folder / LOG_NAME).symlink_to(folder / "elsewhere")
    with pytest.raises(UsageError, match="cannot be written"):
        carry_on(folder, [], {})
    assert not (folder / "elsewhere").exists()
