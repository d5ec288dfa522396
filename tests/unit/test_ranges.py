"""Remote files in parts: every byte as it is there, fetched once, whatever breaks in between."""

import json
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from random import Random
from threading import Thread
from typing import BinaryIO

import pytest

from runner.dataset.fetching.held import Held, merged
from runner.dataset.fetching.ranges import PATIENCE, Fetched, RangeFile, Ranges
from runner.dataset.fetching.remote import Later, NotFetched
from runner.dataset.fetching.transfer import Patience
from runner.errors import CloudUnavailable, RunnerError

CONTENT = Random(7).randbytes(1_000_003)  # noqa: S311 - repeatable
QUICK = Patience(tries=3, first_wait=0.001, longest_wait=0.002, longest_asked=0.01)


@dataclass
class Shelf:
    """A remote file in memory. Each of `breaks` is a place where one transfer ends with that error."""

    content: bytes = CONTENT
    identity: str = "a"
    name: str = "data/train.parquet"
    breaks: list[tuple[int, Exception]] = field(default_factory=list)
    asked: list[tuple[int, int]] = field(default_factory=list)
    given: int = 0

    @property
    def size(self) -> int:
        return len(self.content)

    def stream(self, first: int, past: int) -> Iterator[bytes]:
        self.asked.append((first, past))
        for begin in range(first, past, 10_000):
            piece = self.content[begin : min(past, begin + 10_000)]
            for place, error in self.breaks:
                if begin <= place < begin + len(piece):
                    self.breaks.remove((place, error))
                    self.given += place - begin
                    yield piece[: place - begin]
                    raise error
            self.given += len(piece)
            yield piece


def silent(_size: int) -> None:
    """Hear how much has come, and say nothing."""


def opened(shelf: Shelf, cache: Path, fetched: Fetched, patience: Patience = PATIENCE) -> BinaryIO:
    return RangeFile(Ranges(shelf, cache, fetched, patience)).opened()


def whole(shelf: Shelf, cache: Path, fetched: Fetched, patience: Patience = PATIENCE) -> Path:
    with closing(Ranges(shelf, cache, fetched, patience)) as ranges:
        ranges.need(0, shelf.size)
        return ranges.path


def read(shelf: Shelf, cache: Path, first: int, size: int) -> bytes:
    with opened(shelf, cache, silent, QUICK) as file:
        file.seek(first)
        return file.read(size)


def test_spans_are_joined_and_gaps_found() -> None:
    draw = Random(3)  # noqa: S311 - repeatable
    for _ in range(200):
        held, bytes_held = Held(), set[int]()
        for _ in range(draw.randrange(6)):
            first = draw.randrange(30)
            past = first + draw.randrange(1, 10)
            held, bytes_held = held.adding(first, past), bytes_held | set(range(first, past))
        assert {byte for first, past in held.spans for byte in range(first, past)} == bytes_held
        assert list(held.spans) == sorted(held.spans)
        first, past = 5, 25
        missing = set(range(first, past)) - bytes_held
        assert held.missing(first, past) == len(missing)
        gap = held.gap(first, past)
        assert (gap is None) == (not missing)
        if gap:
            assert gap[0] == min(missing)
            assert set(range(*gap)) <= missing
            assert gap[1] == past or gap[1] in bytes_held
    assert merged([(0, 1), (3, 4), (9, 12)], apart=2) == ((0, 4), (9, 12))


def test_only_what_is_read_is_fetched_and_once(tmp_path: Path) -> None:
    shelf = Shelf()
    assert read(shelf, tmp_path, 300_000, 200_000) == CONTENT[300_000:500_000]
    assert read(shelf, tmp_path, 350_000, 100_000) == CONTENT[350_000:450_000]
    assert shelf.asked == [(300_000, 500_000)]
    assert read(shelf, tmp_path, 250_000, 300_000) == CONTENT[250_000:550_000]
    assert shelf.given <= 300_000 + 64 * 1024
    assert read(shelf, tmp_path, len(CONTENT) - 8, 100) == CONTENT[-8:]
    assert read(shelf, tmp_path, len(CONTENT) + 5, 100) == b""


def test_small_reads_do_not_become_many_requests(tmp_path: Path) -> None:
    shelf = Shelf()
    with opened(shelf, tmp_path, silent) as file:
        pieces = [file.read(100) for _ in range(5_000)]
    assert b"".join(pieces) == CONTENT[:500_000]
    assert len(shelf.asked) <= 4


