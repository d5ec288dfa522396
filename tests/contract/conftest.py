"""One emulator for all contract tests, the environment it asks for, and the genuine SDK on top.

Each test has a workspace of its own: on the emulator any workspace exists, and they share nothing.
"""

import os
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the SDK warns about its own use of marshmallow while it is imported
    from azure.ai.ml import MLClient
    from azure.identity import DefaultAzureCredential


from tests.emulator.emulated import FAKE_TRAINER, Emulated, running

CURRENT_CLOUD = "AZUREML_CURRENT_CLOUD"
SDKS_OWN_WARNINGS = (
    "ignore::marshmallow.warnings.RemovedInMarshmallow4Warning",
    "ignore:The use of a .BlobProperties. instance:DeprecationWarning",
    "ignore:content_as_bytes is deprecated:DeprecationWarning",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the SDK use what is deprecated elsewhere; every other warning stays an error."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            for warning in SDKS_OWN_WARNINGS:
                item.add_marker(pytest.mark.filterwarnings(warning))


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    state = tmp_path_factory.mktemp("emulator")
    with running(state, "--test-mode", "--trainer", FAKE_TRAINER) as emulated:
        yield emulated


@pytest.fixture(scope="module", autouse=True)
def _environment(emulator: Emulated) -> Iterator[None]:
    """Set what the announcement says, and leave nothing of it to the tests of other folders."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in emulator.info["env"].items():
            patch.setenv(name, value)
        patch.setenv("REQUESTS_CA_BUNDLE", emulator.info["ca_file"])  # 9 times faster to load than the bundle
        patch.setenv(CURRENT_CLOUD, "EmulatorCloud")  # the SDK sets it itself; so it is taken back
        yield


@pytest.fixture
def workspace() -> MLClient:
    return MLClient(
        DefaultAzureCredential(),
        os.environ["AZURE_SUBSCRIPTION_ID"],
        os.environ["AZURE_RESOURCE_GROUP"],
        f"ws-{uuid.uuid4().hex[:12]}",
    )


@pytest.fixture
def registry() -> MLClient:
    return MLClient(DefaultAzureCredential(), registry_name="azureml")
