"""What differs between runs, manifests and recipes: pure functions over what each of them says."""

from runner.compare.differences import Difference, differences
from runner.compare.side import Section, Side, of_manifest, of_recipe

__all__ = ["Difference", "Section", "Side", "differences", "of_manifest", "of_recipe"]
