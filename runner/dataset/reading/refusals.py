"""A split that cannot be used as the recipe names it."""

import difflib
from collections.abc import Sequence

from runner.errors import Diagnostic, RecipeInvalid


def no_such_split(label: str, role: str, split: str, there: Sequence[str]) -> RecipeInvalid:
    """Say that a split is not there, which ones are, and which was likely meant."""
    close = difflib.get_close_matches(split, there, n=1)
    return refusal(
        label,
        role,
        "no-such-split",
        f"the split {split!r} is not there",
        expected=f"must be one of {', '.join(there)}" if there else "",
        mend=f"did you mean {close[0]}?" if close else "",
    )


def refusal(  # noqa: PLR0913 the fields of a diagnostic, each said once by the caller
    label: str, field: str, code: str, message: str, *, expected: str = "", mend: str = ""
) -> RecipeInvalid:
    """Refuse a whole split, by the recipe's field that asks for it."""
    diagnostic = Diagnostic(
        path=label,
        line=1,
        column=1,
        code=code,
        key=f"dataset.{field}",
        message=message,
        expected=expected,
        mend=mend,
    )
    return RecipeInvalid("the data set cannot be used as the recipe names it", (diagnostic,))
