"""What a recipe's keys may hold, as the documentation of Azure ML and of the recipe says it.

Written out by hand on purpose: taken from the schema, it could not show that the schema is wrong.
"""

from collections.abc import Mapping

from tests.corpus.entries import Path

# The least and the greatest of each whole number.
WHOLE_NUMBERS: Mapping[Path, tuple[int, int]] = {
    ("compute", "gpus_per_node"): (1, 16),
    ("compute", "min_instances"): (0, 100),
    ("compute", "max_instances"): (1, 100),
    ("compute", "idle_time_before_scale_down"): (1, 86_400),
    ("baseline", "instance_count"): (1, 50),
    ("baseline", "request_timeout_ms"): (1, 180_000),
    ("baseline", "max_concurrent_requests_per_instance"): (1, 1000),
    ("baseline", "liveness_probe", "initial_delay"): (1, 7200),
    ("baseline", "liveness_probe", "period"): (1, 3600),
    ("deployment", "instance_count"): (1, 50),
    ("deployment", "request_timeout_ms"): (1, 180_000),
    ("deployment", "max_concurrent_requests_per_instance"): (1, 1000),
    ("deployment", "liveness_probe", "initial_delay"): (1, 7200),
    ("deployment", "liveness_probe", "period"): (1, 3600),
    ("deployment", "readiness_probe", "initial_delay"): (1, 7200),
    ("deployment", "readiness_probe", "period"): (1, 3600),
    ("deployment", "readiness_probe", "timeout"): (1, 3600),
    ("deployment", "readiness_probe", "success_threshold"): (1, 1000),
    ("deployment", "readiness_probe", "failure_threshold"): (1, 1000),
    ("dataset", "rows"): (1, 1_000_000_000),
    ("dataset", "seed"): (0, 4_294_967_295),
    ("dataset", "max_bad_rows"): (0, 1_000_000_000),
    ("sample", "rows"): (1, 1000),
}
PERCENT: Path = ("dataset", "percent")

ENUMS: Mapping[Path, tuple[str, ...]] = {
    ("compute", "tier"): ("dedicatd", "low-priority", "spot", "Dedicated"),
    ("finetune", "task"): ("chat_completions", "chat-completion", "text_generation", "translation"),
    ("dataset", "sample"): ("first", "randomly", "Random", "tail"),
    ("endpoint", "auth_mode"): ("keys", "aml-token", "none", "Key"),
    ("cleanup",): ("allways", "on_failures", "on-failure", "no", "off"),
}

# Texts that break a name's rule, each as it would be typed.
_AZURE_NAME = (
    "under_score",
    "a.b",
    "-demo",
    "two--dashes",
    "7b-demo",
    "ab",
    "ends-",
    "with space",
    "düsseldorf",
)
_SIZES = ("A100", "Standard-NC24ads", "Standard_", "8xA100_v4", "Standard NC6")
_SPLIT = ("../train", "train[:5%]", "a b", ".hidden", "train/0")
_HELD_OUT = (*_SPLIT, "100%", "-5%", "1e1%", "10 %", "5%%", "0.1234567%")
BAD_NAMES: Mapping[Path, tuple[str, ...]] = {
    ("name",): ("Phi4-Run", "phi4_run", "4phi", "phi--4", "-phi", "phi-", "phi.4", "two words", "x" * 64),
    ("experiment",): ("Phi-3.5", "_first", "a b", "a/b"),
    ("model", "registry"): ("az", "azure.ml", "x" * 34, "_azureml"),
    ("model", "name"): ("microsoft/Phi-4", "Phi-4.", "_Phi", "Phi 4"),
    ("model", "version"): ("newest", "v3", "01.2.3", "Latest", "'0'"),
    ("compute", "name"): ("gpu-cluster-1", "gp", "1gpu", "gpu_a100", "gpu.a100", "x" * 25, "-gpu"),
    ("compute", "size"): _SIZES,
    ("dataset", "huggingface"): ("a/b/c", "/ultrachat", "ultra chat", "hf://a/b", "a/"),
    ("dataset", "azureml"): ("bakery.orders", "_orders", "bakery orders", "bakery/orders"),
    ("dataset", "revision"): ("-main", "main^", "a b", "main~1"),
    ("dataset", "train"): (*_SPLIT, "10%"),
    ("dataset", "validation"): _HELD_OUT,
    ("dataset", "test"): _HELD_OUT,
    ("finetune", "component_version"): ("v0.0.82", "newest", "0.0.", "0..82"),
    ("register", "name"): ("Phi-3.5-mini", "_mine", "my model", "models/mine"),
    ("endpoint", "name"): _AZURE_NAME,
    ("baseline", "name"): _AZURE_NAME,
    ("baseline", "instance_type"): _SIZES,
    ("deployment", "name"): _AZURE_NAME,
    ("deployment", "instance_type"): _SIZES,
}

