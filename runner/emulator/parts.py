"""What a job works with, handed on as one."""

from dataclasses import dataclass

from runner.emulator.blobs import Blobs
from runner.emulator.catalog import Catalog
from runner.emulator.clock import Clock
from runner.emulator.latencies import Latencies
from runner.emulator.references import References
from runner.emulator.runs import Runs
from runner.emulator.settings import Settings
from runner.emulator.store import Store


@dataclass(frozen=True)
class Parts:
    """The parts below jobs; they know nothing of jobs themselves."""

    settings: Settings
    store: Store
    blobs: Blobs
    catalog: Catalog
    references: References
    runs: Runs
    clock: Clock
    latencies: Latencies
