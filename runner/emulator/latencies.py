"""How long things take beyond the work itself: moments, unless a test asks for Azure's minutes."""

from dataclasses import dataclass


@dataclass
class Latencies:
    """Seconds of the emulator's clock, by what is made.

    `job`: what a scripted job takes unless its script says, or any other prepares before it trains. `delete`:
    for all kinds; None is as long as each takes by itself.
    """

    compute: float = 0.3
    dataset: float = 0.0
    job: float | None = None
    register: float = 0.0
    endpoint: float = 0.5
    deployment: float = 0.0
    traffic: float = 0.5
    delete: float | None = None

    def until_deleted(self, own: float) -> float:
        """Give how long a deletion takes, where it takes `own` unless told otherwise."""
        return own if self.delete is None else self.delete
