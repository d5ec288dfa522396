"""Which files of a folder hold a split, by their names alone: one file, or shards with numbers."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from runner.dataset.reading.refusals import no_such_split, refusal

ENDINGS = (".jsonl", ".ndjson", ".json", ".csv", ".parquet")
# The folder itself, and where the Hub has a repository's files.
PLACES = (".", "data")
_MAX_NAMED = 100
_NATURAL = re.compile(r"(\d+)")
_OF = re.compile(r"-\d+-of-0*(\d+)(?:[-_.]\w+)*")


def choose(names: Sequence[str], label: str, role: str, split: str) -> tuple[str, Sequence[str]]:
    """Choose a split's files by their paths seen from the folder; before them, what is shown of all.

    That is `train.jsonl`, or `train-*.parquet` for shards. Raises RecipeInvalid where there are none, two
    choices, or fewer shards than there are to be.
    """
    looked_at = [name for name in names if _place(name) in PLACES and is_readable(name)]
    found = of_split(split, looked_at)
    if not found:
        _refuse_unread(split, names, label, role)
        raise no_such_split(label, role, split, sorted({_split_of(name) for name in looked_at})[:_MAX_NAMED])
    if len(found) > 1:
        message = f"the split is there twice: {' and '.join(sorted(found))}"
        raise refusal(label, role, "two-files", message, expected="must be one of them")
    ((shown, files),) = found.items()
    _refuse_missing_shards(files, label, role)
    return shown, files


def of_split(split: str, names: Iterable[str]) -> Mapping[str, Sequence[str]]:
    """Give the files that could be meant by a split's name, in order, by what is shown of them."""
    shard = re.compile(rf"{re.escape(split)}-\d+(?:[-_.]\w+)*")
    found: dict[str, list[str]] = {}
    for name in sorted(names, key=natural):
        path = PurePosixPath(name)
        if _place(name) not in PLACES or not is_readable(name):
            continue
        if path.stem == split:
            found.setdefault(name, []).append(name)
        elif shard.fullmatch(path.stem):
            found.setdefault(str(path.with_name(f"{split}-*{path.suffix}")), []).append(name)
    return found


def is_readable(name: str) -> bool:
    """Tell by a file's name whether it is of a format that is read here."""
    return PurePosixPath(name).suffix in ENDINGS


def natural(name: str) -> list[tuple[int, str]]:
    """Order numbers by what they count: `train-9` before `train-10`."""
    parts = _NATURAL.split(name)
    return [(int(part), "") if index % 2 else (-1, part) for index, part in enumerate(parts)]


def _place(name: str) -> str:
    return str(PurePosixPath(name).parent)


def _split_of(name: str) -> str:
    stem = PurePosixPath(name).stem
    return _OF.sub("", stem) or stem


def _refuse_unread(split: str, names: Iterable[str], label: str, role: str) -> None:
    """Say of a file that the split's name likely means why it is not read."""
    meant = re.compile(rf"{re.escape(split)}(?:-\d+(?:[-_.]\w+)*)?((?:\.\w+)+)")
    for name in sorted(names, key=natural):
        path = PurePosixPath(name)
        found = meant.fullmatch(path.name) if _place(name) in PLACES and not is_readable(name) else None
        if found is not None:
            message = f"{path.name} is there, but {path.suffix} is not read"
            expected = f"must be one of {', '.join(ENDINGS)}"
            raise refusal(label, role, "unreadable-format", message, expected=expected, mend=_mend(path))


def _mend(path: PurePosixPath) -> str:
    """Propose what makes a file readable whose ending is near to one that is read."""
    if path.suffix.lower() in ENDINGS:
        return f"name it {path.stem}{path.suffix.lower()}"
    return f"unpack it: gunzip {path.name}" if path.suffix == ".gz" else ""


def _refuse_missing_shards(names: Sequence[str], label: str, role: str) -> None:
    """Hold the shards against how many there are to be, where their names tell: `train-00000-of-00003`."""
    totals = {int(found[1]) for name in names if (found := _OF.search(name))}
    if totals and totals != {len(names)}:
        expected = " or ".join(map(str, sorted(totals)))
        one = len(names) == 1
        message = f"there {'is' if one else 'are'} {len(names)} {'shard' if one else 'shards'} of the split"
        expected = f"must be {expected}, as their names have it"
        raise refusal(label, role, "missing-shard", message, expected=expected)
