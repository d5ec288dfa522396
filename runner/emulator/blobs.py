"""Blobs as files: a container is a folder, so that what a job writes there is a blob at once.

A container is named with its account, `account/container`. What a job wrote has no MD5: blob storage keeps
the one it was given, and of a blob that is put whole the one it has counted itself.
"""

import base64
import hashlib
import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from runner.emulator.errors import ArmError
from runner.emulator.store import Kind, Store

MAX_BLOB_BYTES = 5_000 * 1024 * 1024
_BAD_PARTS = {"", ".", ".."}


@dataclass(frozen=True)
class Blob:
    """A blob that exists; `md5` is the digest that is kept of it, in base64, if one is."""

    container: str
    name: str
    path: Path
    metadata: dict[str, str]
    md5: str | None = None

    @property
    def size(self) -> int:
        """Bytes."""
        return self.path.stat().st_size

    @property
    def etag(self) -> str:
        """Changes whenever the content may have."""
        status = self.path.stat()
        return f'"0x{status.st_mtime_ns:X}{status.st_size:X}"'

    @property
    def last_modified(self) -> str:
        """The time of the last write, as HTTP writes times."""
        return datetime.fromtimestamp(self.path.stat().st_mtime, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")


class Blobs:
    """The containers below one folder, with each blob's metadata in the store."""

    def __init__(self, folder: Path, store: Store) -> None:
        self._folder = folder
        self._staged = folder.parent / "blocks"
        self._store = store
        shutil.rmtree(self._staged, ignore_errors=True)  # blocks that no list ever committed
        for path in (self._folder, self._staged):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def path(self, container: str, name: str) -> Path:
        """Return where a blob lies; refuse a name that would leave its container."""
        parts = [*container.split("/"), *name.strip("/").split("/")]
        if _BAD_PARTS.intersection(parts) or "\0" in name:
            raise ArmError(
                400, "InvalidUri", "The requested URI does not represent any resource on the server."
            )
        return self._folder.joinpath(*parts)

    def get(self, container: str, name: str) -> Blob | None:
        """Return the blob, or None."""
        path = self.path(container, name)
        if not path.is_file():
            return None
        return self._described(container, name, path)

    def within(self, container: str, prefix: str = "") -> Iterator[Blob]:
        """Yield the blobs whose name starts with `prefix`, in the order of their names."""
        root = self._folder / container
        if prefix.startswith("/") or _BAD_PARTS.intersection(
            [*container.split("/"), *prefix.split("/")[:-1]]
        ):
            return
        start = root / prefix.rpartition("/")[0]  # a container holds every run's files: walk those asked for
        names = sorted(str(path.relative_to(root)) for path in start.rglob("*") if path.is_file())
        for name in names:
            if name.startswith(prefix):
                yield self._described(container, name, root / name)

    async def write(self, container: str, name: str, chunks: AsyncIterator[bytes]) -> Blob:
        """Write a blob whole: it is seen only once the last byte is there."""
        path = self.path(container, name)
        md5 = await self._receive(path, chunks)
        self._store.delete(Kind.BLOB, f"{container}/{name}")
        return Blob(container, name, path, {}, md5)

    async def stage(self, container: str, name: str, block: str, chunks: AsyncIterator[bytes]) -> None:
        """Keep one block until `commit` names it."""
        await self._receive(self._block(container, name, block), chunks)

    def commit(self, container: str, name: str, blocks: list[str]) -> Blob:
        """Join staged blocks to the blob, and forget them."""
        files = [self._block(container, name, block) for block in blocks]
        if missing := [file for file in files if not file.is_file()]:
            raise ArmError(
                400, "InvalidBlockList", f"The block list names {len(missing)} blocks never uploaded."
            )
        path = self.path(container, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._temporary()
        with temporary.open("wb") as target:
            for file in files:
                target.write(file.read_bytes())
        temporary.replace(path)
        shutil.rmtree(self._block(container, name, "").parent, ignore_errors=True)
        self._store.delete(Kind.BLOB, f"{container}/{name}")
        return Blob(container, name, path, {})

    def describe(self, blob: Blob, metadata: dict[str, str], md5: str | None) -> None:
        """Replace the blob's metadata and the digest that is kept of it."""
        described = {"metadata": dict(metadata), "md5": md5}
        self._store.put(Kind.BLOB, f"{blob.container}/{blob.name}", described)

    def delete(self, blob: Blob) -> None:
        """Delete the blob."""
        blob.path.unlink(missing_ok=True)
        self._store.delete(Kind.BLOB, f"{blob.container}/{blob.name}")

    def _described(self, container: str, name: str, path: Path) -> Blob:
        known = self._store.get(Kind.BLOB, f"{container}/{name}") or {}
        metadata = cast("dict[str, str]", known.get("metadata") or {})
        return Blob(container, name, path, metadata, known.get("md5"))

    def _block(self, container: str, name: str, block: str) -> Path:
        blob = hashlib.sha256(f"{container}/{name}".encode()).hexdigest()
        return self._staged / blob / hashlib.sha256(block.encode()).hexdigest()

    def _temporary(self) -> Path:
        return self._staged / f"{uuid.uuid4().hex}.part"

    async def _receive(self, path: Path, chunks: AsyncIterator[bytes]) -> str:
        """Write what comes, whole, and give its MD5 in base64."""
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._temporary()
        size, digest = 0, hashlib.md5(usedforsecurity=False)
        try:
            with temporary.open("wb") as file:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > MAX_BLOB_BYTES:
                        raise ArmError(413, "RequestBodyTooLarge", "The request body is too large.")
                    file.write(chunk)
                    digest.update(chunk)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        return base64.b64encode(digest.digest()).decode()
