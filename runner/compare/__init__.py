"""What differs between runs, manifests and recipes: pure functions over what each of them says."""

from runner.compare.differences import Difference, differences
from runner.compare.side import Section, Side, of_manifest, of_recipe
from runner.compare.verdict import TOLERANCE, Level, Verdict, judge

__all__ = [
    "TOLERANCE",
    "Difference",
    "Level",
    "Section",
    "Side",
    "Verdict",
    "differences",
    "judge",
    "of_manifest",
    "of_recipe",
]
