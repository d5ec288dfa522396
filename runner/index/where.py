"""The conditions of `runner runs --where`: a small language of comparisons, read by an allow list.

    finetune.parameters.learning_rate < 1e-5 and metrics.eval_loss < 2
    status in ("failed", "canceled") or tags["cost-center"] == "llm-lab"
    alive and not has(baseline.name)

Python's parser makes a tree of the text; nothing of it is ever executed. What a run does not tell is unknown,
not false: neither a comparison nor its contrary then holds. `has` tells the one from the other.
"""

import ast
import difflib
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from runner.errors import UsageError
from runner.index.facts import Fact

LONGEST = 2000

_COMPARISON = "a comparison, such as metrics.eval_loss < 2 or status == 'failed'"
_NAME = 'a key, such as metrics.eval_loss or tags["cost-center"]'
_VALUE = "a number, a text in quotes, true or false"
_ORDER = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
_EQUAL = {ast.Eq: "==", ast.NotEq: "!="}
_MEMBER = {ast.In: "in", ast.NotIn: "not in"}
_WORDS: Mapping[type[ast.cmpop], str] = {**_ORDER, **_EQUAL, **_MEMBER}
_BOOLEANS = {"true": True, "false": False}
# A key that is a condition by itself: whether anything is in its list.
_ALIVE = "alive"
_HAS = "has"

Facts = Mapping[str, Fact]
Truth = bool | None


class Condition(Protocol):
    """Something that holds of a run, does not, or is unknown (None)."""

    def holds(self, facts: Facts) -> Truth:
        """Tell it of one run."""

    def comparisons(self) -> "Iterator[Comparison]":
        """Give every comparison in it."""

    def keys(self) -> Iterator[str]:
        """Give every key that it asks for."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a run's facts."""

    name: str

    def of(self, facts: Facts) -> Fact | None:
        """Give its value."""
        return facts.get(self.name)


@dataclass(frozen=True, slots=True)
class Given:
    """A value that stands in the condition; several where it is a list."""

    value: Fact | tuple[Fact, ...]

    def of(self, _facts: Facts) -> Fact | tuple[Fact, ...]:
        """Give it, whatever the run."""
        return self.value


