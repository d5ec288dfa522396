"""The child ft_nlp_common_validation: checks parameters, model and data before anything starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.trainer import parameters
from runner.trainer.errors import Code, TrainerError
from runner.trainer.log import say
from runner.trainer.rows import read_conversations

if TYPE_CHECKING:
    from runner.trainer.spec import Spec

DATA_FILES = ("train_file_path", "validation_file_path", "test_file_path")


def run(spec: Spec) -> None:
    """Check everything; raises TrainerError at the first kind of thing that is wrong."""
    parameters.read(spec.inputs)
    for note in parameters.notes({**spec.inputs, **spec.paths}):
        say(note)
    _refuse_paths(spec)
    if not (spec.path("mlflow_model_path") / "MLmodel").is_file():
        raise TrainerError(
            Code.MODEL, "mlflow_model_path has no file MLmodel: it must be a model in MLflow's format"
        )
    say("model: MLmodel found")
    spec.path("train_file_path")
    for name in DATA_FILES:
        if name in spec.paths:
            say(f"{name}: {len(read_conversations(spec.path(name), name))} rows with messages")
    say("validation passed")


def _refuse_paths(spec: Spec) -> None:
    for name in spec.paths:
        treated = parameters.INPUTS.get(name)
        if treated and treated.treatment is parameters.Treatment.REFUSED:
            raise TrainerError(Code.PARAMETER, f"{name} is refused: {treated.why}")
