"""Remote files read as if they were here: what is asked for is fetched once, kept, and gone on with later."""

import io
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO, cast

from runner.dataset.fetching.held import Span, merged
from runner.dataset.fetching.kept import Kept
from runner.dataset.fetching.remote import Remote
from runner.dataset.fetching.transfer import Patience, transfer
from runner.errors import CloudUnavailable

PATIENCE = Patience()

# A small read brings its surroundings along: the next one is usually there.
_AHEAD = 64 * 1024
_FURTHEST_AHEAD = 1024 * 1024
# So much is one request, during which other processes wait, and so much is at most fetched twice.
_REQUEST = 16 * 1024 * 1024
_NOTED_EVERY = 1024 * 1024
_PAUSE_SECONDS = 0.05
_SLICE_SECONDS = 0.2

Fetched = Callable[[int], None]


class Ranges:
    """A remote file, as far as it is needed. `fetched` is called with how many bytes have just come.

    It is called with 0 while it is waited, so that whoever wants to end this can always raise.
    """

    def __init__(self, remote: Remote, cache: Path, fetched: Fetched, patience: Patience = PATIENCE) -> None:
        self.size = remote.size
        self._remote = remote
        self._kept = Kept(remote, cache)
        self._fetched = fetched
        self._patience = patience

    @property
    def path(self) -> Path:
        """Give where it is kept."""
        return self._kept.path

    def close(self) -> None:
        """Let go of the file; may be called again."""
        self._kept.close()

    def missing(self, spans: Iterable[Span]) -> int:
        """Count the bytes that would have to be fetched."""
        return sum(self._kept.held.missing(*span) for span in merged(spans))

    def need(self, first: int, past: int, *, ahead: int = 0) -> None:
        """Have these bytes held; with them come, from where they are not, `ahead` bytes at least."""
        while not self._is_here(first, past):
            if self._kept.lock():
                try:
                    self._fetch(first, past, ahead)
                finally:
                    self._kept.unlock()
            else:
                self._wait(_PAUSE_SECONDS)
                self._kept.look()

    def read(self, first: int, past: int) -> bytes:
        """Give bytes that are held."""
        return self._kept.read(first, past)

    def _is_here(self, first: int, past: int) -> bool:
        """Tell whether they are held; a file that is held whole has to be verified first, too."""
        kept = self._kept
        return kept.held.gap(first, past) is None and (kept.verified or not kept.is_whole())

    def _fetch(self, first: int, past: int, ahead: int) -> None:
        """Fetch the first gap; by now, another process may have filled it."""
        gap = self._kept.held.gap(first, past)
        if gap is not None:
            until = min(max(past, gap[0] + ahead), self.size)
            begin, end = self._kept.held.gap(gap[0], until) or gap
            self._transfer((begin, min(end, begin + _REQUEST)))
        if self._kept.is_whole() and not self._kept.verified:
            self._verify()

    def _transfer(self, span: Span) -> None:
        noted = span[0]

        def take(first: int, piece: bytes) -> None:
            nonlocal noted
            self._kept.write(first, piece)
            if first + len(piece) - noted >= _NOTED_EVERY:
                self._kept.note()
                noted = first + len(piece)
            self._fetched(len(piece))

        try:
            transfer(self._remote, span, take=take, wait=self._wait, patience=self._patience)
        finally:
            self._kept.note()

    def _verify(self) -> None:
        if not self._kept.is_sound():
            self._kept.discard()
            message = f"{self._remote.name} did not come as the digest says that goes with it"
            raise CloudUnavailable(message, hint="try again: it is then fetched anew")
        self._kept.verified = True
        self._kept.note()

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._fetched(0)
            time.sleep(min(left, _SLICE_SECONDS))


class RangeFile(io.RawIOBase):
    """A seekable file over `Ranges`."""

    def __init__(self, ranges: Ranges) -> None:
        super().__init__()
        self._ranges = ranges
        self._place = 0
        self._ahead = _AHEAD
        self._expected = -1

    def opened(self) -> BinaryIO:
        """Give it as what it is to those who read it."""
        return cast("BinaryIO", self)

    def readable(self) -> bool:
        """See `io.IOBase`."""
        return True

    def seekable(self) -> bool:
        """See `io.IOBase`."""
        return True

    def tell(self) -> int:
        """See `io.IOBase`."""
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """See `io.IOBase`."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._ranges.size}[whence]
        self._place = max(0, start + offset)
        return self._place

    def read(self, size: int | None = -1) -> bytes:
        """Give as many bytes, fewer only at the end."""
        past = self._ranges.size if size is None or size < 0 else min(self._place + size, self._ranges.size)
        if past <= self._place:
            return b""
        self._ranges.need(self._place, past, ahead=self._read_ahead())
        content = self._ranges.read(self._place, past)
        self._place = self._expected = past
        return content

    def readall(self) -> bytes:
        """See `io.RawIOBase`."""
        return self.read()

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]  # a Buffer, from 3.12
        """See `io.RawIOBase`."""
        content = self.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        """See `io.IOBase`."""
        if not self.closed:
            self._ranges.close()
        super().close()

    def _read_ahead(self) -> int:
        """Bring more along the longer it is read without a jump."""
        going_on = self._place == self._expected
        self._ahead = min(self._ahead * 2, _FURTHEST_AHEAD) if going_on else _AHEAD
        return self._ahead
