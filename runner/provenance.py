"""What ran: the versions of the runner, the SDK and Python, and the state of the git checkout."""

import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from runner.journal import Json

_SECONDS = 5


def versions(folder: Path) -> Mapping[str, Json]:
    """Collect them; `folder` is the recipe's, whose checkout counts. `git` is None outside a checkout."""
    return {
        "runner": installed("runner"),
        "azure-ai-ml": installed("azure-ai-ml"),
        "python": platform.python_version(),
        "git": _git_state(folder),
    }


def installed(package: str) -> str:
    """Give an installed package's version, `unknown` where it runs uninstalled."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def _git_state(folder: Path) -> Mapping[str, Json] | None:
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None
    changed = _git(folder, "status", "--porcelain", "--", ":/", ":(exclude,top)runs")
    return {"commit": commit, "dirty": bool(changed)}


def _git(folder: Path, *words: str) -> str | None:
    command = ["git", "-C", str(folder), *words]
    try:
        done = subprocess.run(  # noqa: S603 - git with our own words
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
