"""What differs between runs, manifests and recipes: pure functions over what each of them says."""

from runner.compare.answers import answers_of, by_prompt, prompt_text
from runner.compare.differences import Difference, differences, lacking, not_compared, told_once
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
    "by_prompt",
    "differences",
    "judge",
    "lacking",
    "not_compared",
    "of_manifest",
    "of_recipe",
    "prompt_text",
    "told_once",
]
