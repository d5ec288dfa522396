"""From files to a Recipe, or to everything that is wrong with them."""

from collections.abc import Sequence
from pathlib import Path

from runner.errors import Severity
from runner.load.building import build
from runner.load.judging import judge
from runner.load.layers import LayerKind, read_layers
from runner.load.settings import setting
from runner.load.source import Loaded, from_problem, invalid
from runner.load.unfolding import points
from runner.yaml12 import Unreadable, read_bytes


def load(path: Path, *, profiles: Sequence[str] = (), settings: Sequence[str] = ()) -> Loaded:
    """Read a recipe with what it extends, then the profiles and settings (KEY=VALUE) on top of it.

    Raises RecipeInvalid with every diagnostic, in the order of the files; UsageError for a profile that is
    not there and for a setting that is not KEY=VALUE.
    """
    try:
        content = read_bytes(path)
    except Unreadable as unreadable:
        raise invalid(str(path), [from_problem(unreadable.problem, str(path))]) from unreadable
    return load_bytes(content, path, profiles=profiles, settings=settings)


def load_bytes(
    content: bytes, path: Path, *, profiles: Sequence[str] = (), settings: Sequence[str] = ()
) -> Loaded:
    """Do as `load` does with a recipe that was read before, such as the one kept in a manifest.

    `path` says where it came from; no file need be there any more.
    """
    read = read_layers(content, path, profiles)
    layers = [*read.found, *(setting(text, number) for number, text in enumerate(settings, start=1))]
    recipe = next((layer for layer in layers if layer.kind is LayerKind.RECIPE), None)
    if recipe is None:
        raise invalid(str(path), read.diagnostics)
    judged = judge(recipe, read, layers)
    swept = points(judged, recipe, read, layers, settings=len(settings))
    told = dict.fromkeys(each for point in swept for each in point.told)
    diagnostics = judged.source.in_order((*judged.found, *told))
    tree = judged.document.value
    if tree is None or any(found.severity is Severity.ERROR for found in diagnostics):
        raise invalid(judged.source.path, diagnostics)
    return Loaded(
        recipe=build(tree),
        source=judged.source,
        notices=diagnostics,
        points=tuple(point.built() for point in swept),
    )
