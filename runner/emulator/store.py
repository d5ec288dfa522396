"""What the emulator knows, as JSON documents in one SQLite file that survives a kill.

A document has a kind, a key and the place in which it was first put; keys are compared without case,
because Azure compares its resource ids so.
"""

import json
import sqlite3
from enum import StrEnum
from pathlib import Path
from typing import Any, cast

Document = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (kind, key)
)
"""
_PUT = """
INSERT INTO documents (kind, key, body) VALUES (?, ?, ?)
ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body
"""


class Kind(StrEnum):
    """The closed set of what is stored."""

    COMPUTE = "compute"
    DATA = "data"
    MODEL = "model"
    JOB = "job"
    RUN = "run"
    ENDPOINT = "endpoint"
    DEPLOYMENT = "deployment"
    KEYS = "keys"
    OPERATION = "operation"
    BLOB = "blob"
    QUOTA = "quota"
    EVENT = "event"
    COST = "cost"


class Store:
    """Documents by kind and key; a put is durable when it returns. Used from one thread only."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        path.chmod(0o600)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.execute(_SCHEMA)

    def get(self, kind: Kind, key: str) -> Document | None:
        """Return a copy of the document, or None."""
        row = self._database.execute(
            "SELECT body FROM documents WHERE kind = ? AND key = ?", (kind, key.lower())
        ).fetchone()
        return None if row is None else cast("Document", json.loads(row[0]))

    def put(self, kind: Kind, key: str, body: Document) -> None:
        """Write the document; one that was there keeps its place in the order of creation."""
        self._database.execute(_PUT, (kind, key.lower(), json.dumps(body)))

    def delete(self, kind: Kind, key: str) -> bool:
        """Delete the document and say whether there was one."""
        cursor = self._database.execute(
            "DELETE FROM documents WHERE kind = ? AND key = ?", (kind, key.lower())
        )
        return cursor.rowcount > 0

    def below(self, kind: Kind, prefix: str = "") -> list[Document]:
        """Return the documents whose key starts with `prefix`, oldest first."""
        rows = self._database.execute(
            "SELECT body FROM documents WHERE kind = ? AND substr(key, 1, ?) = ? ORDER BY place",
            (kind, len(prefix), prefix.lower()),
        )
        return [cast("Document", json.loads(row[0])) for row in rows]

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._database.close()
