"""The child chat_completion_model_import: from MLflow's layout to one plain Hugging Face folder."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from runner.trainer.errors import Code, TrainerError
from runner.trainer.log import say
from runner.trainer.model_folder import ModelFolder

if TYPE_CHECKING:
    from runner.trainer.spec import Spec


def run(spec: Spec) -> None:
    """Copy weights, configuration and tokenizer side by side; raises TrainerError if they may not be used."""
    source = spec.path("mlflow_model_path")
    if not (source / "MLmodel").is_file():
        raise TrainerError(
            Code.MODEL, "mlflow_model_path has no file MLmodel: it must be a model in MLflow's format"
        )
    found = ModelFolder.find(source)
    output = spec.output("output_dir")
    say(f"model type: {found.model_type()}")
    for file in found.files():
        shutil.copyfile(file, output / file.name)
        say(f"imported {file.name}, {file.stat().st_size:,} bytes")
