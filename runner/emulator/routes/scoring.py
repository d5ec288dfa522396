"""The inference front door: who may score, which deployment answers, and how its failures look."""

import random
import time
import uuid

from starlette.requests import Request
from starlette.responses import Response

from runner.emulator import endpoint_rules
from runner.emulator.access import bearer
from runner.emulator.cloud import Cloud, cloud_of
from runner.emulator.errors import ArmError
from runner.emulator.routes import deployments, endpoints
from runner.emulator.serving import Answer
from runner.emulator.settings import AML_AUDIENCE
from runner.emulator.store import Document, Kind
from runner.emulator.tokens import same
from runner.emulator.wire import read_bytes

MAX_BYTES = 10 * 1024 * 1024
_AUDIENCES = {AML_AUDIENCE, "https://ml.azure.com"}  # the SDK asks for the latter whatever its cloud


async def score(request: Request) -> Response:
    """Hand a request to a deployment, and its answer back."""
    cloud = cloud_of(request)
    endpoint = _endpoint(cloud, request.path_params["endpoint"])
    _check_key(cloud, request, endpoint)
    deployment = _choose(cloud, endpoint, request.headers.get("azureml-model-deployment", ""))
    body = await read_bytes(request, MAX_BYTES)
    await deployments.ensure_serving(cloud, deployment)
    settings = deployment["settled"]["requestSettings"]
    limit = 2 * settings["maxConcurrentRequestsPerInstance"] * deployment["sku"]["capacity"]
    seconds = endpoint_rules.seconds(settings["requestTimeout"])
    began = time.perf_counter()
    answer = await cloud.serving.score(deployment["id"], body, limit=limit, seconds=seconds)
    return _response(answer, deployment["name"], (time.perf_counter() - began) * 1000)


def _endpoint(cloud: Cloud, name: str) -> Document:
    for document in cloud.store.below(Kind.ENDPOINT):
        if document["name"].lower() == name.lower():
            return document
    raise ArmError(404, "NotFound", f"There is no endpoint {name}.")


def _check_key(cloud: Cloud, request: Request, endpoint: Document) -> None:
    """Let in who has a key or a token of this endpoint, as its mode says."""
    given, mode = bearer(request), endpoint["properties"]["authMode"]
    if mode == "Key":
        keys = cloud.store.get(Kind.KEYS, endpoint["id"]) or {}
        allowed = any([same(given, key) for key in keys.values()])  # noqa: C419 - both are compared, always
    else:
        audience = (cloud.tokens.claims(given) or {}).get("aud")
        allowed = audience in (_AUDIENCES if mode == "AADToken" else {endpoint["id"].lower()})
    if not allowed:
        raise ArmError(401, "key_auth_bad_header", "The key or token is missing, expired or wrong.")


def _choose(cloud: Cloud, endpoint: Document, wanted: str) -> Document:
    """Return the deployment that the header names, or draw one by traffic."""
    candidates = {document["name"]: document for document in endpoints.deployments(cloud, endpoint["id"])}
    if wanted:
        if wanted.lower() not in candidates:
            raise ArmError(404, "NotFound", f"The endpoint has no deployment {wanted}.")
        return candidates[wanted.lower()]
    weights = {
        name: share
        for name, share in endpoint["properties"]["traffic"].items()
        if share and name in candidates
    }
    if not weights:
        raise ArmError(404, "NotFound", "No deployment of this endpoint has traffic.")
    name = random.choices(list(weights), list(weights.values()))[0]  # noqa: S311 - a load balancer, no secret
    return candidates[name]


def _response(answer: Answer, deployment: str, milliseconds: float) -> Response:
    headers = {
        "azureml-model-deployment": deployment,
        "Server": "azureml-frontdoor",
        "X-Request-ID": str(uuid.uuid4()),
        "x-ms-run-fn-exec-ms": f"{milliseconds:.3f}",
    }
    if answer.status == 200:  # noqa: PLR2004 - a status code
        headers["x-ms-run-function-failed"] = "False"
        return Response(answer.body, 200, headers, media_type=answer.content_type)
    headers |= {
        "x-ms-run-function-failed": "True",
        "ms-azureml-model-error-statuscode": str(answer.status),
        "ms-azureml-model-error-reason": "model_error",
    }
    return Response(answer.body, 424, headers, media_type=answer.content_type)
