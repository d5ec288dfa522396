"""Files into the workspace's default datastore, and what lies in any of them, with our own blob client.

The SDK's own upload hangs on one refused file and follows symlinks out of the tree; this sends exactly the
file it was given, and only gives an address for what arrived whole.
"""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path
from threading import Event
from typing import BinaryIO

from azure.ai.ml import MLClient
from azure.ai.ml.entities import AccountKeyConfiguration, AzureBlobDatastore, SasTokenConfiguration
from azure.core.credentials import TokenCredential
from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobClient, BlobServiceClient, ContentSettings

from runner.azure import contents
from runner.azure.giving_up import GivingUp
from runner.azure.translate import translated
from runner.azure.transport import NO_RETRIES, Transport
from runner.errors import StepFailed
from runner.facts import StoredFile
from runner.redact import register

_BUFFER = 1024 * 1024


class Storage:
    """The datastores of one workspace."""

    def __init__(
        self,
        workspace: MLClient,
        credential: TokenCredential,
        wire: Transport,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._workspace = workspace
        self._credential = credential
        self._wire = wire
        self._giving_up = GivingUp(clock)

    def upload(self, local: Path, blob_path: str) -> str:
        """Send a file and give its datastore URI. The path holds the content's digest: twice is once.

        A blob that is there with another length or digest was cut off on its way and is sent again. Raises
        StepFailed for a symbolic link, and for a file that changes while it is sent.
        """
        with translated(f"uploading {local.name}"):
            datastore = self._workspace.datastores.get_default(include_secrets=True)
            service = service_of(datastore, self._credential, self._wire)
            blob = service.get_blob_client(datastore.container_name, blob_path)
            with _opened(local) as stream:
                _send(blob, stream, local.name)
        return f"azureml://datastores/{datastore.name}/paths/{blob_path}"

    def contents(self, uri: str, stop: Event) -> Mapping[str, StoredFile]:
        """Give the files below a datastore URI by their paths from there, as far as digests with them.

        Raises CloudUnavailable where nothing is decided, which may be asked again, and StepFailed for a
        datastore that is no blob storage, once `stop` is set, and where nothing was told for too long.
        """
        place = contents.place(uri)
        with self._giving_up.asking(uri), translated("reading the output's files"):
            datastore = self._workspace.datastores.get(place.datastore, include_secrets=True)
            if not isinstance(datastore, AzureBlobDatastore):
                raise StepFailed(f"datastore {place.datastore} is no blob storage")
            service = service_of(datastore, self._credential, self._wire)
            container = service.get_container_client(datastore.container_name)
            return contents.files(container, place.prefix, stop)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Content:
    """A file as it stands; `digest` is the MD5 that blob storage keeps of it."""

    size: int
    modified: int
    digest: bytes


def _opened(local: Path) -> BinaryIO:
    """Open a file that is one itself: what a link points to may lie anywhere."""
    try:
        descriptor = os.open(local, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        reason = "it is a symbolic link" if local.is_symlink() else error.strerror or "it cannot be read"
        raise StepFailed(f"uploading {local.name}: {reason}", hint="put the file itself there") from error
    return os.fdopen(descriptor, "rb")


def _send(blob: BlobClient, stream: BinaryIO, name: str) -> None:
    before = _content(stream)
    settings = ContentSettings(content_md5=bytearray(before.digest))
    try:
        blob.upload_blob(stream, length=before.size, overwrite=False, content_settings=settings)
    except ResourceExistsError:
        if not _is_whole(blob, before):
            stream.seek(0)
            blob.upload_blob(stream, length=before.size, overwrite=True, content_settings=settings)
    _check_arrival(blob, stream, before, name)


def _check_arrival(blob: BlobClient, stream: BinaryIO, before: _Content, name: str) -> None:
    """Refuse to vouch for what was sent if the file, or what arrived of it, is not what was read first."""
    if _content(stream) != before:
        raise StepFailed(
            f"uploading {name}: the file was changed while it was sent",
            hint="let nothing write into the run's folder, and run again",
        )
    if not _is_whole(blob, before):
        raise StepFailed(f"uploading {name}: what arrived is not what was sent", hint="run again")


def _is_whole(blob: BlobClient, content: _Content) -> bool:
    """Compare a blob with a file; without a digest of the blob, their lengths decide."""
    found = blob.get_blob_properties()
    digest = found.content_settings.content_md5
    return found.size == content.size and (not digest or bytes(digest) == content.digest)


def _content(stream: BinaryIO) -> _Content:
    """Read a file through, and leave it at its start."""
    digest = md5(usedforsecurity=False)
    stream.seek(0)
    while piece := stream.read(_BUFFER):
        digest.update(piece)
    stream.seek(0)
    status = os.fstat(stream.fileno())
    return _Content(size=status.st_size, modified=status.st_mtime_ns, digest=digest.digest())


def service_of(
    datastore: AzureBlobDatastore, credential: TokenCredential, wire: Transport
) -> BlobServiceClient:
    """Open a datastore's account by what the datastore itself hands out, or as who is signed in."""
    url = f"{datastore.protocol}://{datastore.account_name}.blob.{datastore.endpoint}"
    secret = datastore.credentials
    if isinstance(secret, SasTokenConfiguration):
        sas = register(str(secret.sas_token))
        return BlobServiceClient(url, credential=sas, transport=wire, retry_total=NO_RETRIES)
    if isinstance(secret, AccountKeyConfiguration):
        named = {"account_name": datastore.account_name, "account_key": register(str(secret.account_key))}
        return BlobServiceClient(url, credential=named, transport=wire, retry_total=NO_RETRIES)
    return BlobServiceClient(url, credential=credential, transport=wire, retry_total=NO_RETRIES)
