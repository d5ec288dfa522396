"""The schemas as recipes are judged by them: without those of the parameters, which are for editors.

What is wrong with parameters is told by `inputs`, in the component's words, and nothing is told twice.
"""

from collections.abc import Mapping
from typing import Any

from runner.catalog import tasks
from runner.schema_files import referred

_OF_PARAMETERS = frozenset(f"parameters/{task}.schema.json" for task in tasks())


def judged(address: str) -> Mapping[str, Any]:
    """Read the schema that a reference leads to; raises LookupError for all but our own."""
    schema: Mapping[str, Any] = _without_parameters(referred(address))
    return schema


def _without_parameters(value: Any) -> Any:  # noqa: ANN401 - a schema is JSON, and so is all there is in it
    if isinstance(value, list):
        return [_without_parameters(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    return {key: _without_parameters(each) for key, each in value.items() if not _leads_there(key, each)}


def _leads_there(key: str, value: object) -> bool:
    return key == "$ref" and isinstance(value, str) and value.partition("#")[0] in _OF_PARAMETERS
