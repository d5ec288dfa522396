"""What counts as an answer of the service that was asked: no proxy's page, no other host's, none without end.

None of the errors holds any of the answer's text: what came from elsewhere may be anything.
"""

import json
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from io import BytesIO
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from azure.core.exceptions import AzureError
from urllib3.exceptions import DecodeError, ProtocolError, ReadTimeoutError, SSLError

# The longest answer of the services is a page of a list or a log; a log of a gigabyte is not read whole.
MOST_BYTES = 256 * 1024 * 1024
_CHUNK = 64 * 1024


class AnswerRefused(AzureError):
    """What came back is not the answer of the service that was asked."""


class _Content(BytesIO):
    """A body that was read already, in the place of the connection it came from; `whole` outlives reading."""

    # azure-core sets it on whatever stands here.
    enforce_content_length = True

    def __init__(self, whole: bytes) -> None:
        super().__init__(whole)
        self.whole = whole


class BoundedSession(requests.Session):
    """Reads each answer's body itself, up to `MOST_BYTES` and for at most `seconds`.

    What requests offers bounds the silence between two pieces, and neither their number nor their sum. Also
    what is asked for as a stream is read: the SDK does so with each change that takes its time, and an answer
    that breaks off would otherwise do so behind the back of whoever could ask again.
    """

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._seconds = seconds
        self._clock = clock

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # noqa: ANN401 - as requests has it
        """See requests.Session.send."""
        response = super().send(request, **(options | {"stream": True}))
        until = self._clock() + self._seconds  # from here: sending a large file took what it took
        response.raw = _Content(self._body(response, until))
        return response

    def _body(self, response: requests.Response, until: float) -> bytes:
        content = bytearray()
        while piece := _piece(response):
            content += piece
            if len(content) > MOST_BYTES or self._clock() > until:
                response.close()
                raise AnswerRefused(f"{_host(str(response.url))} sent an answer without end")
        response.raw.release_conn()
        return bytes(content)


def _piece(response: requests.Response) -> bytes:
    """Read what has come so far; errors are those of requests that azure-core knows."""
    try:
        piece: bytes = response.raw.read1(_CHUNK, decode_content=True)
    except ReadTimeoutError as error:
        raise requests.ReadTimeout(error) from error
    except (ProtocolError, SSLError) as error:
        raise requests.ConnectionError(error) from error
    except DecodeError as error:
        raise requests.RequestException(error) from error
    return piece


def refuse_redirects(status: int, headers: Mapping[str, str], url: str) -> None:
    """Refuse an answer that sends the request, and with it what signs it in, to another host."""
    if not HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return
    moved = urlsplit(urljoin(url, headers.get("location") or ""))
    if (moved.scheme, moved.netloc) != urlsplit(url)[:2]:
        raise AnswerRefused(
            f"{_host(url)} answered {status}, a redirect to another host, which is not followed"
        )


def refuse_all_but_json(status: int, content_type: str, body: bytes, url: str) -> None:
    """Refuse what a proxy or a sign-in page answers where JSON was asked for.

    It is looked for where success is claimed, and in a 404: that one would be believed, too.
    """
    believed = status < HTTPStatus.MULTIPLE_CHOICES or status == HTTPStatus.NOT_FOUND
    if not believed or not body:
        return
    if content_type.lower().startswith("text/html") or not _is_json(body):
        raise AnswerRefused(
            f"{_host(url)} answered {status} with something that is not Azure ML's"
            " (a proxy or a sign-in page may stand between)"
        )


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return False
    return True


def _host(url: str) -> str:
    return urlsplit(url).hostname or "the host"
