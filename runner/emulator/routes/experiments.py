"""The workspace's experiments as MLflow reads them, and the runs of each.

An experiment is there once a job names it. Its id is its name, as in the emulator's run history.
"""

import re
from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runner.emulator.cloud import Cloud, cloud_of
from runner.emulator.errors import TrackingError
from runner.emulator.routes.metrics import invalid, paged, tracked
from runner.emulator.runs import RunRef
from runner.emulator.store import Document, Kind
from runner.emulator.wire import read_json
from runner.emulator.workspace import Workspace

_MOST_RUNS = 50_000
_TAG_IS = re.compile(r"""\s*tags\.[`"]?([\w.\-]+)[`"]?\s*=\s*['"]([^'"]*)['"]\s*""")


async def get(request: Request) -> Response:
    """Answer an experiment by its id."""
    return _experiment(request, request.query_params.get("experiment_id", ""), "experiment_id")


async def get_by_name(request: Request) -> Response:
    """Answer an experiment by its name."""
    return _experiment(request, request.query_params.get("experiment_name", ""), "experiment_name")


async def search_runs(request: Request) -> Response:
    """Answer the runs of experiments, newest first; of filters, tags that equal a value are known."""
    cloud, workspace, asked = cloud_of(request), Workspace.of(request), await read_json(request)
    wanted = {str(each) for each in asked.get("experiment_ids") or []}
    tags = _asked_tags(str(asked.get("filter") or ""))
    if asked.get("order_by"):
        raise invalid("The emulator orders runs by their making, newest first, and by nothing else.")
    found = [
        tracked(cloud, RunRef(workspace, run["runId"]))
        for run in reversed(_runs(cloud, workspace))
        if run["experiment"] in wanted
    ]
    shown, rest = paged(list(_with_tags(found, tags)), asked, _MOST_RUNS)
    return JSONResponse({"runs": shown, **rest})


def _experiment(request: Request, name: str, parameter: str) -> Response:
    if not name:
        raise invalid(f"Missing value for required parameter '{parameter}'.")
    if all(run["experiment"] != name for run in _runs(cloud_of(request), Workspace.of(request))):
        message = f"Could not find experiment with {parameter} {name}"
        raise TrackingError(404, "RESOURCE_DOES_NOT_EXIST", message)
    told = {"experiment_id": name, "name": name, "artifact_location": "", "lifecycle_stage": "active"}
    return JSONResponse({"experiment": {**told, "tags": []}})


def _runs(cloud: Cloud, workspace: Workspace) -> list[Document]:
    return cloud.store.below(Kind.RUN, workspace.resource("runs") + "/")


def _asked_tags(text: str) -> Document:
    """Read a filter such as `tags.mlflow.parentRunId = 'x' and tags.a = 'b'`."""
    clauses = re.split(r"\s+and\s+", text, flags=re.IGNORECASE) if text.strip() else []
    read = [_TAG_IS.fullmatch(clause) for clause in clauses]
    if not all(read):
        raise invalid("The emulator filters runs by tags that equal a value, and by nothing else.")
    return {each[1]: each[2] for each in read if each}


def _with_tags(runs: Iterable[Document], tags: Document) -> Iterable[Document]:
    for run in runs:
        told = {each["key"]: each["value"] for each in run["data"]["tags"]}
        if tags.items() <= told.items():
            yield run
