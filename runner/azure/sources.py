"""Files of data assets and of folders in datastores, read in parts by our own blob client."""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from threading import Lock

from azure.ai.ml import MLClient
from azure.ai.ml.constants import AssetTypes
from azure.ai.ml.entities import AzureBlobDatastore, Data
from azure.core import MatchConditions
from azure.core.credentials import TokenCredential
from azure.core.exceptions import ResourceModifiedError
from azure.storage.blob import BlobProperties, ContainerClient

from runner.azure.assets import state_of
from runner.azure.contents import MAX_FILES, blobs_below
from runner.azure.rest import created
from runner.azure.storage import service_of
from runner.azure.translate import translated
from runner.azure.transport import Transport
from runner.dataset.fetching import workspace as layout
from runner.dataset.fetching.remote import Remote, RemoteSplit
from runner.dataset.reading import split_files
from runner.dataset.reading.refusals import refusal
from runner.errors import NotFound, RunnerError
from runner.facts import AssetState, Target

# One answer is held in memory whole.
_PIECE = 8 * 1024 * 1024
# The signature for a datastore lives an hour (the SDK asks for so much); it is renewed in good time.
_RENEWED_SECONDS = 20 * 60.0


class Sources:
    """What `dataset.azureml` names in one workspace, as `dataset.fetching.remote` asks for it."""

    def __init__(
        self,
        workspace: MLClient,
        credential: TokenCredential,
        wire: Transport,
        target: Target,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._workspace = workspace
        self._target = target
        self._datastores = _Datastores(workspace, credential, wire, clock)

    def revision(self, azureml: str, revision: str | None, splits: Mapping[str, str]) -> str | None:
        """Fix what a revision means now, by the splits' roles; a version is one already, and nobody is asked.

        A folder has no versions: None. Raises RecipeInvalid where there is no such data asset.
        """
        if layout.is_address(azureml):
            if revision is not None:
                message = "a folder in a datastore has no versions"
                raise refusal(azureml, "revision", "no-revision", message, mend="delete it")
            return None
        return layout.revision_of(
            {
                role: str(self._asset(azureml, revision, role, split).version)
                if layout.version_of(role, revision) == layout.LATEST
                else layout.version_of(role, revision)
                for role, split in splits.items()
            }
        )

    def split(self, azureml: str, version: str | None, role: str, split: str) -> RemoteSplit[Remote]:
        """See `runner.dataset.fetching.remote.Workspace`."""
        if layout.is_address(azureml):
            return self._in_folder(azureml, role, split)
        asset = self._asset(azureml, version, role, split)
        source = f"{asset.name}:{asset.version}"
        place = self._place(str(asset.path), source, role)
        if asset.type == AssetTypes.URI_FILE:
            files = [self._file(place, source, role)]
        else:
            choose = partial(layout.of_asset, label=source, role=role, split=split)
            files = self._folder(place, source, role, choose)
        return RemoteSplit(source=source, label=source, revision=str(asset.version), files=files)

    def holding(
        self, azureml: str, version: str | None, role: str, split: str, prepared: Path
    ) -> AssetState | None:
        """Give the data asset whose one file has the very content that was prepared, if there is one."""
        if layout.is_address(azureml):
            return None
        asset = self._asset(azureml, version, role, split)
        if asset.type != AssetTypes.URI_FILE or not str(asset.path).lower().endswith((".jsonl", ".ndjson")):
            return None
        source = f"{asset.name}:{asset.version}"
        file = self._file(self._place(str(asset.path), source, role), source, role)
        if file.size != prepared.stat().st_size or file.sha256() != _sha256(prepared):
            return None
        return state_of(asset)

    def _asset(self, azureml: str, revision: str | None, role: str, split: str) -> Data:
        name, version = layout.asset_name(azureml, role, split), layout.version_of(role, revision)
        try:
            with translated(f"reading data asset {name}"):
                number = self._newest(name) if version == layout.LATEST else version
                asset: Data = self._workspace.data.get(name, version=number)
        except NotFound as error:
            message = f"the workspace has no data asset {name}:{version}"
            mend = "check dataset.azureml, the split's name and revision"
            raise refusal(name, role, "no-such-asset", message, mend=mend) from error
        if asset.type not in {AssetTypes.URI_FILE, AssetTypes.URI_FOLDER}:
            message = f"the data asset is of the type {asset.type}, which is not read here"
            raise refusal(
                f"{name}:{asset.version}",
                role,
                "unreadable-asset",
                message,
                expected="uri_file or uri_folder",
            )
        return asset

    def _newest(self, name: str) -> str:
        """Give the version that was made last: the SDK logs an error where its own label finds none."""
        made = sorted(self._workspace.data.list(name=name), key=created)
        if not made:
            raise NotFound(f"data asset {name} has no version")
        return str(made[-1].version)

    def _in_folder(self, azureml: str, role: str, split: str) -> RemoteSplit[Remote]:
        place = self._place(azureml, azureml, "azureml")
        choose = partial(layout.by_name, label=azureml, role=role, split=split)
        files = self._folder(place, azureml, "azureml", choose)
        where = f"azureml://datastores/{place.datastore}/paths/{place.path}"
        source = f"{where}/{files[0].name}" if len(files) == 1 else f"{where}/{split}-*"
        return RemoteSplit(source=source, label=source, revision=None, files=files)

    def _place(self, uri: str, label: str, field: str) -> layout.Place:
        """Read where something lies. Raises RecipeInvalid for what is in no datastore of this workspace."""
        place = layout.place(uri)
        if place is None:
            expected = "azureml://datastores/<name>/paths/<folder>"
            raise refusal(
                label, field, "not-in-a-datastore", "does not lie in a datastore", expected=expected
            )
        own = (self._target.subscription_id, self._target.resource_group, self._target.workspace_name)
        if place.workspace and [each.lower() for each in place.workspace] != [each.lower() for each in own]:
            message = f"lies in another workspace, {place.workspace[2]}"
            raise refusal(label, field, "other-workspace", message, expected=f"one of {own[2]}")
        return place

    def _file(self, place: layout.Place, label: str, role: str) -> "BlobFile":
        if not split_files.is_readable(place.path):
            message = "the file is of a format that is not read here"
            expected = f"one of {', '.join(split_files.ENDINGS)}"
            raise refusal(label, role, "unreadable-format", message, expected=expected)
        container = self._container(place, label, role)
        try:
            with translated(f"reading {label}"):
                found = container.get_blob_client(place.path).get_blob_properties()
        except NotFound as error:
            raise refusal(label, role, "no-such-file", "the data asset's file is not there") from error
        name = place.path.rpartition("/")[2]
        return self._blob(place, label, role, name, found)

    def _folder(
        self,
        place: layout.Place,
        label: str,
        field: str,
        choose: Callable[[list[str]], tuple[str, ...]],
    ) -> "list[BlobFile]":
        prefix = f"{place.path}/"
        with translated(f"listing {label}"):
            found = {
                str(blob.name).removeprefix(prefix): blob
                for blob in islice(blobs_below(self._container(place, label, field), prefix), MAX_FILES + 1)
            }
        if len(found) > MAX_FILES:
            message = f"the folder has more than {MAX_FILES} files"
            raise refusal(label, field, "too-many-files", message, mend="give the rows a folder of their own")
        return [self._blob(place, label, field, name, found[name]) for name in choose(list(found))]

    def _container(self, place: layout.Place, label: str, field: str) -> ContainerClient:
        try:
            with translated(f"reading datastore {place.datastore}"):
                found = self._datastores.container(place.datastore)
        except NotFound as error:
            message = f"the workspace has no datastore {place.datastore}"
            raise refusal(label, field, "no-such-datastore", message) from error
        if found is None:
            message = f"datastore {place.datastore} is no blob storage"
            raise refusal(label, field, "no-blob-storage", message)
        return found

    def _blob(
        self, place: layout.Place, label: str, field: str, name: str, found: BlobProperties
    ) -> "BlobFile":
        path, etag = str(found.name), str(found.etag).strip('"')
        address = str(self._container(place, label, field).url).partition("?")[0]
        return BlobFile(
            name=name,
            size=int(found.size),
            identity=f"{address}/{path} {etag}",
            path=path,
            etag=etag,
            container=lambda: self._container(place, label, field),
        )


@dataclass(eq=False, kw_only=True, slots=True)
class BlobFile:
    """One blob as it was found; another content under its name is told, and never read for it."""

    name: str
    size: int
    identity: str
    path: str
    etag: str
    container: Callable[[], ContainerClient]

    def stream(self, first: int, past: int) -> Iterator[bytes]:
        """Give the bytes from `first` to before `past`, each piece by a request of its own."""
        for start in range(first, past, _PIECE):
            with translated(f"reading {self.name}"):
                yield self._piece(start, min(_PIECE, past - start))

    def sha256(self) -> str:
        """Digest the content, all of which is read for it."""
        digest = hashlib.sha256()
        for piece in self.stream(0, self.size):
            digest.update(piece)
        return digest.hexdigest()

    def _piece(self, start: int, length: int) -> bytes:
        blob = self.container().get_blob_client(self.path)
        try:
            return blob.download_blob(
                offset=start,
                length=length,
                etag=f'"{self.etag}"',
                match_condition=MatchConditions.IfNotModified,
            ).readall()
        except ResourceModifiedError as error:
            raise RunnerError(
                f"{self.name} was changed while it was read",
                hint="let nobody write there, and run again",
            ) from error


class _Datastores:
    """The containers behind datastores; what opens them is fetched anew before it ends."""

    def __init__(
        self, workspace: MLClient, credential: TokenCredential, wire: Transport, clock: Callable[[], float]
    ) -> None:
        self._workspace = workspace
        self._credential = credential
        self._wire = wire
        self._clock = clock
        self._lock = Lock()
        self._opened: dict[str, tuple[float, ContainerClient | None]] = {}

    def container(self, name: str) -> ContainerClient | None:
        """Open a datastore's container; None for one that is no blob storage."""
        with self._lock:
            since, found = self._opened.get(name, (float("-inf"), None))
            if self._clock() - since > _RENEWED_SECONDS:
                found = self._found(name)
                self._opened[name] = (self._clock(), found)
            return found

    def _found(self, name: str) -> ContainerClient | None:
        datastore = self._workspace.datastores.get(name, include_secrets=True)
        if not isinstance(datastore, AzureBlobDatastore):
            return None
        service = service_of(datastore, self._credential, self._wire)
        return service.get_container_client(datastore.container_name)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
