"""What only test mode has: a clock that can be moved, faults, the books, and the list of what was asked."""

from collections.abc import Iterable
from pathlib import Path

from runner.emulator.clock import CLOCK_FILE, VirtualClock
from runner.emulator.faults import Faults
from runner.emulator.incoming import Asked, Seen, Signposts
from runner.emulator.ledger import Ledger
from runner.emulator.scripted_operations import ScriptedOperations
from runner.emulator.scripted_store import ScriptedStore
from runner.emulator.store import Kind


class Bench:
    """The parts of test mode; the clock, the store and the operations stand in for the ordinary ones."""

    def __init__(self, state: Path) -> None:
        self.clock = VirtualClock(state / CLOCK_FILE)
        self.store = ScriptedStore(state / "store.sqlite")
        self.ledger = Ledger(self.store, self.clock)
        self.store.watch = self.ledger.saw
        self.operations = ScriptedOperations(self.store, self.clock)
        self.faults = Faults()
        self.seen: list[Seen] = []
        self._hidden: dict[str, int] = {}

    def signposts(self, templates: Iterable[str]) -> Signposts:
        """Return what reads from a path which resource of which workspace it is about."""
        return Signposts(templates, self._owner)

    def requests(self, workspace: str | None) -> list[Seen]:
        """Return the requests seen so far, all or a workspace's, in their order."""
        return [each for each in self.seen if workspace is None or each.asked.workspace == workspace]

    def forget_requests(self, workspace: str | None) -> None:
        """Begin the list anew, all of it or a workspace's."""
        others = workspace is not None
        self.seen = [each for each in self.seen if others and each.asked.workspace != workspace]

    def hide(self, key: str, reads: int) -> None:
        """Let the next reads of a resource find nothing."""
        self._hidden[key] = reads

    def hidden_from(self, asked: Asked) -> frozenset[str]:
        """Return the keys that a request must not find, and count it."""
        left = self._hidden.get(asked.key, 0) if asked.method == "GET" else 0
        if not left:
            return frozenset()
        self._hidden[asked.key] = left - 1
        # A job is also a run, under which it would still be found.
        home, _, name = asked.key.rpartition("/jobs/")
        return frozenset({asked.key, f"{home}/runs/{name}"} if home else {asked.key})

    def _owner(self, parameters: dict[str, str]) -> str:
        """Return the workspace of an endpoint that is scored, or the workspace's guid of an operation."""
        if "operation" in parameters:
            return self.operations.owners.get(parameters["operation"], "")
        name = parameters.get("endpoint", "").lower()
        found = (each for each in self.store.below(Kind.ENDPOINT) if name and each["name"].lower() == name)
        return next((str(each["id"]).split("/")[8] for each in found), "")
