"""How far the estimates of GPU memory are from published figures, row by row: GiB, and the estimate's error.

The figures and where they are from: tests/unit/fit_published.json. Rows that are themselves estimates, or
that their source contradicts, are listed and kept out of the summary.
"""

import json
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.catalog import Architecture
from runner.fit import Memory, Optimizer, Precision, Projection, Setup, Stage, estimate
from runner.fit.memory import CONTEXT

PUBLISHED = Path(__file__).parent.parent / "tests" / "unit" / "fit_published.json"
UNITS = {"B": 1, "GB": 10**9, "MiB": 2**20, "GiB": 2**30}
CONVERTERS: Mapping[str, Callable[[Any], object]] = {
    "precision": Precision,
    "optimizer": Optimizer,
    "stage": Stage,
    "lora_targets": lambda names: frozenset(map(Projection, names)),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A published figure and the estimate for the same setup, both in bytes."""

    source: str
    model: str
    setup: Setup
    published: int
    estimated: int
    counts: bool

    @property
    def error(self) -> float:
        """Give the estimate's error as a part of the published figure; below 0 it is too low."""
        return self.estimated / self.published - 1


def rows() -> list[Row]:
    """Read the published figures and estimate each anew."""
    content: Mapping[str, Any] = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    models = {entry["name"]: Architecture(**entry) for entry in content["models"]}
    return [_row(entry, models[entry["model"]], content["sources"]) for entry in content["rows"]]


def main() -> None:
    """Print the table and its summary."""
    print(f"{'source':<14} {'model':<15} {'setup':<44} {'GiB':>6} {'estimate':>9} {'error':>7}")
    for row in rows():
        figures = f"{row.published / 2**30:>6.1f} {row.estimated / 2**30:>9.1f} {row.error:>7.1%}"
        print(
            f"{row.source:<14} {row.model:<15} {_words(row.setup):<44} {figures}{'' if row.counts else ' *'}"
        )
    errors = [abs(row.error) for row in rows() if row.counts]
    print(f"{len(errors)} rows: median {statistics.median(errors):.1%}, worst {max(errors):.1%}")
    print("* not counted: the figure is itself an estimate, or its source contradicts it")


def _row(entry: Mapping[str, Any], architecture: Architecture, sources: Mapping[str, Any]) -> Row:
    source = sources[entry["source"]]
    given: dict[str, Any] = {
        key: CONVERTERS[key](value) if key in CONVERTERS else value for key, value in entry["setup"].items()
    }
    setup = Setup(**given)
    return Row(
        source=entry["source"],
        model=entry["model"],
        setup=setup,
        published=int(entry["figure"] * UNITS[source["unit"]]),
        estimated=_comparable(estimate(architecture, setup), source["measured"]),
        counts=not source.get("estimated") and "doubt" not in entry,
    )


def _comparable(memory: Memory, measured: str) -> int:
    """Give the part of an estimate that was measured: tensors, torch's allocator, or all of the device."""
    if measured == "allocated":
        return memory.allocated
    return memory.total - CONTEXT if measured == "reserved" else memory.total


def _words(setup: Setup) -> str:
    lora = f"LoRA {setup.lora_rank}" if setup.lora_rank else "full"
    stage = f"ZeRO-{setup.stage} x{setup.processes}" if setup.stage else ""
    flags = {
        "checkpointing": setup.checkpointing,
        "optimizer off": setup.offload_optimizer and not setup.offload_weights,
        "all off": setup.offload_weights,
    }
    words = [
        f"{setup.batch_size}x{setup.sequence_length}",
        lora,
        stage,
        *(key for key, on in flags.items() if on),
    ]
    return " ".join(filter(None, words))


if __name__ == "__main__":
    main()
