"""Layers to one tree: a mapping adds to the one below it, all else replaces, null takes away."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from runner.load.layers import EXTENDS, Layer
from runner.load.source import Given
from runner.yaml12 import Document, Key, Position, Value


@dataclass(frozen=True, kw_only=True, slots=True)
class Merged:
    """One tree of several layers. `paths` names each value's file, `overridden` what lost, lowest first."""

    document: Document
    paths: Mapping[Key, str]
    overridden: Mapping[Key, tuple[Given, ...]]


def merge(layers: Sequence[Layer]) -> Merged:
    """Lay each layer over those before it. Lists are replaced as a whole."""
    if len(layers) == 1:
        return Merged(document=_without_extends(layers[0].document), paths={}, overridden={})
    work = _Work()
    for layer in layers:
        work.lay(layer)
    documents = [layer.document for layer in layers]
    document = Document(
        value=work.tree if any(each.value is not None for each in documents) else None,
        places=work.places,
        key_places=work.key_places,
        spoiled=frozenset(work.spoiled),
        complete=all(each.complete and each.value is not None for each in documents),
    )
    overridden = {key: tuple(given) for key, given in work.overridden.items()}
    return Merged(document=document, paths=work.paths, overridden=overridden)


def _without_extends(document: Document) -> Document:
    if document.value is None or EXTENDS not in document.value:
        return document
    return replace(document, value={name: value for name, value in document.value.items() if name != EXTENDS})


@dataclass(slots=True)
class _Work:
    """The tree so far, and where each of its values stands."""

    tree: dict[str, Value] = field(default_factory=dict)
    places: dict[Key, Position] = field(default_factory=dict)
    key_places: dict[Key, Position] = field(default_factory=dict)
    paths: dict[Key, str] = field(default_factory=dict)
    overridden: dict[Key, list[Given]] = field(default_factory=dict)
    spoiled: set[Key] = field(default_factory=set)

    def lay(self, layer: Layer) -> None:
        """Put one layer on top."""
        above = layer.document.value or {}
        self._place(layer, ())
        self._lay(layer, self.tree, {name: item for name, item in above.items() if name != EXTENDS}, ())
        self.spoiled |= layer.document.spoiled

    def _lay(self, layer: Layer, below: dict[str, Value], above: Mapping[str, Value], at: Key) -> None:
        for name, value in above.items():
            key, standing = (*at, name), below.get(name)
            if name in below:
                self._remember(layer, key, standing)
            if isinstance(value, dict) and isinstance(standing, dict):
                self._place(layer, key)
                self._lay(layer, standing, value, key)
                continue
            self._forget(key, standing)
            # Null takes away what a lower layer says; where there is nothing to take, it stays a mistake.
            if value is None and below.pop(name, None) is not None:
                continue
            below[name] = self._copied(layer, key, value)

    def _copied(self, layer: Layer, key: Key, value: Value) -> Value:
        """Copy a value, since an alias may stand for it more than once, and note where all of it stands."""
        self._place(layer, key)
        if isinstance(value, dict):
            return {name: self._copied(layer, (*key, name), item) for name, item in value.items()}
        if isinstance(value, list):
            return [self._copied(layer, (*key, index), item) for index, item in enumerate(value)]
        return value

    def _place(self, layer: Layer, key: Key) -> None:
        document = layer.document
        if key in document.places:
            self.places[key] = document.places[key]
            self.paths[key] = layer.path
        if key in document.key_places:
            self.key_places[key] = document.key_places[key]

    def _remember(self, layer: Layer, key: Key, value: Value) -> None:
        """Keep what loses; a file that is met a second time does not overrule itself."""
        if isinstance(value, dict) or key not in self.places:
            return
        given = Given(path=self.paths[key], position=self.places[key], value=value)
        if (layer.path, layer.document.places.get(key)) != (given.path, given.position):
            self.overridden.setdefault(key, []).append(given)

    def _forget(self, key: Key, value: Value) -> None:
        """Drop the places of a value that is replaced, and of all that is in it."""
        self.spoiled.discard(key)
        for places in (self.places, self.key_places, self.paths):
            places.pop(key, None)
        items = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        for name, item in items:
            self._forget((*key, name), item)
