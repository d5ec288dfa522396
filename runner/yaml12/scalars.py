"""What a scalar means in the core schema of YAML 1.2, and which scalars are refused."""

import math
import re
from collections.abc import Mapping

from runner.yaml12.characters import text_fault
from runner.yaml12.document import Value
from runner.yaml12.problems import Fault

_CONSTANTS: Mapping[str, bool | None] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NO_NUMBER = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
# What a number, infinity and NaN begin with.
_NUMBER_STARTS = frozenset("+-.0123456789")
_LONGEST_NUMBER = 64
_INTEGER_LIMIT = 2**63


def meaning(text: str, *, plain: bool) -> tuple[Value, Fault | None]:
    """Give the value of a scalar and what is wrong with it; `plain`: it is not quoted."""
    fault = text_fault(text, plain=plain)
    if fault is not None or not plain:
        return text, fault
    try:
        return resolve(text), None
    except OverflowError:
        return None, Fault("number-range", "no number of 64 bits holds this", "quote it if it is text")
    except ValueError:
        return None, Fault("not-a-number", "infinity and NaN are not allowed", "write a number")


def resolve(text: str) -> Value:
    """Give the meaning of an unquoted scalar (YAML 1.2.2, section 10.3.2).

    Raises OverflowError for a number that neither 64 bits nor a float hold, ValueError for infinity and NaN.
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    if _INTEGER.fullmatch(text):
        return _integer(text, 10)
    if _BASED.fullmatch(text):
        return _integer(text, 0)
    if _FLOAT.fullmatch(text):
        return _float(text)
    if _NO_NUMBER.fullmatch(text):
        raise ValueError(text)
    return text


def _integer(text: str, base: int) -> int:
    number = int(text, base) if len(text) <= _LONGEST_NUMBER else _INTEGER_LIMIT
    if not -_INTEGER_LIMIT <= number < _INTEGER_LIMIT:
        raise OverflowError
    return number


def _float(text: str) -> float:
    number = float(text) if len(text) <= _LONGEST_NUMBER else math.inf
    vanished = number == 0 and re.search("[1-9]", re.split("[eE]", text)[0])
    if math.isinf(number) or vanished:
        raise OverflowError
    return number
