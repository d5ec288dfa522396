"""What every check looks at: the recipe where it was read, the facts, and the parameters in force."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from runner.errors import Severity
from runner.facts import Facts, TargetKind
from runner.load import Loaded
from runner.parameters import Effective
from runner.recipe import Deployment

# An announced retirement is worth a word from here on.
SOON_DAYS = 180


@dataclass(frozen=True, slots=True)
class Case:
    """A recipe held against the facts."""

    loaded: Loaded
    facts: Facts
    effective: Effective | None

    @property
    def on_azure(self) -> bool:
        """Tell the cloud that bills from the emulator, where old runs are replayed."""
        return self.facts.target is TargetKind.AZURE

    @property
    def deployments(self) -> Mapping[str, Deployment]:
        """Give what the recipe serves, by section."""
        recipe = self.loaded.recipe
        sections = {"baseline": recipe.baseline, "deployment": recipe.deployment}
        return {name: section for name, section in sections.items() if section is not None}

    @property
    def nodes(self) -> int:
        """Count the nodes that the training starts."""
        return int((self.effective and self.effective.value("num_nodes_finetune")) or 1)

    @property
    def gentle(self) -> Severity:
        """Weigh what Azure refuses and the emulator, on purpose, does not."""
        return Severity.ERROR if self.on_azure else Severity.WARNING

    def past(self, day: object) -> str:
        """Give a date (`YYYY-MM-DD`) that has come, "" for one that is yet to come or cannot be read."""
        return str(day) if self._days_until(day) <= 0 else ""

    def soon(self, day: object) -> str:
        """Give a date that comes within half a year, "" for any other."""
        return str(day) if 0 < self._days_until(day) <= SOON_DAYS else ""

    def _days_until(self, day: object) -> float:
        try:
            return (date.fromisoformat(str(day)) - self.facts.today).days
        except ValueError:
            return math.inf
