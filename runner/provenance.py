"""What ran: the versions of the runner, its libraries and Python, and the state of the git checkout."""

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from runner import checkout
from runner.facts import TargetKind
from runner.journal import Json

_UNKNOWN = "unknown"
_LIBRARIES = (
    "azure-core",
    "azure-identity",
    "azure-storage-blob",
    "datasets",
    "huggingface_hub",
    "mlflow-skinny",
    "pyarrow",
)
# What trains, where that is done on this machine.
_OF_THE_TRAINER = ("peft", "torch", "transformers")


def versions(folder: Path, kind: TargetKind | None = None) -> Mapping[str, Json]:
    """Collect them; `folder` is the recipe's, whose checkout counts. `git` is None outside a checkout."""
    return {**_programs(), "libraries": libraries(kind), "git": checkout.state(folder)}


def installations(kind: TargetKind) -> dict[str, str]:
    """Give the versions of all that is installed and takes part, one beside the other."""
    return {**_programs(), **libraries(kind)}


def libraries(kind: TargetKind | None = None) -> dict[str, str]:
    """Give the versions of the libraries that take part and are installed; none is imported."""
    names = _LIBRARIES + (_OF_THE_TRAINER if kind is TargetKind.EMULATOR else ())
    found = {name: installed(name) for name in names}
    return {name: told for name, told in found.items() if told != _UNKNOWN}


def taking_part(libraries: Mapping[str, Json], kind: TargetKind) -> dict[str, Json]:
    """Give those of the libraries of a run, wherever it was, that would take part on such a target."""
    elsewhere = () if kind is TargetKind.EMULATOR else _OF_THE_TRAINER
    return {name: told for name, told in libraries.items() if name not in elsewhere}


def _programs() -> dict[str, str]:
    return {
        "runner": installed("runner"),
        "azure-ai-ml": installed("azure-ai-ml"),
        "python": platform.python_version(),
    }


def installed(package: str) -> str:
    """Give an installed package's version, `unknown` where it runs uninstalled."""
    try:
        return version(package)
    except PackageNotFoundError:
        return _UNKNOWN