@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_transfer_that_breaks_goes_on_where_it_broke(tmp_path: Path, tenth: int) -> None:
    place = len(CONTENT) * tenth // 10
    shelf = Shelf(identity=f"sha256:{sha256(CONTENT).hexdigest()}", breaks=[(place, ConnectionResetError())])
    assert whole(shelf, tmp_path, silent, QUICK).read_bytes() == CONTENT
    assert shelf.asked == [(0, len(CONTENT)), (place, len(CONTENT))]
    assert shelf.given == len(CONTENT)


@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_process_that_ends_in_the_middle_leaves_what_has_come(tmp_path: Path, tenth: int) -> None:
    """It is a new object that goes on, with nothing but the files."""

    class Killed(BaseException):
        pass

    shelf = Shelf()

    def kill(_size: int) -> None:
        if shelf.given > len(CONTENT) * tenth // 10:
            raise Killed

    with pytest.raises(Killed):
        whole(shelf, tmp_path, kill)
    come = shelf.given
    assert whole(shelf, tmp_path, silent).read_bytes() == CONTENT
    assert shelf.given == len(CONTENT)
    assert 0 < come < len(CONTENT)


def test_what_was_not_noted_is_fetched_again(tmp_path: Path) -> None:
    """As after a kill that no handler sees: the bytes may be there, the note of them is not."""
    shelf = Shelf()
    path = whole(shelf, tmp_path, silent)
    (path.parent / "held.json").unlink()
    assert read(shelf, tmp_path, 0, 200_000) == CONTENT[:200_000]
    assert shelf.given == len(CONTENT) + 200_000


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"{",
        b"[]",
        b'{"format":2,"identity":"a","size":1000003,"held":[[0,1000003]],"verified":true}',
        b'{"format":1,"identity":"b","size":1000003,"held":[[0,1000003]],"verified":true}',
        b'{"format":1,"identity":"a","size":1000003,"held":[[0,9000000]],"verified":true}',
        b'{"format":1,"identity":"a","size":1000003,"held":[[5,3]],"verified":true}',
        b'{"format":1,"identity":"a","size":1000003,"held":[[0,"x"]],"verified":true}',
        b'{"format":1,"identity":"a","size":1000003,"held":[[-4,1000003]],"verified":true}',
        b'{"format":1,"identity":"a","size":1000003,"held":[0,1000003],"verified":true}',
    ],
)
def test_a_note_that_cannot_be_believed_is_not(tmp_path: Path, note: bytes) -> None:
    path = whole(Shelf(), tmp_path, silent)
    (path.parent / "held.json").write_bytes(note)
    path.write_bytes(b"x" * len(CONTENT))
    assert whole(Shelf(), tmp_path, silent).read_bytes() == CONTENT


def test_a_file_of_another_length_than_noted_is_begun_anew(tmp_path: Path) -> None:
    path = whole(Shelf(), tmp_path, silent)
    os.truncate(path, 10)
    assert whole(Shelf(), tmp_path, silent).read_bytes() == CONTENT


def test_other_content_has_another_place(tmp_path: Path) -> None:
    assert whole(Shelf(), tmp_path, silent) != whole(Shelf(b"other", "b"), tmp_path, silent)
    assert whole(Shelf(), tmp_path, silent).suffix == ".parquet"
    assert whole(Shelf(b"", "empty"), tmp_path, silent).read_bytes() == b""


def test_bytes_that_are_not_those_of_the_digest_are_noticed_and_not_kept(tmp_path: Path) -> None:
    identity = f"sha256:{sha256(CONTENT).hexdigest()}"
    swapped = CONTENT[:500] + b"X" + CONTENT[501:]
    assert read(Shelf(swapped, identity), tmp_path, 0, 1000) == swapped[:1000]  # of a part, nobody can tell
    with pytest.raises(CloudUnavailable, match="digest"):
        whole(Shelf(swapped, identity), tmp_path, silent)
    assert whole(Shelf(CONTENT, identity), tmp_path, silent).read_bytes() == CONTENT


def test_what_came_whole_is_verified_also_by_the_next_process(tmp_path: Path) -> None:
    """The first one may have been killed before it came to that."""
    identity = f"sha256:{sha256(CONTENT).hexdigest()}"
    path = whole(Shelf(CONTENT, identity), tmp_path, silent)
    note = path.parent / "held.json"
    note.write_text(note.read_text().replace("true", "false"))
    path.write_bytes(CONTENT[::-1])
    with pytest.raises(CloudUnavailable, match="digest"):
        read(Shelf(CONTENT, identity), tmp_path, 0, 10)


