"""A recipe in force cited by the places that its values had when its run was opened.

Its own lines stand in a manifest, not in a file that anybody could open at them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from runner.errors import Diagnostic
from runner.load import SETTING, Given, Loaded, Position, Source
from runner.manifest import FILE_NAME, Manifest
from runner.manifest.values import recorded_places
from runner.yaml12 import Key

_IN_A_SETTING = re.compile(rf"(?:(?P<run>[^ ]+), )?{SETTING}:(?P<line>[0-9]+)")
_IN_A_FILE = re.compile(r"(?P<path>.+?):(?P<line>[0-9]+)(?::(?P<column>[0-9]+))?(?=\Z| \(sweep\)|, over )")

_Place = tuple[str, Position]


def cited(loaded: Loaded, said: Manifest) -> Loaded:
    """Give what was loaded of a run's recipe in force with every place in it as the run recorded it.

    What is from further settings keeps its place. What the run did not record is named as the manifest's.
    """
    source = loaded.source
    work = _Citing(said=said, source=source, recorded=recorded_places(said.recipe))
    places = {key: work.place(key) for key in source.positions}
    names = {".".join(map(str, key)): place for key, place in places.items()}
    key_places = {key: work.place(key)[1] for key in source.key_positions}
    overridden = {
        key: tuple(work.beaten(key, each) for each in given) for key, given in source.overridden.items()
    }
    elsewhere = replace(
        source,
        positions={key: position for key, (_, position) in places.items()},
        key_positions={**source.key_positions, **key_places},
        paths={key: path for key, (path, _) in places.items()},
        overridden=overridden,
        recorded=work.said_of(places),
    )
    notices = tuple(_moved(each, source.path, names) for each in loaded.notices)
    return replace(loaded, source=elsewhere, notices=notices)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Citing:
    """What a run recorded of where its values are from, by their dotted keys."""

    said: Manifest
    source: Source
    recorded: Mapping[str, str]

    def place(self, key: Key) -> _Place:
        """Give where a value, or the first value in a section, was from."""
        if self.source.path_of(key) != self.source.path:
            return self.source.path_of(key), self.source.locate(key)
        return self._recorded(key, self.source.locate(key))

    def beaten(self, key: Key, given: Given) -> Given:
        """Give a value that lost against a further setting the place that it had."""
        if given.path != self.source.path:
            return given
        path, position = self._recorded(key, given.position)
        return replace(given, path=path, position=position)

    def said_of(self, places: Mapping[Key, _Place]) -> Mapping[Key, str]:
        """Give in the run's own words where those values are from that no further setting gave."""
        told = {key: self.recorded.get(".".join(map(str, key))) for key in places}
        return {
            key: self._of_the_run(words)
            for key, words in told.items()
            if words and self.source.path_of(key) == self.source.path
        }

    def _recorded(self, key: Key, position: Position) -> _Place:
        dotted = ".".join(map(str, key))
        inside = (words for name, words in self.recorded.items() if name.startswith(f"{dotted}."))
        words = (self.recorded.get(dotted) or next(inside, "")) if key else ""
        setting, found = _IN_A_SETTING.match(words), _IN_A_FILE.match(words)
        if setting:
            return f"{setting['run'] or self.said.run_id}, {SETTING}", Position(int(setting["line"]), 1)
        if found:
            return found["path"], Position(int(found["line"]), int(found["column"] or 1))
        return f"{self.said.run_id}/{FILE_NAME}, recipe in force", position

    def _of_the_run(self, words: str) -> str:
        """Say whose settings they are: a reproduction may have some of its own."""
        return f"{self.said.run_id}, {words}" if words.startswith(f"{SETTING}:") else words


def _moved(told: Diagnostic, path: str, places: Mapping[str, _Place]) -> Diagnostic:
    if told.path != path or told.key not in places:
        return told
    path, position = places[told.key]
    return replace(told, path=path, line=position.line, column=position.column)
