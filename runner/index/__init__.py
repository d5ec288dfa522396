"""What is known of many runs at once: their manifests' facts by key, asked without reading them all again.

The index is a file beside the runs that may be deleted at any time. Each question first holds it against the
run folders, one look each, so that an answer is never older than the manifests are.
"""

from runner.index.facts import Fact
from runner.index.listing import NEWEST, USUAL, Asked, Listed, Row, listed
from runner.index.store import FILE_NAME, Index, asked
from runner.index.where import Condition, parsed

__all__ = [
    "FILE_NAME",
    "NEWEST",
    "USUAL",
    "Asked",
    "Condition",
    "Fact",
    "Index",
    "Listed",
    "Row",
    "asked",
    "listed",
    "parsed",
]