Operand = Key | Given


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Two operands and a word between them: `<`, `==`, `in` and the like."""

    left: Operand
    word: str
    right: Operand

    def holds(self, facts: Facts) -> Truth:
        """See `Condition`."""
        left, right = self.left.of(facts), self.right.of(facts)
        if left is None or right is None:
            return None
        if self.word in _MEMBER.values():
            member = _is_in(left, right)
            return member if member is None else member == (self.word == "in")
        if self.word in _EQUAL.values():
            equal = _is_equal_list(left, right)
            return equal if equal is None else equal == (self.word == "==")
        return _is_in_order(left, self.word, right)

    def comparisons(self) -> "Iterator[Comparison]":
        """See `Condition`."""
        yield self

    def keys(self) -> Iterator[str]:
        """See `Condition`."""
        return (each.name for each in (self.left, self.right) if isinstance(each, Key))


@dataclass(frozen=True, slots=True)
class Has:
    """Whether a run tells a key at all, which is never unknown."""

    key: str

    def holds(self, facts: Facts) -> Truth:
        """See `Condition`."""
        return self.key in facts

    def comparisons(self) -> Iterator[Comparison]:
        """See `Condition`."""
        return iter(())

    def keys(self) -> Iterator[str]:
        """See `Condition`."""
        yield self.key


@dataclass(frozen=True, slots=True)
class Not:
    """The contrary of a condition."""

    inner: Condition

    def holds(self, facts: Facts) -> Truth:
        """See `Condition`."""
        truth = self.inner.holds(facts)
        return None if truth is None else not truth

    def comparisons(self) -> Iterator[Comparison]:
        """See `Condition`."""
        return self.inner.comparisons()

    def keys(self) -> Iterator[str]:
        """See `Condition`."""
        return self.inner.keys()


@dataclass(frozen=True, slots=True)
class Joined:
    """Several conditions; `decisive` is what one of them decides alone: True for `or`, False for `and`."""

    decisive: bool
    parts: tuple[Condition, ...]

    def holds(self, facts: Facts) -> Truth:
        """See `Condition`."""
        told = [each.holds(facts) for each in self.parts]
        if self.decisive in told:
            return self.decisive
        return None if None in told else not self.decisive

    def comparisons(self) -> Iterator[Comparison]:
        """See `Condition`."""
        for each in self.parts:
            yield from each.comparisons()

    def keys(self) -> Iterator[str]:
        """See `Condition`."""
        for each in self.parts:
            yield from each.keys()


def parsed(text: str) -> Condition:
    """Read a condition. Raises UsageError, with the column, what was expected, and never by executing it."""
    if len(text) > LONGEST:
        raise _refused(LONGEST + 1, "the condition is too long", f"at most {LONGEST} characters")
    if not text.isascii() and text != text.encode(errors="replace").decode():
        raise _refused(1, "this is no text in UTF-8", _COMPARISON)
    blank = len(text) - len(text.lstrip())
    line = " ".join(text.strip().split("\n"))
    try:
        return _Reader(line, blank).condition(_tree(line, blank))
    except RecursionError:
        raise _refused(blank + 1, "this is nested too deeply", _COMPARISON) from None


def keys_of(condition: Condition) -> tuple[str, ...]:
    """Give every key that a condition asks for, once each."""
    return tuple(dict.fromkeys(condition.keys()))


def alike(name: str, known: frozenset[str]) -> str:
    """Give the known key that is most like a name, also one that only ends so; "" if none is."""
    ending = sorted(key for key in known if key.endswith(f".{name}"))
    return next(iter(ending or difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.7)), "")


def _tree(line: str, blank: int) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Python's own grammar; they have no business here
            return ast.parse(line, mode="eval").body
    except SyntaxError as error:
        # Python gives no place for an end that comes too early.
        raise _refused(blank + (error.offset or len(line) + 1), "this cannot be read", _COMPARISON) from None
    except (ValueError, MemoryError, RecursionError):
        raise _refused(blank + 1, "this cannot be read", _COMPARISON) from None


class _Reader:
    """Turns Python's tree into conditions; whatever is not on the list is refused."""

    def __init__(self, line: str, blank: int) -> None:
        self._line = line.encode()
        self._blank = blank

    def condition(self, node: ast.expr) -> Condition:
        if isinstance(node, ast.BoolOp):
            parts = tuple(self.condition(each) for each in node.values)
            return Joined(isinstance(node.op, ast.Or), parts)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return Not(self.condition(node.operand))
        if isinstance(node, ast.Compare):
            return self._compared(node)
        if isinstance(node, ast.Name) and node.id == _ALIVE:
            return Comparison(left=Key(_ALIVE), word="==", right=Given(value=True))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == _HAS:
            return self._has(node)
        raise self._unfit(node, "this is no comparison", _COMPARISON)

    def _has(self, node: ast.Call) -> Has:
        is_key = len(node.args) == 1 and isinstance(node.args[0], ast.Name | ast.Attribute | ast.Subscript)
        if not is_key or node.keywords:
            raise self._unfit(node, "`has` asks for one key", "has(metrics.eval_loss)")
        return Has(self._name(node.args[0]))

    def _compared(self, node: ast.Compare) -> Condition:
        operands = [node.left, *node.comparators]
        parts = tuple(
            self._comparison(left, word, right)
            for left, word, right in zip(operands, node.ops, operands[1:], strict=False)
        )
        return parts[0] if len(parts) == 1 else Joined(decisive=False, parts=parts)

    def _comparison(self, left: ast.expr, word: ast.cmpop, right: ast.expr) -> Comparison:
        if type(word) not in _WORDS:
            raise self._unfit(left, "`is` is no comparison of values", "== or !=")
        takes_many = type(word) in _MEMBER
        made = Comparison(
            left=self._operand(left),
            word=_WORDS[type(word)],
            right=self._operand(right, many=takes_many),
        )
        if not any(isinstance(each, Key) for each in (made.left, made.right)):
            raise self._unfit(left, "two values are compared, and nothing of a run", _NAME)
        if takes_many and isinstance(made.right, Given) and not isinstance(made.right.value, tuple):
            raise self._unfit(right, "`in` needs several values", "values in parentheses: (1, 2)")
        return made

    def _operand(self, node: ast.expr, *, many: bool = False) -> Operand:
        if isinstance(node, ast.Tuple | ast.List) and many:
            return Given(tuple(self._value(each) for each in node.elts))
        if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
            name = self._name(node)
            return Given(_BOOLEANS[name]) if name in _BOOLEANS else Key(name)
        return Given(self._value(node))

    def _name(self, node: ast.expr) -> str:
        if isinstance(node, ast.Name):
            return node.id
        if isinstance(node, ast.Attribute):
            return f"{self._name(node.value)}.{node.attr}"
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            if isinstance(node.slice.value, str):
                return f"{self._name(node.value)}.{node.slice.value}"
            raise self._unfit(node.slice, "a key in brackets has to be a text", 'as in tags["cost-center"]')
        raise self._unfit(node, "this is no key", _NAME)

    def _value(self, node: ast.expr) -> Fact:
        if isinstance(node, ast.Name) and node.id in _BOOLEANS:
            return _BOOLEANS[node.id]
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            value = self._value(node.operand)
            if isinstance(value, int | float) and not isinstance(value, bool):
                return -value if isinstance(node.op, ast.USub) else value
        if isinstance(node, ast.Constant) and isinstance(node.value, str | int | float):
            return node.value
        raise self._unfit(node, "this is neither a key nor a value", f"{_NAME}, or {_VALUE}")

    def _unfit(self, node: ast.expr, what: str, expected: str) -> UsageError:
        column = len(self._line[: node.col_offset].decode(errors="replace")) + 1
        return _refused(self._blank + column, what, expected)


