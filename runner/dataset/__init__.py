"""Source, split and percent become checked JSONL files, each with its digest and its figures."""

from runner.dataset.counting import Size, expected, sizes, unusable
from runner.dataset.hub.repositories import commit_of
from runner.dataset.preparing import DROPPED, FILE_NAMES, PreparedSplit, bring, check, prepare
from runner.dataset.progress import Progress, silent

__all__ = [
    "DROPPED",
    "FILE_NAMES",
    "PreparedSplit",
    "Progress",
    "Size",
    "bring",
    "check",
    "commit_of",
    "expected",
    "prepare",
    "silent",
    "sizes",
    "unusable",
]
