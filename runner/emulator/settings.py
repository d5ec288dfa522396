"""What a start of the emulator was told, and the ids that it goes by."""

from dataclasses import dataclass
from pathlib import Path

from runner.emulator.errors import LOCATION

TENANT = "00000000-0000-4000-8000-0000000000f1"
SUBSCRIPTION = "00000000-0000-4000-8000-000000000001"
RESOURCE_GROUP = "emulator"
WORKSPACE = "emulator"
REGISTRY_SUBSCRIPTION = "00000000-0000-4000-8000-000000000002"
REGISTRY_RESOURCE_GROUP = "registry"
AML_AUDIENCE = "https://ml.azure.localhost"
TRAINER = "runner.trainer"


@dataclass(frozen=True)
class Settings:
    """One start: its folder, its address and its switches."""

    state: Path
    port: int
    idle_timeout: float = 900.0
    test_mode: bool = False
    fast_polling: bool = True
    trainer: str = TRAINER

    @property
    def base_url(self) -> str:
        """The address that clients use; the certificate is for this name."""
        return f"https://localhost:{self.port}"

    @property
    def location(self) -> str:
        """The one region."""
        return LOCATION
