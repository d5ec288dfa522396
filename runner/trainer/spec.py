"""What a stage is asked to do: the JSON file that the emulator writes for each child job."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from runner.trainer.errors import Code, TrainerError


@dataclass(frozen=True)
class Spec:
    """The component's literal inputs as they come over the wire, and where files lie or shall lie."""

    inputs: dict[str, str]
    paths: dict[str, Path]
    outputs: dict[str, Path]
    metrics_file: Path | None

    @classmethod
    def read(cls, file: str) -> Spec:
        """Read a spec; raises TrainerError if it is not one."""
        try:
            tree = json.loads(Path(file).read_text(encoding="utf-8"))
            return cls(
                inputs={name: str(value) for name, value in tree["inputs"].items()},
                paths={name: Path(value) for name, value in tree["paths"].items()},
                outputs={name: Path(value) for name, value in tree["outputs"].items()},
                metrics_file=Path(tree["metrics_file"]) if tree.get("metrics_file") else None,
            )
        except OSError as error:
            raise TrainerError(Code.SPEC, f"{file} cannot be read: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise TrainerError(Code.SPEC, f"{file} is not a spec: {type(error).__name__} {error}") from error

    def path(self, name: str) -> Path:
        """Give an input's local path, which must exist."""
        path = self.paths.get(name)
        if path is None:
            raise TrainerError(Code.SPEC, f"the input {name} is missing")
        if not path.exists():
            raise TrainerError(Code.SPEC, f"the input {name} has no file or folder behind it")
        return path

    def output(self, name: str) -> Path:
        """Give an output's folder, made if it is not there."""
        if name not in self.outputs:
            raise TrainerError(Code.SPEC, f"the output {name} is missing")
        self.outputs[name].mkdir(parents=True, exist_ok=True)
        return self.outputs[name]
