"""How much is read at most: far more than a recipe needs, far less than would do harm."""

from runner.yaml12.findings import Findings
from runner.yaml12.places import Position
from runner.yaml12.problems import Fault

MAX_DEPTH = 64
MAX_ALIASES = 100
MAX_NODES = 10_000


class Limits:
    """Counts what one reading costs and halts it where that is too much."""

    def __init__(self, findings: Findings) -> None:
        self.nodes = 0
        self._aliases = 0
        self._findings = findings

    def count(self, nodes: int, position: Position) -> None:
        """Add values that are read, or that an alias stands for."""
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            message = f"more than {MAX_NODES:,} values, counting what aliases stand for"
            self._findings.halt(Fault("too-many-values", message).at(position))

    def count_alias(self, position: Position) -> bool:
        """Add an alias; False if it is one too many."""
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            fault = Fault("too-many-aliases", f"more than {MAX_ALIASES} aliases")
            self._findings.halt(fault.at(position))
        return self._aliases <= MAX_ALIASES

    def check_depth(self, depth: int, position: Position) -> bool:
        """Tell whether a list or mapping may stand this deep."""
        if depth > MAX_DEPTH:
            fault = Fault("too-deep", f"nested deeper than {MAX_DEPTH} levels")
            self._findings.halt(fault.at(position))
        return depth <= MAX_DEPTH
