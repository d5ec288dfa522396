"""Files of the Hub by ranges: what goes over the wire, to whom, and what is said where it goes wrong."""

import io
import json
import time
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from threading import Event

import pyarrow as pa
import pytest
from huggingface_hub import constants
from pyarrow import parquet

from runner import redact
from runner.dataset import prepare
from runner.dataset.fetching.remote import NotFetched, Remote, RemoteSplit
from runner.dataset.fetching.transfer import Patience
from runner.dataset.hub.errors import hub_errors
from runner.dataset.hub.file import found_file
from runner.dataset.hub.known import Known
from runner.dataset.hub.repositories import Repository, cache_folder, commit_of
from runner.dataset.pipeline import ahead
from runner.dataset.reading.batch import Source
from runner.dataset.selection import Picked
from runner.errors import CloudUnavailable, DiagnosticError, RunnerError
from runner.recipe import Dataset
from tests.unit.hub_server import COMMIT, Fault, HubServer

# Not of the shape by which redact knows one: it has to know this by its value.
CANARY = "CanaryThatMustNotBeSeenAnywhere"
QUICK = Patience(tries=3, first_wait=0.001, longest_wait=0.002, longest_asked=0.002)
TRAIN = ("data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet")
FIRST = TRAIN[0]


def rows(first: int, past: int) -> list[dict[str, object]]:
    """Give rows of a column that is wanted, between two that are not; random digits do not compress."""
    digests = [sha256(str(number).encode()).hexdigest() * 12 for number in range(first, past)]
    return [{"prompt": text, "messages": text[::-1], "id": text} for text in digests]


def parquet_file(content: Sequence[dict[str, object]]) -> bytes:
    buffer = io.BytesIO()
    table = pa.Table.from_pylist(list(content))
    parquet.write_table(table, buffer, row_group_size=100, compression="none", use_dictionary=False)
    return buffer.getvalue()


FILES = {
    TRAIN[0]: parquet_file(rows(0, 600)),
    TRAIN[1]: parquet_file(rows(600, 1000)),
    "data/test.parquet": parquet_file(rows(0, 500)),
    "lines.jsonl": b"".join(json.dumps(row).encode() + b"\n" for row in rows(0, 50)),
}
SPLITS = {"train": TRAIN, "test": ("data/test.parquet",), "lines": ("lines.jsonl",)}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    monkeypatch.setattr("runner.dataset.fetching.ranges.PATIENCE", QUICK)
    monkeypatch.setattr("runner.dataset.hub.asking.PATIENCE", QUICK)
    monkeypatch.setattr("runner.dataset.fetching.ranges.Ranges.__init__.__defaults__", (QUICK,))
    monkeypatch.setattr(redact, "_known", set())
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with HubServer({"lab/chat": FILES}) as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        for name in ("HF_HOME", "HF_HUB_CACHE"):
            monkeypatch.setattr(constants, name, str(tmp_path / name))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
        yield server


def taken(split: str, count: int, *, total: int = 1000, repository: str = "lab/chat") -> list[object]:
    source = Repository(repository, COMMIT, SPLITS).split("train", split)
    picked = Picked(total, range(count))
    return [
        row.value["messages"] if isinstance(row.value, dict) else row.problem
        for batch in source.batches(picked, ("messages",))
        for row in batch.rows()
    ]


def messages(count: int) -> list[object]:
    return [row["messages"] for row in rows(0, count)]


def refusal(split: str = "train") -> RunnerError:
    with pytest.raises(RunnerError) as caught:
        taken(split, 10)
    return caught.value


def codes(error: RunnerError) -> list[tuple[str, str]]:
    assert isinstance(error, DiagnosticError)
    return [(found.code, found.key) for found in error.diagnostics]


