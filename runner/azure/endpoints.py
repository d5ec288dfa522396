"""Online endpoints and their deployments."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from azure.ai.ml import MLClient
from azure.ai.ml.entities import (
    IdentityConfiguration,
    ManagedIdentityConfiguration,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    OnlineDeployment,
    OnlineEndpoint,
    OnlineRequestSettings,
    ProbeSettings,
)
from azure.core import PipelineClient
from azure.core.rest import HttpRequest

from runner import recipe
from runner.azure.rest import cancelled, created, provisioning
from runner.azure.translate import mend, translated, word
from runner.errors import NotFound, RunnerError, StepFailed
from runner.facts import DeploymentState, EndpointState, Provisioning, Resource, ResourceKind
from runner.redact import register

_OPERATION = "AzureAsyncOperationUri"


class Endpoints:
    """Online endpoints of one workspace."""

    def __init__(self, workspace: MLClient, client: PipelineClient[Any, Any], resource_manager: str) -> None:
        self._workspace = workspace
        self._client = client
        self._resource_manager = resource_manager

    def get(self, name: str) -> EndpointState | None:
        """Look at an endpoint; None if there is none."""
        try:
            with translated(f"reading endpoint {name}"):
                endpoint = self._workspace.online_endpoints.get(name)
        except NotFound:
            return None
        return EndpointState(
            id=str(endpoint.id),
            name=str(endpoint.name),
            provisioning=provisioning(endpoint.provisioning_state),
            auth_mode=word(endpoint.auth_mode),
            identity_type=word(endpoint.identity.type) if endpoint.identity else "",
            user_assigned_identities=_ids(endpoint.identity),
            scoring_uri=str(endpoint.scoring_uri or ""),
            traffic={key: int(share) for key, share in (endpoint.traffic or {}).items()},
            error=self._error(endpoint.provisioning_state, endpoint.properties),
            tags=dict(endpoint.tags or {}),
        )

    def create(
        self, name: str, section: recipe.Endpoint, *, description: str | None, tags: Mapping[str, str]
    ) -> None:
        """Ask for an endpoint; whether it came is only known by `get`."""
        with translated(f"creating endpoint {name}"):
            self._workspace.online_endpoints.begin_create_or_update(
                ManagedOnlineEndpoint(
                    name=name,
                    auth_mode=section.auth_mode,
                    description=description,
                    identity=_identity(section.identity),
                    tags=dict(tags),
                )
            )

    def route(self, name: str, traffic: Mapping[str, int]) -> None:
        """Ask for another split of traffic; everything else of the endpoint stays as it is."""
        with translated(f"routing traffic of endpoint {name}"):
            endpoint = self._workspace.online_endpoints.get(name)
            endpoint.traffic = dict(traffic)
            self._workspace.online_endpoints.begin_create_or_update(endpoint)

    def delete(self, name: str) -> None:
        """Ask for an endpoint's deletion with all its deployments; one that is gone already is fine."""
        try:
            with translated(f"deleting endpoint {name}"):
                self._workspace.online_endpoints.begin_delete(name)
        except NotFound:
            return

    def key(self, name: str) -> str:
        """Give what callers show the endpoint, each registered as a secret the moment it is here.

        By the endpoint's mode a key, a token of Azure ML, or one that the signed-in account gets from Entra
        for https://ml.azure.com. Tokens end: ask anew for each use, whoever gives them keeps them for us.
        """
        with translated(f"reading the key of endpoint {name}"):
            given = self._workspace.online_endpoints.get_keys(name)
        secrets = [getattr(given, each, None) for each in ("primary_key", "access_token", "secondary_key")]
        held = [register(str(secret)) for secret in secrets if secret]
        if not held:
            raise StepFailed(f"reading the key of endpoint {name}: the service gave neither key nor token")
        return held[0]

    def deployment(self, endpoint: str, name: str) -> DeploymentState | None:
        """Look at a deployment; None if it, or its endpoint, is not there."""
        try:
            with translated(f"reading deployment {name}"):
                found = self._workspace.online_deployments.get(name, endpoint)
        except NotFound:
            return None
        return DeploymentState(
            id=str(found.id),
            name=str(found.name),
            provisioning=provisioning(found.provisioning_state),
            model=str(found.model or ""),
            instance_type=str(found.instance_type or ""),
            instance_count=int(found.instance_count or 0),
            error=self._error(found.provisioning_state, found.properties),
            tags=dict(found.tags or {}),
        )

    def deploy(
        self,
        endpoint: str,
        section: recipe.Deployment,
        *,
        model: str,
        description: str | None,
        tags: Mapping[str, str],
    ) -> None:
        """Ask for a deployment of a registered model; whether it came is only known by `deployment`."""
        with translated(f"creating deployment {section.name}"):
            self._workspace.online_deployments.begin_create_or_update(
                ManagedOnlineDeployment(
                    name=section.name,
                    endpoint_name=endpoint,
                    model=model,
                    description=description,
                    instance_type=section.instance_type,
                    instance_count=section.instance_count,
                    liveness_probe=_probe(section.liveness_probe),
                    readiness_probe=_probe(section.readiness_probe),
                    request_settings=OnlineRequestSettings(
                        request_timeout_ms=section.request_timeout_ms,
                        max_concurrent_requests_per_instance=section.max_concurrent_requests_per_instance,
                    ),
                    tags=dict(tags),
                )
            )

    def undeploy(self, endpoint: str, name: str) -> None:
        """Ask for a deployment's deletion; one that is gone already is fine."""
        try:
            with translated(f"deleting deployment {name}"):
                self._workspace.online_deployments.begin_delete(name, endpoint)
        except NotFound:
            return

    def container_log(self, endpoint: str, name: str, lines: int) -> str:
        """Give the last lines a deployment's container wrote, "" if there are none."""
        try:
            with translated(f"reading the log of deployment {name}"):
                return str(self._workspace.online_deployments.get_logs(name, endpoint, lines) or "")
        except NotFound:
            return ""

    def listed(self, name: str) -> bool:
        """Tell from the workspace's list, page by page, whether an endpoint is there."""
        return any(each.name.lower() == name.lower() for each in self.all())

    def all(self) -> tuple[Resource, ...]:
        """Give every online endpoint of the workspace, whoever made it."""
        with translated("listing the endpoints"):
            return tuple(_endpoint(each) for each in self._workspace.online_endpoints.list())

    def deployment_listed(self, endpoint: str, name: str) -> bool:
        """Tell from the endpoint's list whether a deployment is there; without the endpoint it is not."""
        return any(each.name.lower() == name.lower() for each in self.deployments(endpoint))

    def deployments(self, endpoint: str) -> tuple[Resource, ...]:
        """Give every deployment of an endpoint, none if there is no such endpoint."""
        try:
            with translated(f"listing the deployments of endpoint {endpoint}"):
                found = self._workspace.online_deployments.list(endpoint)
                return tuple(_deployment(endpoint, each) for each in found)
        except NotFound:
            return ()

    def _error(self, state: object, properties: Mapping[str, str] | None) -> str:
        """Fetch why a resource failed: the resource does not say, its last operation does."""
        if provisioning(state) is not Provisioning.FAILED:
            return ""
        address = (properties or {}).get(_OPERATION)
        told = self._operation(str(address)) if address and self._is_arms(str(address)) else {}
        error = told.get("error") or {}
        reason = ": ".join(str(error[key]) for key in ("code", "message") if error.get(key))
        cure = mend(reason)
        said = f"{reason} ({cure})" if cure else reason
        return said or cancelled(told.get("status")) or cancelled(state)

    def _is_arms(self, address: str) -> bool:
        """Tell whether an address may be shown our token: a resource's properties are anybody's to write."""
        return urlsplit(address)[:2] == urlsplit(self._resource_manager)[:2]

    def _operation(self, address: str) -> Mapping[str, Any]:
        """Read an operation, {} if that fails: that it ended badly is known without it."""
        try:
            with translated("reading the failed operation"):
                request = HttpRequest("GET", address, headers={"Accept": "application/json"})
                response = self._client.send_request(request)
                body = response.json() if response.status_code == 200 else {}  # noqa: PLR2004 - HTTP's own
        except RunnerError:
            return {}
        return body if isinstance(body, Mapping) else {}


