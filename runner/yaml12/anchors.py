"""What an alias stands for: the value at its anchor, counted again at each use."""

from dataclasses import dataclass

from runner.yaml12.document import Value
from runner.yaml12.findings import Findings
from runner.yaml12.limits import Limits
from runner.yaml12.places import Key, Position
from runner.yaml12.problems import Fault

_UNKNOWN = Fault("unknown-alias", "no anchor of this name comes before this alias")
_CYCLE = Fault("alias-cycle", "this alias stands for something that holds it")


@dataclass(frozen=True, slots=True)
class _Anchored:
    """A whole value; `nodes` is how many there are in it, itself included."""

    value: Value
    nodes: int


class Anchors:
    """The anchors of one text; a later one of the same name takes the place of the earlier."""

    def __init__(self, findings: Findings, limits: Limits) -> None:
        self._findings = findings
        self._limits = limits
        self._known: dict[str, _Anchored | None] = {}

    def begin(self, name: str) -> None:
        """Note an anchor whose value is not yet whole: aliases of it would be cycles."""
        self._known[name] = None

    def end(self, name: str, value: Value, nodes: int) -> None:
        """Keep the value for the aliases that follow."""
        self._known[name] = _Anchored(value, nodes)

    def value_of(self, name: str, position: Position, at: Key | None) -> Value:
        """Give what an alias stands for; None where a problem speaks of it."""
        if not self._limits.count_alias(position):
            return None
        known = self._known.get(name)
        if known is None:
            self._findings.unfit(at, position, _CYCLE if name in self._known else _UNKNOWN)
            return None
        self._limits.count(known.nodes, position)
        return known.value
