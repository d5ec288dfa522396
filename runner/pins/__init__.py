"""The versions and rows that a run is made of: taken once, recorded, applied again, compared."""

from runner.pins.taking import DEFAULTS_TAG, USED_TAGS, inputs_digest, taken
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
    "DEFAULTS_TAG",
    "USED_TAGS",
    "ComponentPin",
    "DatasetPin",
    "FilePin",
    "ModelPin",
    "Pins",
    "applied",
    "as_json",
    "from_json",
    "inputs_digest",
    "taken",
    "with_rows",
]
