"""The addresses of a cloud that the SDK does not know by name: asked for patiently, and only once.

The SDK (azure-ai-ml 1.35.2) asks for them at every connection and at every job that it reads, each time once;
it means to remember them, but files them under the wrong keys. Without an answer it takes the cloud for
Azure's public one, or for unknown, and the run would end. It has no setting for it, so its own function is
wrapped.
"""

import time
from collections.abc import Callable
from typing import TypeAlias

from azure.ai.ml import _azure_environments as environments

from runner.azure.retrying import Patience

# By a cloud's name, its addresses by what they are for.
Clouds: TypeAlias = dict[str, dict[str, str]]

Ask: TypeAlias = Callable[[str], Clouds]


def remember_addresses() -> None:
    """Have the SDK ask for a cloud's addresses once, and again where it gets no answer; may be repeated."""
    ask = environments._get_clouds_by_metadata_url  # noqa: SLF001 - there is no public door
    if not isinstance(ask, Remembering):
        environments._get_clouds_by_metadata_url = Remembering(ask)  # noqa: SLF001


class Remembering:
    """Asks at most a few times and keeps the answer; an empty one is none."""

    def __init__(
        self, ask: Ask, patience: Patience | None = None, wait: Callable[[float], object] = time.sleep
    ) -> None:
        self._ask = ask
        self._patience = patience or Patience()
        self._wait = wait
        self._known: dict[str, Clouds] = {}

    def __call__(self, metadata_url: str) -> Clouds:
        """Give the clouds that an address tells of; none if it does not answer."""
        for attempt in range(1, self._patience.attempts + 1):
            if metadata_url in self._known:
                return self._known[metadata_url]
            if attempt > 1:
                self._wait(self._patience.pause(attempt - 1, {}))
            found = self._ask(metadata_url)
            if found:
                self._known[metadata_url] = found
        return self._known.get(metadata_url, {})