def _endpoint(endpoint: OnlineEndpoint) -> Resource:
    return Resource(
        kind=ResourceKind.ENDPOINT,
        name=str(endpoint.name),
        id=str(endpoint.id),
        status=word(endpoint.provisioning_state),
        created=created(endpoint),
        traffic={key: int(share) for key, share in (endpoint.traffic or {}).items()},
        tags=dict(endpoint.tags or {}),
    )


def _deployment(endpoint: str, deployment: OnlineDeployment) -> Resource:
    return Resource(
        kind=ResourceKind.DEPLOYMENT,
        name=str(deployment.name),
        id=str(deployment.id),
        status=word(deployment.provisioning_state),
        parent=endpoint,
        created=created(deployment),
        instance_type=str(getattr(deployment, "instance_type", "") or ""),
        instance_count=int(getattr(deployment, "instance_count", 0) or 0),
        tags=dict(deployment.tags or {}),
    )


def _identity(section: recipe.Identity | None) -> IdentityConfiguration | None:
    """Give the SDK's identity; without one it asks for one that Azure makes."""
    if section is None:
        return None
    own = [ManagedIdentityConfiguration(resource_id=each) for each in section.user_assigned_identities]
    return IdentityConfiguration(type=section.type.value, user_assigned_identities=own or None)


def _ids(identity: IdentityConfiguration | None) -> tuple[str, ...]:
    own = identity.user_assigned_identities if identity else None
    return tuple(str(each.resource_id) for each in own or ())


def _probe(section: recipe.Probe | None) -> ProbeSettings | None:
    if section is None:
        return None
    return ProbeSettings(
        initial_delay=section.initial_delay,
        period=section.period,
        timeout=section.timeout,
        success_threshold=section.success_threshold,
        failure_threshold=section.failure_threshold,
    )
