"""A run that has been, written with the journal and the manifest as a run writes them; no cloud is asked."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from runner import manifest, manifest_file, metric_table
from runner.clock import SystemClock
from runner.journal import Event, Journal, Json
from runner.metric_table import Point

RUN_ID = "20261121T082300Z-small-1a2b"
RECIPE = "version: 1\nname: small\nmodel: {name: Phi-4}\n"
ROWS = {"train": b'{"messages": ["one"]}\n{"messages": ["two"]}\n', "test": b'{"messages": ["three"]}\n'}
POINTS = (
    Point(job="chat_completion_finetune", metric="loss", step=1, value=2.5, time="2026-11-21T08:23:10.000Z"),
    Point(job="chat_completion_finetune", metric="loss", step=2, value=2.0, time="2026-11-21T08:23:11.000Z"),
    Point(
        job="chat_completion_finetune",
        metric="train_runtime",
        step=2,
        value=1.25,
        time="2026-11-21T08:23:12.000Z",
    ),
)
ANSWERS = b'{"prompt": ["three?"], "answer": "canary-answer", "ground_truth": "3", "seconds": 0.1}\n'
WORKSPACE = "/subscriptions/sub/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/ws"
MODEL_FILE = {"bytes": 5, "sha256": hashlib.sha256(b"model").hexdigest()}


def past_run(home: Path, *, run_id: str = RUN_ID, parent: Json = None, status: str = "succeeded") -> Path:
    """Write a run with its recipe beside `runs/`, its rows, its table of metrics and its answers."""
    folder = home / "runs" / run_id
    (folder / "data").mkdir(parents=True)
    (home / "small.yaml").write_text(RECIPE, encoding="utf-8")
    for role, rows in ROWS.items():
        (folder / "data" / f"{role}.jsonl").write_bytes(rows)
    metric_table.write(POINTS, folder / metric_table.FILE_NAME)
    (folder / "samples.jsonl").write_bytes(ANSWERS)
    with Journal(folder / "journal.jsonl", SystemClock(), new=True) as journal:
        journal.append(Event.RUN_OPENED, data=_opening(run_id, parent))
        for step, intent, outputs in _steps():
            _carried_out(journal, step, intent, outputs)
        journal.append(Event.RUN_CLOSED, data={"status": status})
        manifest.write(manifest.fold(journal.records), folder / manifest.FILE_NAME)
    return folder


def copied(run: Path, home: Path) -> Path:
    """Copy a run with all around it: to write one anew would wait for the disk at each record."""
    shutil.copytree(run.parents[1], home, dirs_exist_ok=True)
    return home / "runs" / run.name


def sealed_again(folder: Path, change: Mapping[str, Json]) -> None:
    """Change the manifest as a person would who knows of the digest."""
    path = folder / manifest.FILE_NAME
    said = json.loads(path.read_bytes())
    for place, value in change.items():
        *above, last = place.split(".")
        inner = said
        for key in above:
            inner = inner[int(key) if isinstance(inner, list) else key]
        inner[last] = value
    manifest_file.write(said, path)


def _opening(run_id: str, parent: Json) -> Mapping[str, Json]:
    return {
        "run_id": run_id,
        "recipe": {
            "name": "small",
            "path": "small.yaml",
            "folder": "../..",
            "sha256": hashlib.sha256(RECIPE.encode()).hexdigest(),
            "text": RECIPE,
            "parts": [],
            "in_force": RECIPE,
        },
        "target": {
            "kind": "emulator",
            "subscription_id": "sub",
            "resource_group": "rg",
            "workspace_name": "ws",
            "registry": "azureml",
        },
        "versions": {
            "runner": "0.1.0",
            "azure-ai-ml": "1.35.2",
            "python": "3.11.7",
            "libraries": {"torch": "2.13.0"},
            "git": {"commit": "0123456789abcdef0123456789abcdef01234567", "dirty": True},
        },
        "pins": {
            "model": {"id": "azureml://registries/azureml/models/Phi-4/versions/7", "version": "7"},
            "component": {"name": "chat_completion_pipeline", "version": "0.0.82"},
        },
        "parameters": [
            {"name": "learning_rate", "value": 5e-6, "origin": "recipe", "detail": "small.yaml:4"},
        ],
        "parent": parent,
    }


def _steps() -> list[tuple[str, Mapping[str, Json], Mapping[str, Json]]]:
    assets = {role: _asset(role, rows) for role, rows in ROWS.items()}
    table = {"file": "metrics.csv", "points": len(POINTS), "sha256": metric_table.digest(POINTS)}
    answers = {"rows": 1, "exact": 0, "file": "samples.jsonl", "sha256": hashlib.sha256(ANSWERS).hexdigest()}
    model = {"id": f"{WORKSPACE}/models/small-chat/versions/3", "name": "small-chat", "version": "3"}
    return [
        ("dataset", {"name": "small-*", "assets": assets}, {"name": "small-*", "assets": assets}),
        ("compute", {"name": "gpu"}, {"id": f"{WORKSPACE}/computes/gpu", "name": "gpu"}),
        ("finetune", {"name": f"{RUN_ID}-1"}, {"table": table, "files": {"model.safetensors": MODEL_FILE}}),
        ("register", {"name": "small-chat", "version": "3"}, model),
        ("sample", {"name": "samples.jsonl", "rows": 1}, answers),
    ]


def _asset(role: str, rows: bytes) -> Mapping[str, Json]:
    sha256 = hashlib.sha256(rows).hexdigest()
    return {
        "name": f"small-{role}",
        "version": sha256[:16],
        "file": f"data/{role}.jsonl",
        "sha256": sha256,
        "rows": rows.count(b"\n"),
        "bytes": len(rows),
    }


def _carried_out(
    journal: Journal, step: str, intent: Mapping[str, Json], outputs: Mapping[str, Json]
) -> None:
    action = "read" if step == "sample" else "create"
    told = {"action": action, "intent": intent, "kind": step, "bills": step == "compute"}
    metrics = {"loss": 2.0} if step == "finetune" else {}
    journal.append(Event.STEP_STARTED, step=step, data={"action": action})
    if action == "create":
        journal.append(Event.INTENT, step=step, data=told)
    journal.append(Event.DONE, step=step, data={**told, "outputs": outputs, "metrics": metrics})
