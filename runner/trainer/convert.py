"""The child ft_nlp_model_converter: wraps a fine-tuned model in MLflow's folder layout.

The layout is four small text files beside the model, so it is written here without the mlflow package:
importing that takes longer than the conversion, and it would have to be installed for nothing else.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import uuid
from importlib.metadata import version
from typing import TYPE_CHECKING

from runner.trainer.log import say
from runner.trainer.model_folder import ADAPTER, ModelFolder

if TYPE_CHECKING:
    from pathlib import Path

    from runner.trainer.spec import Spec

REQUIREMENTS = ("torch", "transformers", "peft", "safetensors", "tokenizers")
TOKENIZER_FILES = ("tokenizer", "special_tokens_map", "added_tokens", "vocab", "merges", "chat_template")


def run(spec: Spec) -> None:
    """Write mlflow_model_folder from pytorch_model_folder."""
    source, output = spec.path("pytorch_model_folder"), spec.output("mlflow_model_folder")
    found = ModelFolder.find(source)
    _copy(found, output / "data")
    if (source / ADAPTER).is_dir():
        shutil.copytree(source / ADAPTER, output / "data" / ADAPTER, dirs_exist_ok=True)
        say("the LoRA weights were not merged; they go along as an adapter")
    for name, text in _texts(found).items():
        (output / name).write_text(text, encoding="utf-8")
        say(f"wrote {name}")


def _copy(found: ModelFolder, data: Path) -> None:
    for file in found.files():
        part = "tokenizer" if file.name.startswith(TOKENIZER_FILES) else "model"
        (data / part).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, data / part / file.name)
        say(f"converted {part}/{file.name}")


def _texts(found: ModelFolder) -> dict[str, str]:
    python = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    requirements = [f"{name}=={version(name)}" for name in REQUIREMENTS]
    return {
        "MLmodel": _mlmodel(found, python),
        "requirements.txt": "".join(f"{line}\n" for line in requirements),
        "conda.yaml": "".join(
            [
                "name: mlflow-env\nchannels:\n- conda-forge\n",
                f"dependencies:\n- python={python}\n- pip\n- pip:\n",
                *(f"  - {line}\n" for line in requirements),
            ]
        ),
        "python_env.yaml": (
            f"python: {python}\nbuild_dependencies:\n- pip\ndependencies:\n- -r requirements.txt\n"
        ),
    }


def _mlmodel(found: ModelFolder, python: str) -> str:
    """Give the flavors as Azure ML's own converter writes them; JSON's quoting is YAML too."""
    model_type = json.dumps(found.model_type())
    return f"""\
flavors:
  hftransformersv2:
    code: null
    hf_config_class: AutoConfig
    hf_pretrained_class: AutoModelForCausalLM
    hf_tokenizer_class: AutoTokenizer
    model_data: data
    pytorch_version: {version("torch")}
    task_type: chat-completion
    transformers_version: {version("transformers")}
  python_function:
    data: data
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
    loader_module: azureml.evaluate.mlflow.hftransformers
    python_version: {python}
metadata:
  base_model_task: chat-completion
  model_type: {model_type}
model_uuid: {_identity(found)}
"""


def _identity(found: ModelFolder) -> str:
    """Derive the model's id from its weights: the same model gets the same folder, byte for byte."""
    digest = hashlib.sha256()
    for file in sorted(found.model.glob("*.safetensors")):
        digest.update(file.read_bytes())
    return uuid.UUID(bytes=digest.digest()[:16], version=4).hex
