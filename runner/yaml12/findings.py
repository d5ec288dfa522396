"""What comes to light while a text is read, until it is a Document."""

from dataclasses import dataclass, field

from runner.yaml12.document import Document, Value
from runner.yaml12.places import Key, Position
from runner.yaml12.problems import Fault, Problem


@dataclass(kw_only=True, slots=True)
class Findings:
    """The record of one reading, filled in as it goes on; see Document for its fields.

    A path of None stands for values that are read but dropped, such as those of a repeated key. `halted`:
    nothing more is to be read. `latest` is the path of the scalar that was read last.
    """

    problems: list[Problem] = field(default_factory=list)
    places: dict[Key, Position] = field(default_factory=dict)
    key_places: dict[Key, Position] = field(default_factory=dict)
    spoiled: set[Key] = field(default_factory=set)
    complete: bool = True
    halted: bool = False
    latest: Key | None = None

    def place(self, at: Key | None, position: Position) -> None:
        """Note where a value stands."""
        if at is not None:
            self.places[at] = position

    def place_key(self, at: Key | None, position: Position) -> None:
        """Note where the key of a value stands."""
        if at is not None:
            self.key_places[at] = position

    def spoil(self, at: Key | None) -> None:
        """Note that a value is not what was meant."""
        if at is not None:
            self.spoiled.add(at)

    def refuse(self, problem: Problem) -> None:
        """Report a problem and go on."""
        self.problems.append(problem)

    def unfit(self, at: Key | None, position: Position, fault: Fault) -> None:
        """Refuse a value: whatever is handed on in its place is not what was meant."""
        self.refuse(fault.at(position, at or ()))
        self.spoil(at)

    def halt(self, problem: Problem) -> None:
        """Report and stop reading: what follows cannot be trusted, or would cost too much."""
        if not self.halted and not any(map(problem.repeats, self.problems)):
            self.refuse(problem)
        self.halted = True
        self.complete = False

    def document(self, value: dict[str, Value] | None) -> Document:
        """Close the record."""
        return Document(
            value=value,
            problems=tuple(self.problems),
            places=self.places,
            key_places=self.key_places,
            spoiled=frozenset(self.spoiled),
            complete=self.complete,
        )
