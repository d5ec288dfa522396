"""The one error of the trainer: a mistake that whoever wrote the recipe or the data can mend."""

from __future__ import annotations

from enum import StrEnum


class Code(StrEnum):
    """Which of the things handed to a stage is at fault."""

    SPEC = "SpecInvalid"
    PARAMETER = "ParameterInvalid"
    DATA = "DataInvalid"
    MODEL = "ModelInvalid"


class TrainerError(Exception):
    """Ends a stage with exit code 1 and the line `ERROR <code>: <sentence>`."""

    def __init__(self, code: Code, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
