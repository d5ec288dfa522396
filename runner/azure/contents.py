"""What lies in a folder of blobs: each file's size and digest, counted here only where that is cheap.

Blob storage keeps an MD5 where the writer gave one or a blob was put whole; what a job writes often
has none. A SHA-256 is counted of what is small, weights first: no model of gigabytes is fetched for that.
"""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from threading import Event

from azure.storage.blob import BlobProperties, ContainerClient

from runner.errors import StepFailed
from runner.facts import StoredFile

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_TOTAL_BYTES = 256 * 1024 * 1024
MAX_FILES = 1000

_WEIGHTS = ".safetensors"
_PLACE = re.compile(r"\Aazureml://(?:.+/)?datastores/(?P<datastore>[^/]+)/paths/(?P<prefix>.+)\Z")
# Where names are hierarchical, a folder is a blob of its own that says so.
_FOLDER_MARK = "hdi_isfolder"


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A folder in a datastore; `prefix` ends with a slash."""

    datastore: str
    prefix: str


def place(uri: str) -> Place:
    """Read a datastore URI, short or long. Raises StepFailed for another one."""
    match = _PLACE.match(uri)
    if match is None:
        raise StepFailed("the output lies in no datastore")
    return Place(datastore=match["datastore"], prefix=match["prefix"].rstrip("/") + "/")


def files(container: ContainerClient, prefix: str, stop: Event) -> Mapping[str, StoredFile]:
    """Give the files below a prefix by their paths from there, in the order of their paths.

    Raises StepFailed where there are too many to write down, and once `stop` is set.
    """
    listed = list(islice(blobs_below(container, prefix), MAX_FILES + 1))
    if len(listed) > MAX_FILES:
        raise StepFailed(f"the output has more than {MAX_FILES} files")
    found = {str(blob.name).removeprefix(prefix): _stored(blob) for blob in listed}
    for name in _worth_counting(found):
        found[name] = replace(found[name], sha256=_sha256(container, prefix + name, stop))
    return dict(sorted(found.items()))


def blobs_below(container: ContainerClient, prefix: str) -> Iterator[BlobProperties]:
    """Yield what is no folder below a prefix."""
    for blob in container.list_blobs(name_starts_with=prefix, include=["metadata"]):
        if not (blob.metadata or {}).get(_FOLDER_MARK):
            yield blob


def _stored(blob: BlobProperties) -> StoredFile:
    digest = blob.content_settings.content_md5
    return StoredFile(bytes=int(blob.size), md5=base64.b64encode(bytes(digest)).decode() if digest else "")


def _worth_counting(found: Mapping[str, StoredFile]) -> Iterator[str]:
    """Give the files to read, weights first and small ones before large, until it is enough."""
    left = MAX_TOTAL_BYTES
    for name in sorted(found, key=lambda each: (not each.endswith(_WEIGHTS), found[each].bytes, each)):
        if found[name].bytes <= min(left, MAX_FILE_BYTES):
            left -= found[name].bytes
            yield name


def _sha256(container: ContainerClient, name: str, stop: Event) -> str:
    digest = hashlib.sha256()
    for chunk in container.download_blob(name).chunks():
        if stop.is_set():
            raise StepFailed("the run was stopped while the output was read")
        digest.update(chunk)
    return digest.hexdigest()