def _refused(column: int, what: str, expected: str) -> UsageError:
    return UsageError(
        f"--where, column {column}: {what}; expected {expected}",
        hint="comparisons (< <= == != >= > in) of keys with values, alive, has(key); joined by and, or, not",
    )


def _kind(value: object) -> type:
    """Tell what a value may be compared with: a whole number with any number, but true with no 1."""
    return float if type(value) is int else type(value)


def _is_equal_list(left: object, right: object) -> Truth:
    """Compare, a list with true or false by whether anything is in it; it is neither a text nor a number."""
    if not isinstance(left, tuple) and not isinstance(right, tuple):
        return _is_equal(left, right)
    if isinstance(left, bool) or isinstance(right, bool):
        return bool(left) == bool(right)
    return _is_equal(left, right) if type(left) is type(right) else None


def _is_equal(left: object, right: object) -> bool:
    return _kind(left) is _kind(right) and left == right


def _is_in_order(left: object, word: str, right: object) -> Truth:
    """Compare two numbers or two texts; there is no order between one and the other."""
    if isinstance(left, str) and isinstance(right, str):
        sign = (left > right) - (left < right)
    elif _kind(left) is float and isinstance(left, int | float) and isinstance(right, int | float):
        if _kind(right) is not float:
            return None
        sign = (left > right) - (left < right)
    else:
        return None
    return {"<": sign < 0, "<=": sign <= 0, ">": sign > 0, ">=": sign >= 0}[word]


def _is_in(left: object, right: object) -> Truth:
    """Tell whether a value is among several, or a text within another."""
    if isinstance(right, tuple):
        return any(_is_equal(left, each) for each in right)
    return left in right if isinstance(left, str) and isinstance(right, str) else None
