"""The five steps that the fine-tuning pipeline component consists of, and what each reads and writes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """One step: the node's name in Azure's component, the trainer's command, and its folders."""

    node: str
    command: str
    reads: tuple[str, ...]
    output: str | None = None
    trains: bool = False


FILES = ("train_file_path", "validation_file_path", "test_file_path")

STAGES = (
    Stage("ft_nlp_common_validation", "validate", ("mlflow_model_path", *FILES)),
    Stage("chat_completion_model_import", "import_model", ("mlflow_model_path",), "output_dir"),
    Stage("chat_completion_datapreprocess", "preprocess", (*FILES, "model_selector_output"), "output_dir"),
    Stage(
        "chat_completion_finetune",
        "finetune",
        ("preprocess_output", "model_selector_output"),
        "pytorch_model_folder",
        trains=True,
    ),
    Stage("ft_nlp_model_converter", "convert", ("pytorch_model_folder",), "mlflow_model_folder"),
)

# The names by which later stages read what an earlier one wrote.
READ_AS = {
    "chat_completion_model_import": "model_selector_output",
    "chat_completion_datapreprocess": "preprocess_output",
    "chat_completion_finetune": "pytorch_model_folder",
}
