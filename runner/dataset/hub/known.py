"""What was learnt of a data set at a commit: it stays true, and spares the question the next time."""

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from runner.durable import replace_file


class Known:
    """Facts by key, each a small JSON file; one that cannot be read is not known."""

    def __init__(self, cache: Path) -> None:
        self._folder = cache / "known"

    def get(self, *key: str) -> Any:  # noqa: ANN401 JSON, as it was put
        """Give what was put under a key, or None."""
        try:
            said = json.loads(self._path(key).read_bytes())
            return said["value"] if said["key"] == list(key) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, value: object, *key: str) -> None:
        """Remember what holds for a key, if the disk lets it: it can be asked again."""
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(self._path(key), json.dumps({"key": key, "value": value}).encode())

    def forget(self, *key: str) -> None:
        """Know nothing of a key any more."""
        self._path(key).unlink(missing_ok=True)

    def _path(self, key: tuple[str, ...]) -> Path:
        return self._folder / f"{hashlib.sha256(json.dumps(key).encode()).hexdigest()[:32]}.json"
