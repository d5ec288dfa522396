"""The index as an SQLite file, which heals itself: without it all takes longer, and nothing else."""

import json
import os
import sqlite3
import stat
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias, TypeVar

from runner import manifest_file
from runner.errors import UsageError
from runner.index.facts import DAMAGED, LATER, MISSING, Fact, facts_of, facts_without
from runner.index.folders import NO_FILE, Stamp, seen

FILE_NAME = ".index.sqlite3"

# What is kept, or how: an index of another number is made anew.
_VERSION = 3
_LOCKED_SECONDS = 0.25
# A manifest is some ten kB; whatever is larger than this is none.
_LARGEST = 16 * 1024 * 1024
_AT_ONCE = 500
_LARGEST_INTEGER = 2**63
_TABLES = (
    """CREATE TABLE run (id INTEGER PRIMARY KEY, name BLOB UNIQUE NOT NULL, size INTEGER, written INTEGER,
    changed INTEGER, inode INTEGER, problem TEXT NOT NULL)""",
    "CREATE TABLE key (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL)",
    "CREATE TABLE fact (key INTEGER, run INTEGER, value, PRIMARY KEY (key, run)) WITHOUT ROWID",
)

Answer = TypeVar("Answer")
Stored: TypeAlias = str | int | float | bytes


@dataclass(frozen=True, slots=True)
class Known:
    """A run by its folder's name, and why its manifest cannot be read, "" if it can."""

    name: str
    problem: str


