"""One file of a data set at a commit, read by ranges; the token goes to the Hub and nowhere else."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from runner import redact
from runner.dataset.fetching.remote import Later
from runner.dataset.hub.errors import hub_errors, of_status
from runner.dataset.hub.known import Known
from runner.errors import CloudUnavailable, RunnerError

if TYPE_CHECKING:
    from httpx2 import Response

_REDIRECTS = 5
_SHA256_LENGTH = 64
_PART, _CLIENT_ERROR, _NO_SUCH_RANGE, _TOO_MANY, _SERVER_ERROR = 206, 400, 416, 429, 500
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of `repository` at `commit`; `etag` is what the Hub marks its content with, "" if nothing."""

    repository: str
    commit: str
    name: str
    size: int
    etag: str
    known: Known

    @property
    def identity(self) -> str:
        """Name the content: by its digest, by its mark, or by where it lies, as far as the Hub tells."""
        if len(self.etag) == _SHA256_LENGTH:
            return f"sha256:{self.etag}"
        return f"{self.repository}@{self.commit}/{self.name} {self.etag}"

    def stream(self, first: int, past: int) -> Iterator[bytes]:
        """See `Remote.stream`."""
        with ExitStack() as closing, hub_errors(self.repository):
            response = self._answer(closing, first, past)
            skip = 0 if response.status_code == _PART else first  # some servers know no ranges
            for piece in response.iter_raw():
                yield piece[skip:]
                skip = max(0, skip - len(piece))

    def _answer(self, closing: ExitStack, first: int, past: int) -> "Response":
        """Ask the Hub, and then whoever it sends us to; only its own answer carries the file's mark."""
        from huggingface_hub import constants, get_session  # noqa: PLC0415 heavy, and most commands load no data
        from huggingface_hub.utils import (  # type: ignore[attr-defined]  # noqa: PLC0415 as above
            build_hf_headers,
        )

        url = address(self.repository, self.commit, self.name)
        keep_token_secret()
        sent = {**build_hf_headers(), "Accept-Encoding": "identity", "Range": f"bytes={first}-{past - 1}"}
        timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT
        for _ in range(_REDIRECTS):
            request = get_session().stream("GET", url, headers=sent, follow_redirects=False, timeout=timeout)
            response = closing.enter_context(request)
            self._check_mark(response)
            if not response.has_redirect_location:
                self._check_answer(response, first)
                return response
            target = urljoin(url, response.headers["Location"])
            if _origin(target) != _origin(url):
                sent = {name: value for name, value in sent.items() if name.lower() != "authorization"}
            url = target
        raise CloudUnavailable(f"the Hub sends in circles for {self.name} of {self.repository}")

    def _check_mark(self, response: "Response") -> None:
        """Refuse other content under the same commit. A storage behind the Hub has marks of its own."""
        if not _is_hubs(str(response.request.url)) or response.status_code >= _CLIENT_ERROR:
            return
        found = mark(response)
        size = response.headers.get("X-Linked-Size")
        if (found and self.etag and found != self.etag) or (size and size != str(self.size)):
            raise self._changed()

    def _check_answer(self, response: "Response", first: int) -> None:
        status = response.status_code
        if status == _TOO_MANY or status >= _SERVER_ERROR:
            raise Later(f"the Hub answered {status}", retry_after(response))
        if status == _NO_SUCH_RANGE:
            raise self._changed()
        if status >= _CLIENT_ERROR:
            _raise_for(self.repository, response)
        if status != _PART and not self._is_whole(response):
            # The page of a proxy, say, on which one has to sign in.
            raise Later(f"what answered {status} is not the file")
        begins = f"bytes {first}-"
        ranges = response.headers.get("Content-Range", "")
        if status == _PART and not (ranges.startswith(begins) and ranges.endswith(f"/{self.size}")):
            raise self._changed()

    def _is_whole(self, response: "Response") -> bool:
        """Tell by its length, or else its mark, whether an answer that knows no ranges is the file."""
        length = response.headers.get("Content-Length")
        return mark(response) == self.etag if length is None else length == str(self.size)

    def _changed(self) -> RunnerError:
        forget(self.known, self.repository, self.commit, self.name)
        return RunnerError(
            f"{self.name} of {self.repository} is not what it was at commit {self.commit}",
            hint="the Hub, or what stands between, gives other bytes for it; try again, or look who does",
        )


def found_file(known: Known, repository: str, commit: str, name: str) -> HubFile:
    """Ask what a file is at a commit, unless that is known."""
    from huggingface_hub import get_hf_file_metadata  # noqa: PLC0415 as above

    key = _key(repository, commit, name)
    said = known.get(*key)
    if not said:
        keep_token_secret()
        found = get_hf_file_metadata(address(repository, commit, name))
        if found.size is None:
            raise CloudUnavailable(f"the Hub does not say how long {name} of {repository} is")
        said = [found.size, found.etag or ""]
        known.put(said, *key)
    size, etag = said
    return HubFile(repository, commit, name, size, etag, known)


def forget(known: Known, repository: str, commit: str, name: str) -> None:
    """Ask anew the next time."""
    known.forget(*_key(repository, commit, name))


def keep_token_secret() -> None:
    """Have the token, which the library sends by itself, taken out of everything that leaves."""
    from huggingface_hub import get_token  # noqa: PLC0415 as above

    redact.register(get_token() or "")


def address(repository: str, commit: str, name: str) -> str:
    """Give the Hub's address of a file."""
    from huggingface_hub import hf_hub_url  # noqa: PLC0415 as above

    return str(hf_hub_url(repository, name, repo_type="dataset", revision=commit))


def mark(response: "Response") -> str:
    """Give the content's mark that an answer of the Hub carries."""
    said = response.headers.get("X-Linked-Etag") or response.headers.get("ETag") or ""
    return str(said).removeprefix("W/").strip('"')


def retry_after(response: "Response") -> float | None:
    """Give the seconds after which a server wants to be asked again."""
    said = response.headers.get("Retry-After", "")
    return float(said) if said.isascii() and said.isdigit() else None


def _raise_for(repository: str, response: "Response") -> None:
    from huggingface_hub.utils import (  # type: ignore[attr-defined]  # noqa: PLC0415 as above
        hf_raise_for_status,
    )

    hf_raise_for_status(response)
    raise of_status(repository, response.status_code)


def _key(repository: str, commit: str, name: str) -> tuple[str, ...]:
    from huggingface_hub import constants  # noqa: PLC0415 as above

    return ("file", constants.ENDPOINT, repository, commit, name)


def _is_hubs(url: str) -> bool:
    from huggingface_hub import constants  # noqa: PLC0415 as above

    return _origin(url) == _origin(constants.ENDPOINT)


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
