"""What differs between runs, manifests and recipes: pure functions over what each of them says."""

from runner.compare.answers import answers_of, prompt_text
from runner.compare.differences import Difference, differences, lacking
from runner.compare.side import Section, Side, of_manifest, of_recipe
from runner.compare.verdict import TOLERANCE, Level, Verdict, judge

__all__ = [
    "TOLERANCE",
    "Difference",
    "Level",
    "Section",
    "Side",
    "Verdict",
    "answers_of",
    "differences",
    "judge",
    "lacking",
    "of_manifest",
    "of_recipe",
    "prompt_text",
]
