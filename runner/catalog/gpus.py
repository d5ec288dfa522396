"""How fast each kind of GPU is at most, by its maker's data sheet."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).parent / "gpus.json"
_TERA = 1e12


@dataclass(frozen=True, kw_only=True, slots=True)
class Peak:
    """The dense floating-point operations a second of one card at one precision."""

    flops: float
    source: str
    as_of: str


def peak(gpu: str, precision: str) -> Peak | None:
    """Look up a GPU by the name that `VmSize.gpu` has; `precision` is the component's `16` or `32`.

    None where the kind, or its figure at that precision, is not in the table.
    """
    content = _read()
    for entry in content["gpus"]:
        if gpu in entry["names"] and precision in entry["tflops"]:
            flops = entry["tflops"][precision] * _TERA
            return Peak(flops=flops, source=entry["source"], as_of=content["as_of"])
    return None


@cache
def _read() -> Mapping[str, Any]:
    content: Mapping[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return content
