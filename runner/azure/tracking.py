"""MLflow's own client of a tracking server, whose requests leave by our transport.

To import this is to import MLflow, which takes seconds. MLflow knows the messages, their pages, and how a
number is written that JSON has none for. Its way of sending is not used: it repeats for minutes, as the
environment has it, follows redirects, and has no second token for one that is refused.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn
from urllib.parse import quote, urlencode

from azure.core import PipelineClient
from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest, HttpResponse
from mlflow.entities import Metric
from mlflow.store.tracking import GET_METRIC_HISTORY_MAX_RESULTS
from mlflow.store.tracking.rest_store import RestStore
from mlflow.utils.proto_json_utils import parse_dict

from runner.errors import StepFailed


class Tracking(RestStore):
    """Reads runs and metrics at a tracking address; whatever is no GET is refused."""

    def __init__(self, address: str, client: PipelineClient[Any, Any]) -> None:
        super().__init__(_no_other_way)  # type: ignore[no-untyped-call] # MLflow is typed in parts
        logging.getLogger("mlflow").setLevel(logging.ERROR)
        self._address = address
        self._client = client

    def logged(self, run_id: str) -> Iterator[Metric]:
        """Give every point of every metric of a run, page by page."""
        run = self.get_run(run_id)  # type: ignore[no-untyped-call] # as above
        for key in sorted(run.data.metrics):
            yield from self._history(run_id, key)

    def _history(self, run_id: str, key: str) -> Iterator[Metric]:
        token: str | None = None
        passed: set[str] = set()
        while True:
            asked = (run_id, key, GET_METRIC_HISTORY_MAX_RESULTS, token)
            page = self.get_metric_history(*asked)  # type: ignore[no-untyped-call] # as above
            yield from page
            token = page.token
            if not token:
                return
            if token in passed:
                raise StepFailed(f"the pages of metric {key} lead back to one that was read already")
            passed.add(token)

    def _call_endpoint(  # noqa: PLR0913, RUF100 - MLflow's own
        self,
        api: Any,  # noqa: ANN401 - a class of messages that protobuf makes when it is imported
        json_body: str | None = None,
        endpoint: str | None = None,
        retry_timeout_seconds: int | None = None,
        response_proto: Any = None,  # noqa: ANN401 - as above
    ) -> Any:  # noqa: ANN401 - as above
        """Ask as MLflow would, by our transport. Raises what azure-core's clients do."""
        del retry_timeout_seconds
        path, method = self._METHOD_TO_INFO[api]
        if method != "GET":
            _no_other_way()
        query = urlencode(json.loads(json_body or "{}"), quote_via=quote)
        message = response_proto or api.Response()
        parse_dict(self._answer(f"{self._address}{endpoint or path}?{query}"), message)
        return message

    def _answer(self, url: str) -> Mapping[str, Any]:
        request = HttpRequest("GET", url, headers={"Accept": "application/json"})
        response: HttpResponse = self._client.send_request(request)
        if response.status_code != 200:  # noqa: PLR2004 - HTTP's own number
            raise _refused(response)
        answer: Mapping[str, Any] = response.json()
        return answer


def _no_other_way() -> NoReturn:
    """Stand in for the credentials that MLflow asks for before it sends anything itself."""
    raise NotImplementedError


def _refused(response: HttpResponse) -> HttpResponseError:
    """Make the error of an answer; azure-core would take MLflow's envelope for one without a code."""
    error = HttpResponseError(message=_told(response))
    error.response, error.status_code = response, response.status_code
    return error


def _told(response: HttpResponse) -> str:
    """Give the error in MLflow's envelope, or in the one that Azure ML's services share."""
    try:
        body = json.loads(response.text())
        told = body.get("error") or {"code": body["error_code"], "message": body["message"]}
        return f"{told['code']}: {told['message']}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return str(response.reason or "no reason is given")
