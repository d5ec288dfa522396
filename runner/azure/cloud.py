"""One signed-in workspace with its registry: what the steps act through."""

import logging
import warnings
from dataclasses import dataclass

from azure.ai.ml import MLClient
from azure.core.credentials import TokenCredential

from runner.azure.addresses import remember_addresses
from runner.azure.assets import Assets
from runner.azure.compute import Computes
from runner.azure.credential import RenewableCredential
from runner.azure.endpoints import Endpoints
from runner.azure.jobs import Jobs
from runner.azure.metrics import Metrics
from runner.azure.registry import Registry, connect_registry
from runner.azure.rest import seen_twice, signed_in_client
from runner.azure.run_history import RunHistory
from runner.azure.scoring import Scoring
from runner.azure.sources import Sources
from runner.azure.storage import Storage
from runner.azure.translate import translated
from runner.azure.transport import NO_RETRIES, Transport
from runner.errors import CloudUnavailable, NotFound
from runner.facts import Target


@dataclass(frozen=True, kw_only=True, slots=True)
class Cloud:
    """Everything of one workspace and one registry that a run touches."""

    wire: Transport

    target: Target
    location: str
    computes: Computes
    assets: Assets
    storage: Storage
    sources: Sources
    jobs: Jobs
    history: RunHistory
    metrics: Metrics
    endpoints: Endpoints
    scoring: Scoring
    registry: Registry

    @property
    def retried(self) -> int:
        """Give how many requests were sent again so far."""
        return self.wire.retried

    def hurry(self) -> None:
        """Send nothing again from now on: the run is about to end."""
        self.wire.hurry()


def connect(
    target: Target, registry_name: str, credential: TokenCredential, *, wire: Transport | None = None
) -> Cloud:
    """Open both clients and prove that the workspace is there.

    One target a process: the SDK keeps its cloud in the process's environment. All requests go through
    `wire`, by default one that is patient and renews the credential's tokens.
    """
    _quiet()
    remember_addresses()
    credential = RenewableCredential.around(credential)
    wire = wire or Transport(credential)
    with translated("connecting to the workspace"):
        workspace = MLClient(
            credential,
            target.subscription_id,
            target.resource_group,
            target.workspace_name,
            enable_telemetry=False,
            show_progress=False,
            transport=wire,
            retry_total=NO_RETRIES,
        )
    registry = connect_registry(registry_name, credential, wire)
    client = signed_in_client(credential, target, wire)
    history = RunHistory(workspace, client, wire, target)
    return Cloud(
        wire=wire,
        target=target,
        location=_location(workspace, target, wire),
        computes=Computes(workspace),
        assets=Assets(workspace),
        storage=Storage(workspace, credential, wire),
        sources=Sources(workspace, credential, wire, target),
        jobs=Jobs(workspace, history),
        history=history,
        metrics=Metrics(history, client, wire),
        endpoints=Endpoints(workspace, client, target.resource_manager),
        scoring=Scoring(),
        registry=registry,
    )


def _location(workspace: MLClient, target: Target, wire: Transport) -> str:
    def look() -> str:
        with translated(f"reading workspace {target.workspace_name}"):
            return str(workspace.workspaces.get(target.workspace_name).location)

    try:
        return seen_twice(look, wire)
    except NotFound as error:
        raise CloudUnavailable(
            f"workspace {target.workspace_name} is not in resource group {target.resource_group}"
            f" of subscription {target.subscription_id}",
            hint="check the recipe's workspace section, and that the signed-in account may read it",
        ) from error


def _quiet() -> None:
    """Silence what the SDK prints about itself; and never let a library log an address with a signature."""
    warnings.filterwarnings("ignore", module=r"azure\.ai\.ml")
    for name in ("azure", "azure.ai.ml", "msrest", "urllib3", "marshmallow"):
        logging.getLogger(name).setLevel(logging.ERROR)
