"""From events to values, each with its place."""

from collections.abc import Iterator

import yaml

from runner.yaml12.anchors import Anchors
from runner.yaml12.characters import MASK, place_of_fault
from runner.yaml12.document import Value
from runner.yaml12.findings import Findings
from runner.yaml12.limits import Limits
from runner.yaml12.places import Key, Position, position_of
from runner.yaml12.problems import Fault
from runner.yaml12.scalars import meaning

_TAG = Fault("tag", "tags are not allowed", "delete the tag")
_MERGE_KEY = Fault("merge-key", "merge keys `<<` are not allowed", "write the keys out")
_KEY_NOT_TEXT = Fault("key-not-text", "a key has to be text", "put it in quotes")


class Composer:
    """Turns events into values; the state of one reading.

    `text` is what is read, `hidden_lines` are those of its lines on which hidden characters were masked, and
    reported.
    """

    def __init__(
        self, events: Iterator[yaml.Event], findings: Findings, text: str, hidden_lines: set[int]
    ) -> None:
        self._events = events
        self._text = text
        self._findings = findings
        self._hidden_lines = hidden_lines
        self._limits = Limits(findings)
        self._anchors = Anchors(findings, self._limits)

    def compose(self, event: yaml.Event | None, at: Key | None, depth: int) -> Value:
        """Turn the node that begins with `event` into a value and note where it stands."""
        if not isinstance(event, yaml.NodeEvent):
            self._findings.spoil(at)
            return None
        position = position_of(event.start_mark)
        self._findings.place(at, position)
        self._limits.count(1, position)
        if isinstance(event, yaml.AliasEvent):
            return self._anchors.value_of(str(event.anchor), position, at)
        if getattr(event, "tag", None) is not None:
            self._findings.unfit(at, position, _TAG)
        if event.anchor is not None:
            self._anchors.begin(event.anchor)
        before = self._limits.nodes
        value = self._content(event, position, at, depth)
        if event.anchor is not None:
            # A whole value is kept for the aliases that follow.
            self._anchors.end(event.anchor, value, self._limits.nodes - before + 1)
        return value

    def _content(self, event: yaml.NodeEvent, position: Position, at: Key | None, depth: int) -> Value:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, position, at)
        if not self._limits.check_depth(depth, position):
            return None
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(at, depth)
        return self._sequence(at, depth)

    def _scalar(self, event: yaml.ScalarEvent, position: Position, at: Key | None) -> Value:
        self._findings.latest = at
        if self._is_masked(event):
            self._findings.spoil(at)
            return str(event.value)
        value, fault = meaning(event.value, plain=event.implicit[0])
        if fault is not None:
            self._findings.unfit(at, place_of_fault(fault, self._text, position), fault)
        return value

    def _is_masked(self, event: yaml.ScalarEvent) -> bool:
        """Tell whether a hidden character stood in this text; it has been reported already."""
        return MASK in event.value and bool(self._hidden_lines.intersection(_lines(event)))

    def _mapping(self, at: Key | None, depth: int) -> dict[str, Value]:
        value: dict[str, Value] = {}
        lines: dict[str, int] = {}
        while isinstance(event := next(self._events, None), yaml.NodeEvent):
            position = position_of(event.start_mark)
            name = self._key(event, position, depth)
            if name in lines:
                fault = _duplicate(lines[name], position.line)
                self._findings.refuse(fault.at(position, (*(at or ()), name)))
                name = None
            below = None if name is None or at is None else (*at, name)
            self._findings.place_key(below, position)
            item = self.compose(next(self._events, None), below, depth + 1)
            if name is not None:
                value[name] = item
                lines[name] = position.line
        return value

    def _sequence(self, at: Key | None, depth: int) -> list[Value]:
        value: list[Value] = []
        while isinstance(event := next(self._events, None), yaml.NodeEvent):
            value.append(self.compose(event, None if at is None else (*at, len(value)), depth + 1))
        if event is None:
            self._findings.spoil(at)
        return value

    def _key(self, event: yaml.NodeEvent, position: Position, depth: int) -> str | None:
        """Give a key's text, or None where a problem speaks of it: the mapping then lacks that key."""
        name = self._key_text(event, position, depth)
        if name is None:
            self._findings.complete = False
        return name

    def _key_text(self, event: yaml.NodeEvent, position: Position, depth: int) -> str | None:
        if isinstance(event, yaml.ScalarEvent) and self._is_masked(event):
            return None
        if _is_merge(event):
            self._findings.refuse(_MERGE_KEY.at(position))
            return None
        refused = len(self._findings.problems)
        name = self.compose(event, None, depth + 1)
        if len(self._findings.problems) > refused:
            return None
        if isinstance(name, str):
            return name
        self._findings.refuse(_KEY_NOT_TEXT.at(position))
        return None


def _lines(event: yaml.ScalarEvent) -> range:
    return range(position_of(event.start_mark).line, position_of(event.end_mark).line + 1)


def _is_merge(event: yaml.NodeEvent) -> bool:
    return isinstance(event, yaml.ScalarEvent) and event.value == "<<" and bool(event.implicit[0])


def _duplicate(first: int, again: int) -> Fault:
    message = f"this key stands on line {first} and again on line {again}"
    return Fault("duplicate-key", message, "keep one of the two")
