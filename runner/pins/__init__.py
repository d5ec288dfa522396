"""The versions and rows that a run is made of: taken once, recorded, applied again, compared and locked."""

from runner.pins.comparing import Moved, differences, told
from runner.pins.lock import Lock, as_text, command, depended_on, path_of, retyped, write
from runner.pins.reading import read
from runner.pins.taking import USED_TAGS, inputs_digest, taken
from runner.pins.values import (
    ComponentPin,
    DatasetPin,
    FilePin,
    ModelPin,
    Pins,
    applied,
    as_json,
    from_json,
    with_rows,
)

__all__ = [
    "USED_TAGS",
    "ComponentPin",
    "DatasetPin",
    "FilePin",
    "Lock",
    "ModelPin",
    "Moved",
    "Pins",
    "applied",
    "as_json",
    "as_text",
    "command",
    "depended_on",
    "differences",
    "from_json",
    "inputs_digest",
    "path_of",
    "read",
    "retyped",
    "taken",
    "told",
    "with_rows",
    "write",
]
