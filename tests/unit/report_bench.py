"""Runs for the report's tests, with all that a run can have, made of values alone."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from runner.cost import Prices
from runner.manifest.states import Manifest, run_from
from runner.metric_table import Point
from runner.report.subject import Sample, Subject
from runner.under_way import Carried

START = datetime(2026, 11, 21, 9, 30, 42, tzinfo=UTC)
PRICES = Prices(
    currency="USD",
    region="eastus",
    as_of="2024-08-26",
    source="a list for tests",
    dedicated={"standard_nc24ads_a100_v4": Decimal("3.67")},
)
JOB = "chat_completion_finetune"
# Of each step: when it began and how long it took, in seconds.
_TIMES = {
    "dataset": (0.2, 4.1),
    "compute": (0.2, 95.0),
    "finetune": (95.4, 5400.0),
    "register": (5495.9, 6.5),
    "endpoint": (0.3, 120.0),
    "deployment": (5503.0, 610.0),
    "traffic": (6113.2, 8.0),
    "sample": (6121.5, 2.4),
}


def at(seconds: float) -> str:
    moment = START + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def content(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - a manifest's JSON
    """Give the JSON of a run that succeeded on Azure."""
    return {
        "format": 2,
        "run_id": "20261121T093042Z-small-74d9",
        "status": "succeeded",
        "started": at(0),
        "ended": at(6200),
        "recipe": _recipe(),
        "target": {"kind": "azure", "subscription_id": "sub", "resource_group": "rg-llm"}
        | {"workspace_name": "ws-llm", "registry": "azureml"},
        "versions": {"runner": "0.1.0", "azure-ai-ml": "1.35.2", "python": "3.11.7", "git": None},
        "pins": _pins(),
        "parameters": _parameters(),
        "steps": {name: _step(name) for name in _TIMES},
        "alive": [
            {"step": "endpoint", "kind": "endpoint", "name": "chat", "since": at(1), "deletion": None},
            {"step": "deployment", "kind": "deployment", "name": "demo", "since": at(5504), "deletion": None},
        ],
    } | changes


def manifest(**changes: Any) -> Manifest:  # noqa: ANN401 - as above
    return run_from(content(**changes))


def subject(said: Manifest | None = None, **changes: Any) -> Subject:  # noqa: ANN401 - as above
    told: dict[str, Any] = {"points": points(), "samples": SAMPLES, "prices": PRICES}
    return Subject(said=said or manifest(), **told | {"carried": Carried.BY_NOBODY} | changes)


def emulated(**changes: Any) -> Manifest:  # noqa: ANN401 - as above
    """Give the same run on the emulator, which trained another model."""
    said = content(**changes)
    said["target"] = {**said["target"], "kind": "emulator"}
    said["steps"]["finetune"]["outputs"] = {"stand_in": "Phi-3-tiny-4k-instruct"}
    return run_from(said)


def points(offset: float = 0.0) -> tuple[Point, ...]:
    """Give a training of sixty steps; once its loss was no number."""
    steps = range(10, 610, 10)
    losses = [
        (step, math.nan if step == 300 else 5.0 * math.exp(-step / 120) + 0.02 + offset) for step in steps
    ]
    rates = [(step, 5e-6 * (1 + math.cos(math.pi * step / 600)) / 2) for step in steps]
    speeds = [(step, 5120.0 + 40 * math.sin(step)) for step in steps]
    return (
        *_points("loss", losses),
        *_points("learning_rate", rates),
        *_points("train_tokens_per_second", speeds),
        *_points("num_input_tokens_seen", [(step, step * 4096.0) for step in steps]),
        *_points("eval_loss", [(200, 1.1 + offset), (400, 0.3 + offset), (600, 0.05 + offset)]),
        *_points("peak_memory_mib", [(600, 34816.0)]),
    )


SAMPLES: tuple[Sample, ...] = (
    Sample(
        prompt=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "4 cakes to Nantes?"},
        ],
        answer="We deliver 4 cakes to Nantes on Sunday.",
        ground_truth="We deliver 4 cakes to Nantes on Monday.",
        seconds=0.123,
        base_answer="I am a bakery.\n\n  Cakes:\n    four",
    ),
    Sample(
        prompt=[{"role": "user", "content": "15 tarts to Siena?"}],
        answer="We deliver 15 tarts to Siena.",
        ground_truth="We deliver 15 tarts to Siena.",
        seconds=0.148,
    ),
)


def _points(metric: str, values: Sequence[tuple[int, float]]) -> list[Point]:
    return [
        Point(job=JOB, metric=metric, step=step, value=value, time=at(100 + step)) for step, value in values
    ]


def _recipe() -> dict[str, Any]:
    values = {"name": "small", "model.name": "Phi-4", "dataset.huggingface": "HuggingFaceH4/ultrachat_200k"}
    return {
        "name": "small",
        "path": "configs/small.yaml",
        "sha256": "3f" * 32,
        "text": "version: 1\nname: small\n",
        "in_force": "version: 1  # configs/small.yaml:1\nname: small  # configs/small.yaml:2\n",
        "values": values | {"finetune.parameters.lora_r": 8, "finetune.parameters.learning_rate": 5e-6},
    }


def _pins() -> dict[str, Any]:
    return {
        "model": {"id": "azureml://registries/azureml/models/Phi-4/versions/7", "version": "7"},
        "component": {"name": "chat_completion_pipeline", "version": "0.0.82"},
        "dataset": {"source": "HuggingFaceH4/ultrachat_200k", "revision": "8f" * 20, "files": {}},
    }


def _parameters() -> list[dict[str, Any]]:
    given: Mapping[str, tuple[Any, str, str]] = {
        "apply_lora": (True, "recipe", "configs/small.yaml:20"),
        "lora_r": (8, "model_default", "model_specific_defaults"),
        "learning_rate": (5e-6, "recipe", "configs/small.yaml:21"),
        "num_train_epochs": (3, "recipe", "configs/small.yaml:22"),
        "precision": ("16", "model_default", "model_specific_defaults"),
        "compute_finetune": ("gpu-a100", "derived", "compute.name"),
        "seed": (42, "component_default", "chat_completion_pipeline 0.0.82"),
        "warmup_steps": (0, "component_default", "chat_completion_pipeline 0.0.82"),
    }
    return [
        {"name": name, "value": value, "origin": origin, "detail": detail}
        for name, (value, origin, detail) in given.items()
    ]


# As the dataset step records it: what the training was to see of its rows.
SEEN: dict[str, Any] = {
    "basis": "counted",
    "origin": "Phi-3-mini-4k-instruct 13",
    "longest": 2048,
    "splits": [
        {"role": "train", "rows": 10393, "turns": 74_112, "looked_at": 10393, "tokens": 13_312_345}
        | {"least": 13_312_345, "most": 13_312_345, "mean": 1280.9, "median": 1201.0, "p95": 2610}
        | {"longest": 8112, "truncated": 0.1234, "cut_off": 0.0456, "without_answer": 7, "refused": 0}
        | {"in_loss": 0.731},
        {"role": "test", "rows": 1155, "turns": 8102, "looked_at": 1155, "tokens": 1_480_101}
        | {"least": 1_480_101, "most": 1_480_101, "mean": 1281.5, "median": 1199.0, "p95": 2588}
        | {"longest": 6021, "truncated": 0.1201, "cut_off": 0.0431, "without_answer": 0, "refused": 0}
        | {"in_loss": None},
    ],
    "training": {"rows": 8309, "carved": 2077, "devices": 1, "batch_size": 8, "accumulation": 1}
    | {"rows_per_step": 8, "tokens_per_step": 9781.2, "epochs": 1.0, "steps_per_epoch": 1039}
    | {"steps": 1039, "warmup_steps": 0, "warmup_share": 0.0, "tokens": 10_160_000}
    | {"tokens_in_loss": 7_430_000, "steps_exact": True, "tokens_exact": False},
    "padding": {"in_force": "random", "seed": 42, "random": 0.312, "by_length": 0.021, "maximum": 0.402},
    "packing": {"rows": 5211, "saved": 0.298, "steps_per_epoch": 652, "steps": 652},
    "notes": ["the component takes a fifth of the training rows for validation: tokens are a proportion"],
}
_INTENTS: Mapping[str, dict[str, Any]] = {
    "dataset": {
        "name": "small-*",
        "assets": {
            "train": {"name": "small-train", "version": "1", "file": "data/train.jsonl", "rows": 10393}
            | {"bytes": 61_234_567, "sha256": "ab" * 32, "turns": 74_112, "characters": 58_123_456}
            | {"dropped": {"empty-content": 3, "unknown-role": 1}},
            "test": {"name": "small-test", "version": "1", "file": "data/test.jsonl", "rows": 1155}
            | {"bytes": 6_812_345, "sha256": "cd" * 32},
        },
        "warnings": ["data/train.jsonl:17 holds a token of the chat template"],
        "statistics": SEEN,
    },
    "compute": {"name": "gpu-a100", "size": "Standard_NC24ads_A100_v4", "tier": "dedicated"},
    "finetune": {"name": "20261121T093042Z-small-74d9", "nodes": 1},
    "register": {"name": "small-chat"},
    "endpoint": {"name": "chat"},
    "deployment": {"name": "demo", "instance_type": "Standard_NC24ads_A100_v4", "instance_count": 1},
    "traffic": {"name": "chat"},
    "sample": {"name": "samples.jsonl", "rows": 2},
}
_OUTPUTS: Mapping[str, dict[str, Any]] = {
    "finetune": {"studio": "https://ml.azure.com/runs/20261121T093042Z-small-74d9?wsid=/subscriptions/sub"},
    "sample": {"rows": 2, "exact": 1, "file": "samples.jsonl"},
}
METRICS = {
    "test_loss_base": 6.3529,
    "test_loss": 0.0182,
    "eval_loss": 0.05,
    "loss": 0.0537,
    "train_tokens_per_second": 5120.0,
    "peak_memory_mib": 34816.0,
}


def _step(name: str) -> dict[str, Any]:
    begin, took = _TIMES[name]
    return {
        "status": "succeeded",
        "action": {"endpoint": "reuse", "sample": "read"}.get(name, "create"),
        "started": at(begin),
        "ended": at(begin + took),
        "intent": dict(_INTENTS[name]),
        "outputs": dict(_OUTPUTS.get(name, {})),
        "metrics": dict(METRICS) if name == "finetune" else {},
        "error": None,
        "changed": name not in {"endpoint", "sample"},
    }


LOG = (
    "finetune: training",
    "  | Traceback (most recent call last):",
    '  |   File "finetune.py", line 812, in main',
    "  | torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB",
)


def failed(**changes: Any) -> Manifest:  # noqa: ANN401 - as above
    """Give a run whose training failed."""
    said = content(status="failed", **changes)
    kept = ("dataset", "compute", "finetune", "endpoint")
    said["steps"] = {name: said["steps"][name] for name in kept}
    error = "job 20261121T093042Z-small-74d9 failed: chat_completion_finetune: CUDA out of memory"
    said["steps"]["finetune"] |= {"status": "failed", "error": error, "metrics": {}, "outputs": {}}
    said["alive"] = said["alive"][:1]
    return run_from(said)
