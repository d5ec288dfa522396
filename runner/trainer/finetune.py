"""The child chat_completion_finetune: trains on the train rows, measures the test rows before and after."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from transformers.trainer_utils import enable_full_determinism, set_seed

from runner.trainer import model as loading
from runner.trainer import parameters
from runner.trainer.errors import Code, TrainerError
from runner.trainer.examples import Example, encode
from runner.trainer.log import say
from runner.trainer.memory import peak_mib
from runner.trainer.model_folder import ADAPTER
from runner.trainer.progress import Metrics
from runner.trainer.rows import read_conversations
from runner.trainer.training import Job, answer_loss, train

if TYPE_CHECKING:
    from pathlib import Path

    from transformers.modeling_utils import PreTrainedModel
    from transformers.tokenization_utils_tokenizers import PreTrainedTokenizerFast

    from runner.trainer.parameters import Parameters
    from runner.trainer.spec import Spec

SPLITS = ("train", "validation", "test")


def run(spec: Spec) -> None:
    """Train, and write pytorch_model_folder."""
    chosen = parameters.read(spec.inputs)
    for note in parameters.notes({**spec.inputs, **spec.paths}):
        say(note)
    (enable_full_determinism if chosen.enable_full_determinism else set_seed)(chosen.seed)
    source, output = spec.path("model_selector_output"), spec.output("pytorch_model_folder")
    tokenizer = loading.load_tokenizer(source)
    model = loading.load_model(source, ignore_mismatched_sizes=chosen.ignore_mismatched_sizes)
    longest = _longest(chosen, loading.longest_input(model))
    job = Job(chosen, Metrics(spec.metrics_file), tokenizer.pad_token_id, longest, output)
    examples = _examples(spec.path("preprocess_output"), tokenizer, longest)
    _report("test_loss_base", model, examples["test"], job, 0)
    trained, steps = train(model, examples["train"], examples["validation"], job)
    _report("test_loss", trained, examples["test"], job, steps)
    job.metrics.write({"peak_memory_mib": peak_mib()}, steps)
    _save(trained, chosen, source, output)
    tokenizer.save_pretrained(output)
    say("saved the model")


def _longest(chosen: Parameters, limit: int) -> int:
    if chosen.max_seq_length > limit:
        say(f"max_seq_length {chosen.max_seq_length} is more than the model takes in; using {limit}")
    return limit if chosen.max_seq_length == -1 else min(chosen.max_seq_length, limit)


def _examples(folder: Path, tokenizer: PreTrainedTokenizerFast, longest: int) -> dict[str, list[Example]]:
    made = {}
    for split in SPLITS:
        rows = read_conversations(folder / f"{split}.jsonl", split)
        made[split] = encode(tokenizer, rows, longest)
        if not made[split]:
            raise TrainerError(Code.DATA, f"{split}: no row has an answer within max_seq_length {longest}")
        dropped = len(rows) - len(made[split])
        say(f"{split}: {len(made[split])} rows" + f", {dropped} without an answer left" * bool(dropped))
    return made


def _report(key: str, model: PreTrainedModel, examples: list[Example], job: Job, step: int) -> None:
    loss = answer_loss(model, examples, job.filler, job.chosen.per_device_eval_batch_size)
    say(f"{key} {loss:.4f}")
    job.metrics.write({key: loss}, step)


def _save(model: PreTrainedModel, chosen: Parameters, source: Path, output: Path) -> None:
    """Write one whole model, or the base model with the adapter beside it if they are not to be merged."""
    if not chosen.apply_lora:
        model.save_pretrained(output)
    elif chosen.merge_lora_weights:
        model.merge_and_unload().save_pretrained(output)
        say("merged the LoRA weights into the model")
    else:
        model.save_pretrained(output / ADAPTER)
        for file in source.iterdir():
            shutil.copyfile(file, output / file.name)
        say("saved the LoRA weights apart from the model")
    for leftover in output.glob("**/training_args.bin"):
        leftover.unlink()  # a pickle; what it holds is in the job's inputs
