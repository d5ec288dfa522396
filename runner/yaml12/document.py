"""What a reading gives: the values, where they stand, and what is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from runner.yaml12.places import Key, Position
from runner.yaml12.problems import Problem

Value = None | bool | int | float | str | list["Value"] | dict[str, "Value"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """What was read.

    `value` is None where no mapping was found. `places` and `key_places` hold where each value and each key
    stands. `spoiled` are the paths whose value is not what was meant, because a problem already speaks of
    them. `complete` is False where keys were dropped or reading stopped: then nothing follows from a key's
    absence.
    """

    value: dict[str, Value] | None
    problems: tuple[Problem, ...] = ()
    places: Mapping[Key, Position] = field(default_factory=dict)
    key_places: Mapping[Key, Position] = field(default_factory=dict)
    spoiled: frozenset[Key] = frozenset()
    complete: bool = True
