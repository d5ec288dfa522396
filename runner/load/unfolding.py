"""The points of a sweep, each judged as the recipe that it is; their mistakes stand in the sweep section."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from runner.errors import Diagnostic, Severity
from runner.load.building import build
from runner.load.judging import Judged, judge
from runner.load.layers import Layer, Layers
from runner.load.points import SWEEP, Unfolded, settings_of, unfold
from runner.load.settings import setting
from runner.load.source import SETTING, Loaded, Point
from runner.yaml12 import Key, Position

# Once so many points have mistakes in them, people have enough to mend, and a check is to stay quick.
_MOST_MISTAKEN = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedPoint:
    """A point and what it comes to; `told` is what is wrong with it beyond what is wrong with the recipe."""

    index: int
    unfolded: Unfolded
    judged: Judged
    places: Mapping[int, tuple[str, Position]]
    told: tuple[Diagnostic, ...]

    def built(self) -> Point:
        """Give the point, in which there are no mistakes."""
        source = replace(self.judged.source, recorded=self._origins())
        loaded = Loaded(recipe=build(self.judged.document.value or {}), source=source)
        return Point(index=self.index, values=self.unfolded.values, loaded=loaded, places=self.places)

    def _origins(self) -> Mapping[Key, str]:
        """Give where its values stand in the sweep: nobody has typed the settings that they have become."""
        keys = [tuple(key.split(".")) for key in self.unfolded.values]
        return {
            key: f"{path}:{position.line}:{position.column} (sweep)"
            for key, (path, position) in zip(keys, self.places.values(), strict=True)
        }


def points(
    base: Judged, recipe: Layer, read: Layers, layers: Sequence[Layer], *, settings: int
) -> Sequence[JudgedPoint]:
    """Judge the points of a recipe, none where its sweep is not as it has to be.

    The last layers are as many settings of the command line; those of a point are counted on from them.
    """
    if not _has_sound_sweep(base):
        return ()
    found: list[JudgedPoint] = []
    mistaken = 0
    for index, unfolded in enumerate(unfold(base.document.value or {}), start=1):
        away, given = settings_of(base.document.value or {}, unfolded)
        own = [setting(text, number) for number, text in enumerate([*away, *given], start=settings + 1)]
        lines = range(settings + len(away) + 1, settings + len(own) + 1)
        places = {line: _place(base, key) for line, key in zip(lines, unfolded.places, strict=True)}
        judged = judge(recipe, read, [*layers, *own])
        told = tuple(_told(base, judged, places))
        found.append(JudgedPoint(index=index, unfolded=unfolded, judged=judged, places=places, told=told))
        mistaken += any(each.severity is Severity.ERROR for each in told)
        if mistaken >= _MOST_MISTAKEN:
            break
    return found


def _has_sound_sweep(base: Judged) -> bool:
    """Tell whether there are points to judge: nothing follows from a section that is itself mistaken."""
    errors = [each.key for each in base.found if each.severity is Severity.ERROR]
    wrong = any(key.partition(".")[0] == SWEEP for key in errors)
    spoiled = any(key[:1] in {(), (SWEEP,)} for key in base.document.spoiled)
    return SWEEP in (base.document.value or {}) and not wrong and not spoiled


def _place(base: Judged, key: tuple[str | int, ...]) -> tuple[str, Position]:
    return base.source.path_of(key), base.source.locate(key)


def _told(base: Judged, judged: Judged, places: Mapping[int, tuple[str, Position]]) -> Iterator[Diagnostic]:
    """Give what is wrong with a point alone; what its values do to others stands at the first of them."""
    known = set(base.found)
    for each in judged.found:
        if each not in known:
            line = each.line if each.path == SETTING and each.line in places else next(iter(places))
            path, position = places[line]
            yield replace(each, path=path, line=position.line, column=position.column)
