"""Where a model's files lie, in MLflow's layout or Hugging Face's, and whether they may be used.

Weights are read from safetensors only. The older formats are pickles, and unpickling runs whatever code is in
them.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.trainer.errors import Code, TrainerError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ADAPTER = "adapter"  # the folder of LoRA weights that were not merged, beside the model's own
PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".h5", ".msgpack", ".joblib")
LONGEST_HEADER = 100_000_000  # safetensors' own limit


@dataclass(frozen=True)
class ModelFolder:
    """The folders that hold the weights with their config, and the tokenizer."""

    model: Path
    tokenizer: Path

    @classmethod
    def find(cls, folder: Path) -> ModelFolder:
        """Find model and tokenizer; raises TrainerError if there are none, or if the weights are pickles."""
        model = _holder(folder, "config.json", ("data/model", "data", "model", "."))
        tokenizer = _holder(folder, "tokenizer.json", ("data/tokenizer", "data/model", "data", "model", "."))
        _refuse_pickles(model)
        weights = sorted(model.glob("*.safetensors"))
        if not weights:
            raise TrainerError(Code.MODEL, "the model folder holds no weights (*.safetensors)")
        for file in weights:
            _check_safetensors(file)
        return cls(model, tokenizer)

    def files(self) -> Iterator[Path]:
        """Give the files worth copying: weights, configuration and tokenizer, no code."""
        for folder in dict.fromkeys((self.model, self.tokenizer)):
            yield from (file for file in sorted(folder.iterdir()) if _is_wanted(file))

    def model_type(self) -> str:
        """Give the architecture that config.json names."""
        try:
            return str(json.loads((self.model / "config.json").read_text(encoding="utf-8"))["model_type"])
        except (ValueError, KeyError, TypeError) as error:
            raise TrainerError(Code.MODEL, "config.json names no model_type") from error


def _holder(folder: Path, wanted: str, places: tuple[str, ...]) -> Path:
    for place in places:
        if (folder / place / wanted).is_file():
            return folder / place
    raise TrainerError(Code.MODEL, f"the model folder holds no {wanted} (looked in {', '.join(places)})")


def _refuse_pickles(folder: Path) -> None:
    for file in sorted(folder.iterdir()):
        if file.suffix in PICKLED:
            raise TrainerError(
                Code.MODEL,
                f"{file.name} is refused: its format can carry code; save the weights as safetensors",
            )


def _check_safetensors(file: Path) -> None:
    """Compare the header's last offset with the file's length: so a cut upload is found."""
    size = file.stat().st_size
    with file.open("rb") as weights:
        start = weights.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0  # noqa: PLR2004 - the length field's bytes
        try:
            header = json.loads(weights.read(length)) if 0 < length < min(size, LONGEST_HEADER) else {}
            ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        except (ValueError, KeyError, TypeError, AttributeError):
            ends = []
    if not ends or 8 + length + max(ends) != size:
        raise TrainerError(Code.MODEL, f"{file.name} is not a whole safetensors file")


def _is_wanted(file: Path) -> bool:
    return file.is_file() and file.suffix in {".safetensors", ".json", ".jinja", ".txt", ".model"}
