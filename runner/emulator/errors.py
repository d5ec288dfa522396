"""The one exception a handler raises, and the one place that writes it as Azure writes an error."""

import uuid
from datetime import UTC, datetime
from xml.sax.saxutils import escape

from starlette.responses import JSONResponse, Response

LOCATION = "eastus"

Json = dict[str, object]


class ArmError(Exception):
    """An error as the service answers it; `inner` names the codes nested under it, outermost first."""

    def __init__(
        self, status: int, code: str, message: str, *, inner: tuple[str, ...] = (), detail: Json | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.inner = inner
        self.detail = detail
        self.headers: dict[str, str] = {}

    def body(self) -> Json:
        """Return the `error` object, as operations and jobs carry it too."""
        return {"code": self.code, "message": self.message, "details": [self.detail] if self.detail else []}


class NotFoundWithoutBodyError(ArmError):
    """A 404 whose body is empty, as the compute service answers."""

    def __init__(self, message: str) -> None:
        super().__init__(404, "ResourceNotFound", message)


class TrackingError(ArmError):
    """An error of the tracking API itself, which answers in MLflow's own envelope and with MLflow's codes.

    Who is not let in is told so before MLflow is asked, in the envelope that all services share: its client
    then speaks of an INTERNAL_ERROR (https://github.com/mlflow/mlflow/issues/5846, 2022-05-11).
    """


def arm_response(error: ArmError) -> Response:
    """Write the envelope that every ARM and data plane route shares."""
    if isinstance(error, NotFoundWithoutBodyError):
        return Response(status_code=error.status, headers={"x-ms-response-type": "error"})
    if isinstance(error, TrackingError):
        told = {"error_code": error.code, "message": error.message}
        return JSONResponse(told, error.status, {"x-ms-response-type": "error"})
    envelope: Json = {**error.body(), "target": None, "additionalInfo": _additional_info(error)}
    headers = {"x-ms-response-type": "error", **error.headers}
    return JSONResponse({"error": envelope}, error.status, headers)


def blob_response(error: ArmError) -> Response:
    """Write the XML that the blob service answers; its clients read the code from a header."""
    text = (
        '<?xml version="1.0" encoding="utf-8"?>'
        f"<Error><Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message></Error>"
    )
    headers = {"x-ms-error-code": error.code, **error.headers}
    return Response(text, error.status, headers, media_type="application/xml")


def scoring_response(error: ArmError) -> Response:
    """Write a scoring error: the inference front door answers a bare message."""
    headers = {"ms-azureml-model-error-reason": error.code} if error.status == 424 else {}  # noqa: PLR2004 - a status code
    return JSONResponse({"error": error.body()}, error.status, headers)


def _additional_info(error: ArmError) -> list[Json]:
    infos: list[Json] = [
        {"type": "ComponentName", "info": {"value": "managementfrontend"}},
        {
            "type": "Correlation",
            "info": {"value": {"operation": uuid.uuid4().hex, "request": uuid.uuid4().hex[:16]}},
        },
        {"type": "Environment", "info": {"value": LOCATION}},
        {"type": "Location", "info": {"value": LOCATION}},
        {"type": "Time", "info": {"value": datetime.now(UTC).isoformat()}},
    ]
    if error.inner:
        infos.append({"type": "InnerError", "info": {"value": _nested(error.inner)}})
    return infos


def _nested(codes: tuple[str, ...]) -> Json:
    return {"code": codes[0], "innerError": _nested(codes[1:]) if codes[1:] else None}