class Index:
    """What the manifests of a folder say, as they are now."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def runs(self) -> Mapping[int, Known]:
        """Give every run by its number, the latest id first."""
        rows = self._connection.execute("SELECT id, name, problem FROM run ORDER BY name DESC")
        return {number: Known(os.fsdecode(name), problem) for number, name, problem in rows}

    def keys(self) -> frozenset[str]:
        """Give every key that a run has."""
        rows = self._connection.execute(
            "SELECT name FROM key WHERE EXISTS (SELECT 1 FROM fact WHERE fact.key = key.id)"
        )
        return frozenset(str(name) for (name,) in rows)

    def values(self, key: str) -> Mapping[int, Fact]:
        """Give a key's value in each run that has it, by the run's number."""
        if not _can_be_asked_for(key):
            return {}
        rows = self._connection.execute(
            "SELECT run, value FROM fact WHERE key = (SELECT id FROM key WHERE name = ?)", (key,)
        )
        return {run: _read(value) if type(value) is bytes else value for run, value in rows}


def asked(runs: Path, question: Callable[[Index], Answer]) -> Answer:
    """Ask the index, brought up to date: the file, if need be a new one, or a copy in memory, or none."""
    found = seen(runs)
    for way in (_kept, _renewed, _copied):
        try:
            with closing(way(runs / FILE_NAME)) as connection:
                return question(_up_to_date(connection, runs, found))
        except (sqlite3.Error, OSError):  # locked, damaged, not to be written
            continue
    with closing(_made(sqlite3.connect(":memory:"))) as connection:
        return question(_up_to_date(connection, runs, found))


def _kept(path: Path) -> sqlite3.Connection:
    _check_is_a_file(path)
    return _made(_connected(path, "rwc"))


def _renewed(path: Path) -> sqlite3.Connection:
    """Put a new file in the place of a damaged one; raises where it is not damaged, but cannot be used."""
    _check_is_a_file(path)
    try:
        with closing(_connected(path, "rw")) as connection:
            whole = connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        whole = False
    if whole:
        raise sqlite3.OperationalError
    path.unlink()
    path.with_name(f"{path.name}-journal").unlink(missing_ok=True)
    return _made(_connected(path, "rwc"))


def _copied(path: Path) -> sqlite3.Connection:
    """Take what the file holds into memory, where it can be brought up to date."""
    _check_is_a_file(path)
    copy = sqlite3.connect(":memory:", isolation_level=None)
    try:
        with closing(_connected(path, "ro")) as connection:
            # A copy of what is locked would be tried for ever; a reader is told so.
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            connection.backup(copy)
        return _made(copy)
    except BaseException:
        copy.close()
        raise


def _check_is_a_file(path: Path) -> None:
    """Refuse a link: what it leads to is not ours to write."""
    if os.path.lexists(path) and not stat.S_ISREG(path.lstat().st_mode):
        raise OSError


def _connected(path: Path, mode: str) -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(address, uri=True, timeout=_LOCKED_SECONDS, isolation_level=None)


def _made(connection: sqlite3.Connection) -> sqlite3.Connection:
    """See that the tables are there, as this version has them."""
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        if connection.execute("PRAGMA user_version").fetchone() != (_VERSION,):
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                _make_tables(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _make_tables(connection: sqlite3.Connection) -> None:
    for table in ("run", "key", "fact"):
        connection.execute(f"DROP TABLE IF EXISTS {table}")
    for definition in _TABLES:
        connection.execute(definition)
    connection.execute(f"PRAGMA user_version = {_VERSION}")


def _up_to_date(connection: sqlite3.Connection, runs: Path, found: Mapping[str, Stamp]) -> Index:
    """Read again what has changed, and forget what is gone; nothing is written where nothing has."""
    known = _known(connection)
    stale = [name for name, stamp in found.items() if known.get(name) != stamp]
    gone = known.keys() - found.keys()
    if stale or gone:
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            _forget(connection, [*gone, *stale])
            for start in range(0, len(stale), _AT_ONCE):
                _add(connection, runs, {name: found[name] for name in stale[start : start + _AT_ONCE]})
    return Index(connection)


def _known(connection: sqlite3.Connection) -> dict[str, Stamp]:
    rows = connection.execute("SELECT name, size, written, changed, inode FROM run")
    return {os.fsdecode(name): Stamp(*stamp) for name, *stamp in rows}


def _forget(connection: sqlite3.Connection, names: Sequence[str]) -> None:
    """Take out runs and their facts, in one walk over these."""
    connection.execute("CREATE TEMPORARY TABLE forgotten (run INTEGER PRIMARY KEY)")
    connection.executemany(
        "INSERT INTO forgotten SELECT id FROM run WHERE name = ?", ((os.fsencode(name),) for name in names)
    )
    connection.execute("DELETE FROM fact WHERE run IN (SELECT run FROM forgotten)")
    connection.execute("DELETE FROM run WHERE id IN (SELECT run FROM forgotten)")
    connection.execute("DROP TABLE forgotten")


def _add(connection: sqlite3.Connection, runs: Path, found: Mapping[str, Stamp]) -> None:
    """Read manifests and add them, in the order of the tables, which is several times as quick."""
    now = time.time_ns()
    rows: list[tuple[int, int, Stored]] = []
    keys = dict(connection.execute("SELECT name, id FROM key").fetchall())
    for name, stamp in found.items():
        facts, problem = _told(runs, name, stamp)
        noted = stamp if stamp.is_settled(now) else Stamp(stamp.size, 0, 0, 0)
        run = connection.execute(
            "INSERT INTO run (name, size, written, changed, inode, problem) VALUES (?, ?, ?, ?, ?, ?)",
            (os.fsencode(name), noted.size, noted.written, noted.changed, noted.inode, problem),
        ).lastrowid
        rows += ((_key(connection, keys, key), run or 0, _stored(fact)) for key, fact in _clean(facts))
    rows.sort(key=_place)
    connection.executemany("INSERT INTO fact (key, run, value) VALUES (?, ?, ?)", rows)


def _place(row: tuple[int, int, Stored]) -> tuple[int, int]:
    return row[0], row[1]


def _clean(facts: Mapping[str, Fact]) -> Iterable[tuple[str, Fact]]:
    return ((key, fact) for key, fact in facts.items() if _can_be_asked_for(key))


def _can_be_asked_for(key: str) -> bool:
    """Tell whether a key is a text in UTF-8, and one that can be seen."""
    return key.isprintable()


def _key(connection: sqlite3.Connection, keys: dict[str, int], name: str) -> int:
    if name not in keys:
        keys[name] = connection.execute("INSERT INTO key (name) VALUES (?)", (name,)).lastrowid or 0
    return keys[name]


def _told(runs: Path, name: str, stamp: Stamp) -> tuple[Mapping[str, Fact], str]:
    """Give a run's facts, and why there are only few, else ""."""
    path = runs / name / manifest_file.FILE_NAME
    if stamp == NO_FILE:
        return facts_without(name, MISSING), f"it has a journal, but no {path.name} yet"
    if not 0 <= stamp.size <= _LARGEST:
        return facts_without(name, DAMAGED), "it is no file, or too large to be a manifest"
    try:
        return facts_of(name, manifest_file.read(path)), ""
    except manifest_file.ManifestOfLaterFormat as error:
        return facts_without(name, LATER), _reason(error)
    except UsageError as error:
        return facts_without(name, DAMAGED), _reason(error)
    except RecursionError:
        return facts_without(name, DAMAGED), "it is nested too deeply"


def _reason(error: UsageError) -> str:
    return error.message.encode(errors="backslashreplace").decode()


def _stored(fact: Fact) -> Stored:
    """Give a value as SQLite keeps it: what it has no type for, or could not hold, as JSON in bytes."""
    if type(fact) is bool:
        return b"true" if fact else b"false"
    if isinstance(fact, tuple) or (type(fact) is int and abs(fact) >= _LARGEST_INTEGER):
        return json.dumps(fact).encode()
    if type(fact) is str and not fact.isascii():
        return json.dumps(fact).encode()
    return fact


@lru_cache(maxsize=1024)  # of these few kinds of values the same ones come thousands of times
def _read(value: bytes) -> Fact:
    read = json.loads(value)
    return tuple(read) if isinstance(read, list) else read