def test_patience_ends(tmp_path: Path) -> None:
    shelf = Shelf(breaks=[(500_000, OSError("no")) for _ in range(3)])
    with pytest.raises(CloudUnavailable, match="OSError") as caught:
        whole(shelf, tmp_path, silent, QUICK)
    assert "kept" in caught.value.hint
    assert len(shelf.asked) == 3
    whole(shelf, tmp_path, silent, QUICK)
    assert shelf.given == len(CONTENT)


def test_a_transfer_that_ends_early_without_a_word_is_gone_on_with(tmp_path: Path) -> None:
    class Short(Shelf):
        def stream(self, first: int, past: int) -> Iterator[bytes]:
            yield from super().stream(first, min(past, first + 150_000))

    assert whole(Short(), tmp_path, silent, QUICK).read_bytes() == CONTENT


def test_more_than_was_asked_for_is_left(tmp_path: Path) -> None:
    class Long(Shelf):
        def stream(self, first: int, past: int) -> Iterator[bytes]:
            del past
            yield from super().stream(first, len(CONTENT))

    assert read(Long(), tmp_path, 1_000, 100_001) == CONTENT[1_000:101_001]
    with closing(Ranges(Shelf(), tmp_path, lambda _: None)) as ranges:
        assert ranges.missing([(0, len(CONTENT))]) == len(CONTENT) - 100_001


@pytest.mark.parametrize("error", [NotFetched("no"), RunnerError("no")])
def test_an_answer_is_not_asked_for_again(tmp_path: Path, error: RunnerError) -> None:
    shelf = Shelf(breaks=[(0, error)])
    with pytest.raises(type(error), match="no"):
        whole(shelf, tmp_path, silent, QUICK)
    assert len(shelf.asked) == 1


def test_a_server_is_waited_for_as_long_as_it_asks_up_to_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    moment = 0.0

    def sleep(seconds: float) -> None:
        nonlocal moment
        moment += seconds
        slept.append(seconds)

    monkeypatch.setattr("runner.dataset.fetching.ranges.time.sleep", sleep)
    monkeypatch.setattr("runner.dataset.fetching.ranges.time.monotonic", lambda: moment)
    shelf = Shelf(breaks=[(0, Later("too many", 7)), (0, Later("too many", 10_000)), (0, Later("busy"))])
    told: list[int] = []
    whole(shelf, tmp_path, told.append, Patience())
    assert sum(slept) == pytest.approx(7 + 120 + 2)
    assert told.count(0) >= len(slept)


def test_nobody_but_its_owner_reads_it(tmp_path: Path) -> None:
    path = whole(Shelf(), tmp_path, silent)
    assert {stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()} == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_two_at_once_fetch_nothing_twice(tmp_path: Path) -> None:
    shelves, found = [Shelf(), Shelf()], list[bytes]()

    def go(shelf: Shelf, places: Sequence[int]) -> None:
        with opened(shelf, tmp_path, silent) as file:
            for place in places:
                file.seek(place)
                if file.read(50_000) != CONTENT[place : place + 50_000]:
                    return
        found.append(whole(shelf, tmp_path, silent).read_bytes())

    orders = [list(range(0, 1_000_000, 50_000)), list(range(950_000, -1, -50_000))]
    threads = [Thread(target=go, args=pair) for pair in zip(shelves, orders, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [CONTENT, CONTENT]
    assert sum(shelf.given for shelf in shelves) == len(CONTENT)


def test_who_waits_for_another_can_be_ended(tmp_path: Path) -> None:
    class Ended(Exception):
        pass

    def end(_size: int) -> None:
        raise Ended

    with closing(Ranges(Shelf(), tmp_path, lambda _: None)) as holder:
        holder._kept.lock()  # noqa: SLF001 - another process, in the middle of a transfer
        with closing(Ranges(Shelf(), tmp_path, end)) as ranges, pytest.raises(Ended):
            ranges.need(0, 10)


def test_a_note_tells_what_is_held(tmp_path: Path) -> None:
    with closing(Ranges(Shelf(), tmp_path, lambda _: None)) as ranges:
        ranges.need(10, 20)
        ranges.need(40, 60)
        said = json.loads((ranges.path.parent / "held.json").read_bytes())
    assert said["held"] == [[10, 20], [40, 60]]
