"""The child chat_completion_datapreprocess: train, validation and test rows, splitting what was not given.

The component's rule: with only a test file, or only a validation file, the missing one is 20 % of train; with
neither, each is 10 %. Train shrinks accordingly.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from runner.trainer import parameters
from runner.trainer.errors import Code, TrainerError
from runner.trainer.log import say
from runner.trainer.model_folder import ModelFolder
from runner.trainer.rows import Message, read_conversations, write_conversations

if TYPE_CHECKING:
    from runner.trainer.spec import Spec

SPLITS = ("train", "validation", "test")


def run(spec: Spec) -> None:
    """Write train.jsonl, validation.jsonl and test.jsonl; the same seed gives the same split."""
    seed = parameters.read(spec.inputs).seed
    ModelFolder.find(spec.path("model_selector_output"))
    for split, conversations in split_rows(_given(spec), seed).items():
        write_conversations(spec.output("output_dir") / f"{split}.jsonl", conversations)
        say(f"{split}: {len(conversations)} rows")


def split_rows(given: dict[str, list[list[Message]]], seed: int) -> dict[str, list[list[Message]]]:
    """Complete the splits out of train; raises TrainerError if train has too few rows for that."""
    missing = [split for split in ("validation", "test") if split not in given]
    if not missing:
        return given
    share = 0.2 if len(missing) == 1 else 0.1
    rows = list(given["train"])
    random.Random(seed).shuffle(rows)  # noqa: S311 - a reproducible split, not a secret
    size = max(1, round(share * len(rows)))
    if len(rows) <= size * len(missing):
        raise TrainerError(
            Code.DATA, f"train has {len(rows)} rows, too few to split off {' and '.join(missing)}"
        )
    made = dict(given)
    for at, split in enumerate(missing):
        made[split] = rows[at * size : (at + 1) * size]
        say(f"no {split} file was given: {share:.0%} of train is split off for it")
    made["train"] = rows[size * len(missing) :]
    return {split: made[split] for split in SPLITS}


def _given(spec: Spec) -> dict[str, list[list[Message]]]:
    spec.path("train_file_path")
    names = {split: f"{split}_file_path" for split in SPLITS if f"{split}_file_path" in spec.paths}
    return {split: read_conversations(spec.path(name), name) for split, name in names.items()}
