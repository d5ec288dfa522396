"""The schemas' files: in the installed package, or in the checkout."""

import importlib.resources
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def read_schema(name: str) -> Mapping[str, Any]:
    """Read a schema by its file's name."""
    installed = importlib.resources.files("runner").joinpath("schemas", name)
    checkout = Path(__file__).parents[1] / "schemas" / name
    text = installed.read_text("utf-8") if installed.is_file() else checkout.read_text("utf-8")
    schema: Mapping[str, Any] = json.loads(text)
    return schema
