"""Scoring a deployed model with our own request.

A request leaves once: no client repeats it. But an answer that is lost on its way is a look that failed, and
whoever looks again scores again, so that a prompt is scored at least once, not exactly once.

`online_endpoints.invoke` is not used: it keeps the deployment header, and with it the last endpoint's key,
in a module-wide dict, so that a later call can go to the wrong deployment.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from azure.core import PipelineClient
from azure.core.rest import HttpRequest

from runner.azure.retrying import ONCE
from runner.azure.translate import translated
from runner.azure.transport import Transport
from runner.errors import CloudUnavailable, StepFailed
from runner.recipe import Scalar

_OK = 200
# The service itself gives up on a model after at most 180 s (`deployment.request_timeout_ms`).
_LONGEST_SECONDS = 200.0
_MEANING = {
    400: "the model does not take a request of this form",
    401: "the key or token is not valid (it may have been rotated, or have expired)",
    403: "the signed-in account may not score: with aad_token it needs the action onlineEndpoints/score",
    404: "no deployment has traffic",
    424: "the model's container answered with an error",
}
_BUSY = {
    408: "the model took longer than deployment.request_timeout_ms",
    429: "too many requests at once for deployment.max_concurrent_requests_per_instance",
    503: "the endpoint is not up",
}
_FORM_REFUSED = {400, 424}
_MEND = {424: "runner logs RUN deployment shows what the container wrote"}


class Scoring:
    """Sends chat requests to scoring addresses; keeps no key."""

    def __init__(self) -> None:
        # A repeated POST may run twice, and a redirect would carry the key elsewhere: neither happens.
        once = Transport(patience=ONCE, read_seconds=_LONGEST_SECONDS)
        self._client: PipelineClient[Any, Any] = PipelineClient("", policies=[], transport=once)

    def chat(
        self,
        uri: str,
        key: str,
        *,
        deployment: str,
        messages: Sequence[Mapping[str, str]],
        parameters: Mapping[str, Scalar],
    ) -> str:
        """Score one conversation and give the answer's text.

        Deployed chat models differ in whether they take the messages bare or as a list of conversations; what
        is refused in the one form is sent in the other. Raises CloudUnavailable where the endpoint is busy or
        not up, StepFailed for any other answer than 200 with an `output`; the prompt is in no error.
        """
        headers = {
            "Authorization": f"Bearer {key}",
            "azureml-model-deployment": deployment,
            "Content-Type": "application/json",
        }
        with translated(f"scoring at {urlsplit(uri).hostname}"):
            for conversation in (list(messages), [list(messages)]):
                data = {"input_string": conversation, "parameters": dict(parameters)}
                content = json.dumps({"input_data": data, "params": {}})
                request = HttpRequest("POST", uri, headers=headers, content=content)
                response = self._client.send_request(request)
                if response.status_code not in _FORM_REFUSED:
                    break
            return _answer(response.status_code, response.text())


def _answer(status: int, text: str) -> str:
    if status in _BUSY:
        raise CloudUnavailable(f"scoring was answered {status}: {_BUSY[status]}")
    if status != _OK:
        # The reply's text may hold the prompt: it is in no error.
        meaning = _MEANING.get(status, "not an answer")
        raise StepFailed(f"scoring was answered {status}: {meaning}", hint=_MEND.get(status, ""))
    try:
        answer = json.loads(text)
        output = answer["output"]
    except (ValueError, KeyError, TypeError) as error:
        raise StepFailed("scoring was answered 200, but without an output") from error
    if answer.get("error"):
        raise StepFailed("scoring was answered 200, but with an error")
    if not isinstance(output, str):
        raise StepFailed("scoring was answered 200, but its output is not text")
    return output