def test_only_what_the_rows_and_the_column_reach_is_fetched(hub: HubServer) -> None:
    assert Repository("lab/chat", COMMIT, SPLITS).split("train", "train").count() == 1000
    assert taken("train", 50) == messages(50)
    a_group = parquet.read_metadata(io.BytesIO(FILES[FIRST])).row_group(0).column(1).total_compressed_size
    assert hub.sent[FIRST] <= a_group + 2 * 64 * 1024
    assert hub.sent[TRAIN[1]] <= 64 * 1024
    assert not hub.sent["data/test.parquet"]
    again = hub.sent_bytes
    assert taken("train", 50) == messages(50)
    assert hub.sent_bytes == again


def test_a_file_that_the_hubs_library_has_is_read_there(hub: HubServer) -> None:
    folder = Path(constants.HF_HUB_CACHE) / "datasets--lab--chat" / "snapshots" / COMMIT
    for name in TRAIN:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(FILES[name])
    assert taken("train", 700) == messages(700)
    assert hub.requests == []


def test_lines_are_fetched_whole_and_once(hub: HubServer) -> None:
    assert taken("lines", 20, total=50) == messages(20)
    assert taken("lines", 50, total=50) == messages(50)
    assert hub.sent["lines.jsonl"] == len(FILES["lines.jsonl"])


