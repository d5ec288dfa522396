"""What several rooms' tests begin with: the record that opens a run, and a run to carry out."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from runner.clock import SystemClock
from runner.journal import Journal, Json
from tests.unit.bench import Bench, new_bench


@pytest.fixture
def opening() -> Mapping[str, Json]:
    return {
        "run_id": "20261121T082300Z-small-1a2b",
        "recipe": {"name": "small", "path": "small.yaml", "sha256": "0" * 64, "text": "version: 1\n"},
        "target": {
            "kind": "emulator",
            "subscription_id": "sub",
            "resource_group": "rg",
            "workspace_name": "ws",
            "registry": "azureml",
        },
        "versions": {"runner": "0.1.0", "azure-ai-ml": "1.35.2", "python": "3.11.7", "git": None},
        "pins": {"model": None, "component": None},
        "parameters": [],
    }


@pytest.fixture
def bench(tmp_path: Path, opening: Mapping[str, Json], monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with Journal(tmp_path / "journal.jsonl", SystemClock(), new=True) as journal:
        yield new_bench(tmp_path, journal, opening, monkeypatch)
