"""Turns a file into a Recipe, or into everything that is wrong with it, each at its line and column."""

from runner.load.choices import OF_A_CLUSTER
from runner.load.environment import UnsetVariable, interpolate, resolve_workspace
from runner.load.filling import EVERY_SECTION, resolve
from runner.load.reading import load, load_bytes
from runner.load.settings import SHOWN as SETTING
from runner.load.source import Given, Loaded, Part, Point, Source
from runner.yaml12 import Position

__all__ = [
    "EVERY_SECTION",
    "OF_A_CLUSTER",
    "SETTING",
    "Given",
    "Loaded",
    "Part",
    "Point",
    "Position",
    "Source",
    "UnsetVariable",
    "interpolate",
    "load",
    "load_bytes",
    "resolve",
    "resolve_workspace",
]
