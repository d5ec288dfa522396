"""What a running job says of itself: its tree of child runs, their logs and metrics.

Run history and the workspace's MLflow tracking address are REST services without a public method in
azure-ai-ml; these are the few GETs of them that following a job takes. `jobs.stream` is not used: it writes
to stdout, sleeps up to a minute and calls a cancelled job a success.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from azure.ai.ml import MLClient
from azure.core import PipelineClient
from azure.core.rest import HttpRequest

from runner.azure.translate import translated
from runner.azure.transport import Transport
from runner.errors import NotFound
from runner.facts import ChildRun, Target
from runner.redact import printable, redact

_LOG_PREFIX = "user_logs/std_log"
_LEVELS = 2


class RunHistory:
    """Run history of one workspace. It is for showing, and decides one thing only: why a job ended."""

    def __init__(
        self, workspace: MLClient, client: PipelineClient[Any, Any], wire: Transport, target: Target
    ) -> None:
        self._workspace = workspace
        self._workspace_name = target.workspace_name
        self._scope = target.workspace_id
        self._client = client
        # Log addresses carry their own signature: the bearer token is not for them.
        self._anonymous: PipelineClient[Any, Any] = PipelineClient("", policies=[], transport=wire)
        self._address = ""

    def descendants(self, run_id: str) -> tuple[ChildRun, ...]:
        """Give the runs below a job: its nodes, and a component node's own children."""
        return tuple(self._walk(run_id, _LEVELS))

    def log(self, run_id: str) -> str:
        """Give a run's log so far, "" if it has none yet."""
        details = self._get(f"{self._api()}/history/v1.0{self._scope}/runs/{run_id}/details")
        files = details.get("logFiles") or {}
        urls = [url for name, url in sorted(files.items()) if name.startswith(_LOG_PREFIX)]
        return "".join(self._text(str(url)) for url in urls)

    def errors(self, run_id: str) -> tuple[str, ...]:
        """Give what a job and the runs below it say of their failures."""
        details = self._get(f"{self._api()}/history/v1.0{self._scope}/runs/{run_id}/details")
        below = (child.error for child in self.descendants(run_id))
        return tuple(printable(redact(each)) for each in (_error(details), *below) if each)

    def metrics(self, run_id: str) -> Mapping[str, float]:
        """Give the newest value of each metric of a run."""
        answer = self._get(f"{self.tracking_address()}/api/2.0/mlflow/runs/get?run_id={run_id}")
        listed = ((answer.get("run") or {}).get("data") or {}).get("metrics") or []
        values = {str(metric["key"]): float(metric["value"]) for metric in listed}
        # A diverged loss is NaN, which no JSON holds: it is left out rather than made up.
        return {key: value for key, value in values.items() if math.isfinite(value)}

    def output_asset(self, run_id: str, output: str) -> str | None:
        """Give the asset a run's output became, None if it has none: a job's own GET does not say."""
        body = {"runId": run_id, "selectRunMetadata": True}
        request = HttpRequest("POST", f"{self._api()}/history/v1.0{self._scope}/rundata", json=body)
        outputs = (self._json(request).get("runMetadata") or {}).get("outputs") or {}
        asset = (outputs.get(output) or {}).get("assetId")
        return str(asset) if asset else None

    def output_uri(self, asset: str) -> str | None:
        """Give where an output's asset lies, as a datastore URI; None if the service does not know it."""
        url = f"{self._api()}/data/v1.0{self._scope}/dataversion/batchGetResolvedUris"
        values = self._json(HttpRequest("POST", url, json={"values": [asset]})).get("values") or {}
        uri = (values.get(asset) or {}).get("uri")
        return str(uri) if uri else None

    def _walk(self, run_id: str, levels: int) -> Iterator[ChildRun]:
        answer = self._get(f"{self._api()}/history/v1.0{self._scope}/runs/{run_id}/children")
        for run in answer.get("value") or []:
            yield _child(run)
            if levels > 1:
                yield from self._walk(str(run["runId"]), levels - 1)

    def _api(self) -> str:
        """Give the region's API host, which the tracking address is on, too."""
        return f"https://{urlsplit(self.tracking_address()).netloc}"

    def tracking_address(self) -> str:
        """Find the workspace's MLflow tracking address, once, in the form that plain HTTPS takes."""
        if not self._address:
            with translated("reading the workspace's tracking address"):
                workspace = self._workspace.workspaces.get(self._workspace_name)
            told = urlsplit(str(workspace.mlflow_tracking_uri))
            self._address = f"https://{told.netloc}{told.path.rstrip('/')}"
        return self._address

    def _get(self, url: str) -> Mapping[str, Any]:
        return self._json(HttpRequest("GET", url))

    def _json(self, request: HttpRequest) -> Mapping[str, Any]:
        request.headers["Accept"] = "application/json"
        try:
            with translated("reading the job's run history"):
                response = self._client.send_request(request)
                response.raise_for_status()
                answer: Mapping[str, Any] = response.json()
                return answer
        except NotFound:  # a run that has only been queued has no history yet
            return {}

    def _text(self, url: str) -> str:
        with translated("reading the job's log"):
            response = self._anonymous.send_request(HttpRequest("GET", url))
            return response.text() if response.status_code == 200 else ""  # noqa: PLR2004 - HTTP's own number


def _child(run: Mapping[str, Any]) -> ChildRun:
    properties = run.get("properties") or {}
    return ChildRun(
        run_id=str(run["runId"]),
        name=str(properties.get("azureml.moduleName") or run.get("displayName") or run["runId"]),
        status=str(run.get("status") or ""),
        error=_error(run),
    )


def _error(run: Mapping[str, Any]) -> str:
    return str(((run.get("error") or {}).get("error") or {}).get("message") or "")