@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_transfer_that_breaks_goes_on_where_it_broke(hub: HubServer, tenth: int) -> None:
    hub.redirecting = tenth % 2 == 0
    source = Repository("lab/chat", COMMIT, {"one": (FIRST,)}).split("train", "one")
    assert source.count() == 600
    hub.faults = [Fault(FIRST, break_after=len(FILES[FIRST]) * tenth // 10)]
    found = list(source.batches(Picked(600, range(600)), ("prompt", "messages", "id")))
    assert [row.value for batch in found for row in batch.rows()] == rows(0, 600)
    assert not hub.faults[0].times
    assert hub.sent[FIRST] == len(FILES[FIRST])


def test_every_byte_that_is_held_whole_is_verified(hub: HubServer) -> None:
    damaged = bytearray(FILES[FIRST])
    damaged[2000] ^= 1
    hub.swapped[FIRST] = bytes(damaged)
    source = Repository("lab/chat", COMMIT, {"one": (FIRST,)}).split("train", "one")
    with pytest.raises(CloudUnavailable, match="digest"):
        list(source.batches(Picked(600, range(600)), ("prompt", "messages", "id")))
    hub.swapped.clear()
    assert len(list(source.batches(Picked(600, range(600)), ("prompt", "messages", "id")))) > 1


def test_other_bytes_under_the_same_commit_are_refused(hub: HubServer) -> None:
    source = Repository("lab/chat", COMMIT, {"one": (FIRST,)}).split("train", "one")
    hub.repositories = {"lab/chat": {**FILES, FIRST: FILES["data/test.parquet"]}}
    with pytest.raises(RunnerError, match="is not what it was at commit"):
        source.count()
    assert Repository("lab/chat", COMMIT, {"one": (FIRST,)}).split("train", "one").count() == 500


def test_other_bytes_of_the_same_number_are_refused(hub: HubServer) -> None:
    source = Repository("lab/chat", COMMIT, {"one": (FIRST,)}).split("train", "one")
    hub.repositories = {"lab/chat": {**FILES, FIRST: FILES[FIRST][:-1] + b"X"}}
    with pytest.raises(RunnerError, match="is not what it was at commit"):
        source.count()


def test_a_server_without_ranges_is_read_all_the_same(hub: HubServer) -> None:
    hub.without_ranges = True
    assert taken("train", 50) == messages(50)


@pytest.mark.parametrize("page", [b"<html>Sign in</html>", b"<html>" + b"x" * 3_000_000])
def test_the_page_of_a_proxy_is_not_taken_for_the_file(hub: HubServer, page: bytes) -> None:
    source = Repository("lab/chat", COMMIT, SPLITS).split("train", "lines")
    hub.without_ranges, hub.swapped = True, {"lines.jsonl": page}
    with pytest.raises(CloudUnavailable, match="what answered 200 is not the file"):
        source.count()
    hub.without_ranges, hub.swapped = False, {}
    assert taken("lines", 50, total=50) == messages(50)


@pytest.mark.usefixtures("hub")
def test_of_damage_to_what_is_kept_it_is_said_what_to_delete() -> None:
    assert taken("train", 50) == messages(50)
    for kept in cache_folder().glob("files/*/content.parquet"):
        with kept.open("r+b") as file:
            file.seek(-4, 2)
            file.write(bytes(4))
    error = refusal()
    assert codes(error) == [("unreadable-file", "dataset.path")]
    assert isinstance(error, DiagnosticError)
    assert "delete $HF_HOME/runner" in error.diagnostics[0].mend


@pytest.mark.usefixtures("hub")
def test_a_caller_that_is_interrupted_does_not_wait_for_what_is_fetched() -> None:
    seen: list[int] = []
    begun = Event()

    def told(_doing: str, done: int, _total: int | None) -> None:
        seen.append(done)
        begun.set()
        time.sleep(0.01)

    source = Repository("lab/chat", COMMIT, SPLITS, told).split("train", "train")
    total, footers = source.count(), seen[-1]
    begun.clear()

    def interrupted() -> None:
        with ahead(source.batches(Picked(total, range(total)), ("messages",))):
            assert begun.wait(10)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    whole = sum(len(FILES[name]) for name in TRAIN)
    assert footers < seen[-1] < footers + whole / 6
    assert len(taken("train", total)) == total


def test_an_empty_file_of_lines_has_no_first_rows(hub: HubServer) -> None:
    hub.repositories = {"lab/lines": {"empty.jsonl": b"", "full.jsonl": b"{}\n{}\n"}}
    files = {"train": ("empty.jsonl", "full.jsonl")}
    assert Repository("lab/lines", COMMIT, files, head=1).split("train", "train").count() == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(hub: HubServer, status: int) -> None:
    hub.faults = [Fault(status=status, headers={"Retry-After": "0"}, times=2)]
    assert taken("train", 50) == messages(50)
    assert not hub.faults[0].times


def test_a_server_that_stays_busy_is_told(hub: HubServer) -> None:
    hub.faults = [Fault(status=503, times=100)]
    error = refusal()
    assert isinstance(error, CloudUnavailable)
    assert "503" in error.message
    assert hub.faults[0].times == 100 - QUICK.tries


def test_a_question_is_asked_again_where_there_were_too_many(hub: HubServer) -> None:
    hub.faults = [Fault("/api/", status=429, headers={"Retry-After": "0"}, times=2)]
    assert commit_of("lab/chat", "v1") == COMMIT
    hub.faults = [Fault("/api/", status=429, times=100)]
    with pytest.raises(CloudUnavailable, match="429"):
        commit_of("lab/chat", "v1")
    assert hub.faults[0].times == 100 - QUICK.tries


@pytest.mark.parametrize("status", [401, 403, 404, 416])
def test_an_answer_that_is_none_is_not_asked_for_again(hub: HubServer, status: int) -> None:
    hub.faults = [Fault(status=status, times=100)]
    error = refusal()
    assert not error.__cause__
    assert hub.faults[0].times == 99


def test_a_branch_is_resolved_to_what_it_is_now(hub: HubServer) -> None:
    other = "f" * 40
    hub.commits["lab/chat", other] = {**FILES, TRAIN[0]: FILES["data/test.parquet"]}
    hub.revisions["next"] = other
    assert (commit_of("lab/chat", "next"), commit_of("lab/chat", None)) == (other, COMMIT)
    hub.revisions["next"] = COMMIT
    assert commit_of("lab/chat", "next") == COMMIT
    assert Repository("lab/chat", other, SPLITS).split("train", "train").count() == 900
    assert Repository("lab/chat", COMMIT, SPLITS).split("train", "train").count() == 1000


def everything_said(error: BaseException | None) -> str:
    """Give all that a traceback would show."""
    said = ""
    while error is not None:
        said += f"{error!r} {error} {vars(error)}"
        error = error.__cause__ or error.__context__
    return said


@pytest.mark.parametrize(
    ("repository", "token", "found"),
    [
        ("lab/private", "", ("no-such-dataset", "dataset.huggingface")),
        ("lab/private", CANARY, ("no-such-dataset", "dataset.huggingface")),
        ("lab/gated", CANARY, ("gated-dataset", "dataset.huggingface")),
    ],
)
def test_who_may_not_read_it_is_told_what_to_do_and_no_token(  # noqa: PLR0913, PLR0917 all that may tell it
    hub: HubServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    repository: str,
    token: str,
    found: tuple[str, str],
) -> None:
    caplog.set_level(0)
    hub.repositories = {"lab/private": FILES, "lab/gated": FILES}
    hub.private, hub.gated, hub.token = frozenset({"lab/private"}), frozenset({"lab/gated"}), "another"
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(DiagnosticError) as caught:
        taken("train", 10, repository=repository)
    assert codes(caught.value) == [found]
    assert "HF_TOKEN" in caught.value.diagnostics[0].mend
    captured = capfd.readouterr()
    said = everything_said(caught.value) + captured.out + captured.err + caplog.text
    assert CANARY not in said
    assert not any(CANARY.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_the_token_goes_to_the_hub_and_nowhere_else(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", CANARY)
    hub.private, hub.token, hub.redirecting = frozenset({"lab/chat"}), CANARY, True
    assert taken("train", 50) == messages(50)
    assert hub.tokens_elsewhere
    assert set(hub.tokens_elsewhere) == {""}
    assert redact.redact(f"with {CANARY} in it") == "with [redacted] in it"
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 4
    assert not any(CANARY.encode() in path.read_bytes() for path in files)
    assert not any(b"signature=secret" in path.read_bytes() for path in files)


def test_what_is_held_needs_no_hub(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = commit_of("lab/chat", "v1")
    assert taken("train", 50) == messages(50)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    asked = len(hub.requests)
    assert commit_of("lab/chat", "v1") == commit
    assert taken("train", 50) == messages(50)
    asks: list[Callable[[], object]] = [lambda: taken("train", 1000), lambda: taken("test", 5, total=500)]
    for ask in asks:
        with pytest.raises(CloudUnavailable, match="HF_HUB_OFFLINE"):
            ask()
    with pytest.raises(CloudUnavailable, match="HF_HUB_OFFLINE"):
        commit_of("lab/chat", "another")
    with pytest.raises(NotFetched), hub_errors("lab/chat"):
        raise ConnectionError  # as `datasets` says it
    assert len(hub.requests) == asked


def test_what_is_known_of_a_commit_is_asked_anew_where_it_cannot_be_read(hub: HubServer) -> None:
    assert taken("train", 50) == messages(50)
    for path in (cache_folder() / "known").iterdir():
        path.write_bytes(b"{}")
    asked = len(hub.requests)
    assert taken("train", 50) == messages(50)
    assert [request.partition(" ")[0] for request in hub.requests[asked:]] == ["HEAD", "HEAD"]


def test_progress_tells_how_much_of_how_much(hub: HubServer) -> None:
    told: list[tuple[str, int, int | None]] = []
    source = Repository("lab/chat", COMMIT, SPLITS, lambda *said: told.append(said)).split("train", "train")
    source.count()
    list(source.batches(Picked(1000, range(1000)), ("messages",)))
    assert {doing for doing, _, _ in told} == {"fetching train"}
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert told[-1][1] == told[-1][2] == hub.sent_bytes


def test_an_end_in_the_middle_comes_through_as_it_is_and_loses_nothing(hub: HubServer) -> None:
    """It is raised while Parquet is read, which must not make another error of it."""

    class Stopped(Exception):
        pass

    def stop(_doing: str, done: int, _total: int | None) -> None:
        if done > 400_000:
            raise Stopped

    source = Repository("lab/chat", COMMIT, SPLITS, stop).split("train", "train")
    with pytest.raises(Stopped):
        list(source.batches(Picked(1000, range(1000)), ("messages",)))
    assert taken("train", 1000) == messages(1000)
    wanted = len(FILES[FIRST]) + len(FILES[TRAIN[1]])
    assert hub.sent[FIRST] + hub.sent[TRAIN[1]] < wanted


def test_an_error_while_parquet_is_read_comes_through(hub: HubServer) -> None:
    hub.faults = [Fault(status=503, times=100)]
    with pytest.raises(CloudUnavailable, match="503"):
        Repository("lab/chat", COMMIT, SPLITS).split("train", "train").count()


def test_of_lines_only_the_beginning_is_fetched_where_only_the_first_rows_are_wanted(hub: HubServer) -> None:
    turns = [{"role": "user", "content": "x" * 900}, {"role": "assistant", "content": "y"}]
    row = json.dumps({"messages": turns}).encode() + b"\n"
    files = {"a.jsonl": row * 3000, "b.jsonl": row * 3000, "c.jsonl": row * 4}
    hub.repositories = {"lab/lines": files}
    known = {"long": tuple(files), "short": ("c.jsonl",)}

    def source(split: str, head: int) -> Source:
        return Repository("lab/lines", COMMIT, known, head=head).split("train", split)

    assert source("long", 3100).count() == 3100
    numbers = [
        number
        for batch in source("long", 3100).batches(Picked(3100, range(3100)), ())
        for number in batch.numbers
    ]
    assert numbers == [*range(1, 3001), *range(1, 101)]
    assert hub.sent["a.jsonl"] == len(files["a.jsonl"])
    assert 0 < hub.sent["b.jsonl"] < 300_000
    assert not hub.sent["c.jsonl"]
    assert source("short", 50).count() == 4


class InWorkspace:
    """A workspace with one file for every split."""

    def split(self, azureml: str, version: str | None, role: str, split: str) -> RemoteSplit[Remote]:
        assert (azureml, version) == ("chat", "3")
        file = found_file(Known(cache_folder()), "lab/chat", COMMIT, f"{split}.jsonl")
        return RemoteSplit(f"azureml:{role}", split, version, [file])


def test_files_of_a_workspace_are_read_by_the_same_way(hub: HubServer, tmp_path: Path) -> None:
    def lines(opening: str) -> bytes:
        turns = [{"role": "user", "content": opening}, {"role": "assistant", "content": "y"}]
        return json.dumps({"messages": turns}).encode() + b"\n"

    hub.repositories = {"lab/chat": {"train.jsonl": lines("a") + lines("b"), "test.jsonl": lines("c")}}
    told: list[str] = []
    prepared = prepare(
        Dataset(azureml="chat", revision="3", train="train", test="test"),
        folder=tmp_path,
        into=tmp_path / "out",
        workspace=InWorkspace(),
        progress=lambda doing, _done, _total: told.append(doing),
    )
    assert {role: split.rows for role, split in prepared.items()} == {"train": 2, "test": 1}
    assert set(told) == {"fetching train", "fetching test"}


def test_a_cache_that_cannot_be_written_is_said(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.repositories = {"lab/chat": {"train.jsonl": b"{}", "test.jsonl": b"{}"}}
    (tmp_path / "file").touch()
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "file"))
    section = Dataset(azureml="chat", revision="3", train="train", test="test")
    with pytest.raises(RunnerError, match="cannot be read or written"):
        prepare(section, folder=tmp_path, into=tmp_path / "out", workspace=InWorkspace())
