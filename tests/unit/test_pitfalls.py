"""What of the SDK is not used, because it misleads: held by reading our own code.

`jobs.stream` returns normally for a cancelled job; `invoke` keeps the last endpoint's key and deployment;
a poller ends without an error when time is up, or dies while the work goes on; unnamed jobs
and unversioned assets get random names; the SDK's upload of a local path hangs on one refused file.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.shell import ROOT

AZURE = ROOT / "runner" / "azure"
MISLEADING = {"stream", "invoke", "result", "done", "download"}


def calls() -> Iterator[tuple[Path, ast.Call]]:
    for path in sorted(AZURE.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield path, node


def named(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def is_our_own(node: ast.Call) -> bool:
    """Tell whether a method of the very class is called."""
    called = node.func.value if isinstance(node.func, ast.Attribute) else None
    return isinstance(called, ast.Name) and called.id == "self"


def given(node: ast.Call) -> set[str]:
    return {keyword.arg for keyword in node.keywords if keyword.arg}


def test_nothing_that_misleads_is_called() -> None:
    seen = [(path, node) for path, node in calls() if not is_our_own(node)]

    assert len(seen) > 150
    assert [f"{path.name}:{node.lineno}" for path, node in seen if named(node) in MISLEADING] == []


def test_no_poller_is_kept() -> None:
    """A poller that is bound to a name is one whose word somebody means to take."""
    bound = [
        f"{path.name}:{node.lineno}"
        for path in AZURE.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Assign | ast.Return)
        and isinstance(node.value, ast.Call)
        and named(node.value).startswith("begin_")
    ]
    assert bound == []


@pytest.mark.parametrize("entity", ["Data", "Model"])
def test_an_asset_is_never_left_to_a_random_version(entity: str) -> None:
    made = [node for _, node in calls() if named(node) == entity]

    assert made
    assert all({"name", "version"} <= given(node) for node in made)
