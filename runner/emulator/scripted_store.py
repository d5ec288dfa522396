"""The store in test mode: a request may be made blind for a resource, or its writes be lost on the way."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from runner.emulator.store import Document, Kind, Store

Watch = Callable[[Kind, str, Document | None], None]


@dataclass(frozen=True, kw_only=True)
class View:
    """How one request, and the work that it starts, sees the store."""

    hidden: frozenset[str] = field(default_factory=frozenset)
    drops_writes: bool = False


_ORDINARY = View()
VIEW: ContextVar[View] = ContextVar("VIEW", default=_ORDINARY)
# What a lost write loses: an operation must still be there for whoever polls it.
_LOST = {
    Kind.COMPUTE,
    Kind.DATA,
    Kind.MODEL,
    Kind.JOB,
    Kind.RUN,
    Kind.ENDPOINT,
    Kind.DEPLOYMENT,
    Kind.KEYS,
}


class ScriptedStore(Store):
    """A store that tells `watch` of every change, and does what the request's view says."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.watch: Watch = _ignore

    def get(self, kind: Kind, key: str) -> Document | None:
        """See `Store.get`."""
        return None if key.lower() in VIEW.get().hidden else super().get(kind, key)

    def put(self, kind: Kind, key: str, body: Document) -> None:
        """See `Store.put`."""
        if kind in _LOST and VIEW.get().drops_writes:
            return
        super().put(kind, key, body)
        self.watch(kind, key, body)

    def delete(self, kind: Kind, key: str) -> bool:
        """See `Store.delete`."""
        if kind in _LOST and VIEW.get().drops_writes:
            return True
        gone = super().delete(kind, key)
        self.watch(kind, key, None)
        return gone


def _ignore(_kind: Kind, _key: str, _body: Document | None) -> None:
    """Watch nothing."""
