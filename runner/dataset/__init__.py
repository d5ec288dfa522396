"""Source, split and percent become checked JSONL files, each with its digest and its figures."""

from runner.dataset.counting import count_rows, unusable
from runner.dataset.hub import commit_of
from runner.dataset.preparing import PreparedSplit, bring, check, prepare
from runner.dataset.progress import Progress, silent

__all__ = [
    "PreparedSplit",
    "Progress",
    "bring",
    "check",
    "commit_of",
    "count_rows",
    "prepare",
    "silent",
    "unusable",
]
