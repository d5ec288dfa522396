"""From a row of a data set's own columns to a conversation, as the recipe's `columns` say."""

from runner.dataset.rows import Problem
from runner.recipe import Columns


def conversation(row: object, columns: Columns) -> object | Problem:
    """Give the `messages` that a row means, of whatever shape they are; or why there are none."""
    if not isinstance(row, dict):
        return Problem("row-not-object", "is not an object", "", "an object with the columns of the data set")
    name = columns.messages or ""
    if name not in row:
        return Problem("column-missing", "is not there", name)
    value: object = row[name]
    return value
