"""Runs that have been, as folders of manifests: a real one, told otherwise."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner import manifest_file

GOLDEN = Path(__file__).parents[1] / "golden"
FIRST = "20261121T181034Z-tiny-5623"
TOLD: Mapping[str, Any] = json.loads((GOLDEN / "compared_a.manifest.json").read_text(encoding="utf-8"))


def keep(runs: Path, run_id: str, *, values: Mapping[str, Any] | None = None, **others: Any) -> Path:  # noqa: ANN401 - a manifest's other keys
    """Write a run's manifest: the real one, with these values in force and these keys otherwise."""
    recipe = TOLD["recipe"] | {"values": TOLD["recipe"]["values"] | (values or {})}
    return write(runs / run_id, {**TOLD, "run_id": run_id, "recipe": recipe, **others})


def trained(**metrics: float) -> Mapping[str, Any]:
    """Give the steps, with these metrics of the training."""
    return {**TOLD["steps"], "finetune": TOLD["steps"]["finetune"] | {"metrics": metrics}}


def write(folder: Path, told: Mapping[str, Any]) -> Path:
    """Seal a manifest and write it into a run's folder, in place where it is there."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / manifest_file.FILE_NAME
    sealed = {**told, "digest": manifest_file.digest(told)}
    path.write_text(json.dumps(sealed, indent=2) + "\n", encoding="utf-8")
    return path
