"""What every check looks at: the recipe where it was read, the facts, and the parameters in force."""

from dataclasses import dataclass
from datetime import date

from runner.facts import Facts, TargetKind
from runner.load import Loaded
from runner.parameters import Effective


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

    def past(self, day: object) -> str:
        """Give a date (`YYYY-MM-DD`) that has come, "" for one that is yet to come or cannot be read."""
        try:
            return str(day) if date.fromisoformat(str(day)) <= self.facts.today else ""
        except ValueError:
            return ""
