"""What several rooms' tests begin with: the record that opens a run."""

from collections.abc import Mapping

import pytest

from runner.journal import Json


@pytest.fixture
def opening() -> Mapping[str, Json]:
    return {
        "run_id": "20261121T082300Z-small-1a2b",
        "recipe": {"path": "small.yaml", "sha256": "0" * 64, "text": "version: 1\n"},
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