# The longest that a free text may be.
LONGEST: Mapping[Path, int] = {
    ("description",): 4096,
    ("register", "description"): 4096,
    ("endpoint", "description"): 4096,
    ("dataset", "path"): 1024,
    ("tags", "cost_center"): 256,
    ("tags", "owner"): 256,
    ("workspace", "resource_group"): 128,
    ("workspace", "workspace_name"): 128,
}

# What a recipe and its sections cannot do without; where `register` holds no name it is empty.
REQUIRED: Mapping[Path, tuple[str, ...]] = {
    (): ("version", "name", "model"),
    ("model",): ("name",),
    ("compute",): ("name", "size", "gpus_per_node"),
    ("dataset",): ("train", "test"),
    ("finetune",): ("task",),
    ("register",): ("name",),
    ("baseline",): ("instance_type",),
    ("deployment",): ("name", "instance_type"),
}

# Which sections say what, and which cannot stand without it.
NEEDED_BY: Mapping[str, tuple[str, ...]] = {
    "compute": ("finetune",),
    "dataset": ("finetune", "sample"),
    "finetune": ("register",),
    "register": ("deployment",),
    "endpoint": ("baseline", "deployment"),
    "deployment": ("baseline", "traffic", "sample"),
    "traffic": ("baseline", "sample"),
    "sample": ("baseline",),
}

# Sections whose keys a person may choose; a strange one there is no unknown key.
OPEN: frozenset[Path] = frozenset(
    {("tags",), ("traffic",), ("finetune", "parameters"), ("sample", "parameters")}
)

# Inputs of chat_completion_pipeline 0.0.82 (azureml-assets, 2026-07): their kinds, and a value just beyond.
WHOLE_PARAMETERS: Mapping[str, str | None] = {
    "num_train_epochs": "0",
    "num_nodes_finetune": "0",
    "per_device_train_batch_size": "0",
    "per_device_eval_batch_size": "-1",
    "gradient_accumulation_steps": "0",
    "lora_r": "0",
    "lora_alpha": "-4",
    "warmup_steps": "-1",
    "logging_steps": "0",
    "max_steps": None,
    "seed": None,
}
NUMBER_PARAMETERS: Mapping[str, str | None] = {
    "learning_rate": "-5e-6",
    "weight_decay": "-0.1",
    "lora_dropout": "1.0",
    "max_grad_norm": "-1",
    "adam_beta1": "1.5",
}
SWITCHES = frozenset({"apply_lora", "merge_lora_weights", "apply_deepspeed"})
ENUM_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "lr_scheduler_type": ("cosin", "Cosine", "linaer", "step"),
    "deepspeed_stage": ("1", "4", "two", "2.0"),
    "optim": ("adamw", "adamw-torch", "sgd"),
    "evaluation_strategy": ("no", "epochs", "Steps"),
    "logging_strategy": ("step", "none"),
    "precision": ("8", "bf16"),
}
