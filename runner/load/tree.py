"""The tree of a recipe, which may still be of any shape."""

from collections.abc import Mapping

from runner.yaml12 import Value

Tree = Mapping[str, Value]


def mapping_at(tree: Tree, *names: str) -> Mapping[str, Value]:
    """Give the mapping of a section, or of a mapping in it; an empty one where there is none.

    That something is absent or no mapping is the schema's to tell.
    """
    value: Value = dict(tree)
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}
