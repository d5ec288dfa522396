"""Reads one YAML 1.2 core mapping, strictly, and remembers at which line and column each value stands.

PyYAML's parser splits the text into events; what they mean is decided here, since PyYAML follows YAML 1.1
(`no` is false, `010` is 8, `5e-6` is text, a second key silently wins). Every problem that can be found is
reported; what could be read in spite of them is handed on. This package knows nothing of recipes.
"""

from runner.yaml12.document import Document, Value
from runner.yaml12.limits import MAX_ALIASES, MAX_DEPTH, MAX_NODES
from runner.yaml12.parsing import parse
from runner.yaml12.places import START, Key, Position
from runner.yaml12.problems import Fault, Problem
from runner.yaml12.reading import MAX_BYTES, Unreadable, decode, read_bytes
from runner.yaml12.scalars import meaning, resolve

__all__ = [
    "MAX_ALIASES",
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_NODES",
    "START",
    "Document",
    "Fault",
    "Key",
    "Position",
    "Problem",
    "Unreadable",
    "Value",
    "decode",
    "meaning",
    "parse",
    "read_bytes",
    "resolve",
]
