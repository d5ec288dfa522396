"""What a strict reader refuses: a fault, and the problem that it is at a place."""

from dataclasses import dataclass

from runner.yaml12.places import Key, Position


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """Something that a strict reader refuses; `key` is the path of the value, as far as it is known."""

    position: Position
    code: str
    message: str
    expected: str = ""
    mend: str = ""
    key: Key = ()

    def repeats(self, other: "Problem") -> bool:
        """Tell whether the same was said already, of the same place."""
        return (self.position, self.code) == (other.position, other.code)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, before it is known where."""

    code: str
    message: str
    mend: str = ""

    def at(self, position: Position, key: Key = ()) -> Problem:
        """Make the problem that this fault is at a place."""
        return Problem(position=position, code=self.code, message=self.message, mend=self.mend, key=key)
