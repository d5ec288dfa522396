"""How many recipes a second are checked in one process, beside PyYAML's SafeLoader and jsonschema.

The same 1,000 texts of 120 lines for both. The runner reads YAML 1.2 with the place of every value, applies
the schema and every rule between sections, and builds the recipe; the other side loads a tree and collects
`iter_errors` of the same schema, without a place for anything.
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator

from runner.load import load_bytes
from runner.schema_files import read_schema

TEXTS = 1000
PARTS = 10
RECIPE = Path(__file__).parent / "recipe.yaml"


def main() -> None:
    """Give each side a tenth of the texts in turn, so that a busy moment falls on both."""
    text = RECIPE.read_text(encoding="utf-8")
    texts = [text.replace("every-key", f"every-key-{number}x") for number in range(TEXTS)]
    validator = Draft202012Validator(read_schema("recipe.schema.json"))
    ours, theirs = [], []
    for part in range(PARTS):
        some = texts[part::PARTS]
        ours.append(_seconds(_check, some))
        theirs.append(_seconds(lambda each: _load_and_validate(each, validator), some))
    ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
    print(f"{'side':<28} {'recipes/s':>10}")
    print(f"{'runner':<28} {TEXTS / sum(ours):>10.0f}")
    print(f"{'SafeLoader and jsonschema':<28} {TEXTS / sum(theirs):>10.0f}")
    print(f"ratio {ratio:.2f} (median of {PARTS} parts)")


def _seconds(check: Callable[[str], None], texts: list[str]) -> float:
    began = time.perf_counter()
    for text in texts:
        check(text)
    return time.perf_counter() - began


def _check(text: str) -> None:
    loaded = load_bytes(text.encode(), RECIPE)
    # An invalid recipe, or one whose values have no places, would make these figures worthless.
    assert loaded.source.locate(("finetune", "parameters", "lora_r")).line > 1  # noqa: S101


def _load_and_validate(text: str, validator: Draft202012Validator) -> None:
    tree = yaml.load(text, Loader=yaml.SafeLoader)
    # It reads 5e-6 and 1e-8 as text, as YAML 1.1 does; the schema takes both there.
    assert not list(validator.iter_errors(tree))  # noqa: S101


if __name__ == "__main__":
    main()
