"""What PyYAML's syntax errors mean, in plain words."""

from collections.abc import Mapping
from dataclasses import dataclass

from runner.yaml12.places import Position, position_of
from runner.yaml12.problems import Fault, Problem


@dataclass(frozen=True, slots=True)
class _Explanation:
    """A syntax error in plain words; `from_start`: it is shown where the broken thing begins."""

    message: str
    mend: str
    from_start: bool = False


_INDENTATION = _Explanation("the indentation does not fit the lines above", "align it with the lines above")
_BRACKET = _Explanation(
    "this bracket or brace is not closed, or a comma is missing", "close it", from_start=True
)
_NO_YAML = _Explanation("this is not YAML", "look at this line and the one above it")

# The first part that PyYAML's own words hold; libyaml and the parser in Python differ a little.
_EXPLANATIONS: Mapping[str, _Explanation] = {
    "mapping values are not allowed": _Explanation(
        "a colon where no key can stand", "align the key with those above it; a text with `: ` needs quotes"
    ),
    "could not find expected ':'": _Explanation(
        "this is no `key: value` line", "add a colon and a space after the key", from_start=True
    ),
    "did not find expected ',' or": _BRACKET,
    "expected ',' or": _BRACKET,
    "did not find expected key": _INDENTATION,
    "did not find expected '-'": _INDENTATION,
    "expected <block end>": _INDENTATION,
    "block sequence entries are not allowed": _INDENTATION,
    "unexpected end of stream": _Explanation("this quote is never closed", "close it", from_start=True),
    "escape": _Explanation("no escape that YAML knows", "write \\\\ for a backslash, or use single quotes"),
    "node content": _Explanation("a value is missing here", "write it"),
    "tag": _Explanation("tags are not allowed", "delete the tag"),
    "incompatible YAML": _Explanation("another YAML version is asked for", "delete the %YAML line"),
}


def syntax_problem(error: Exception, text: str) -> Problem:
    """Say where a parser stopped in `text`, and why."""
    said = str(getattr(error, "problem", None) or "")
    mark = getattr(error, "problem_mark", None)
    explanation = _explain(said, _character_at(text, position_of(mark)))
    if explanation.from_start:
        mark = getattr(error, "context_mark", None) or mark
    return Fault("yaml-syntax", explanation.message, explanation.mend).at(position_of(mark))


def _character_at(text: str, position: Position) -> str:
    line = text.split("\n")[position.line - 1 : position.line]
    return line[0][position.column - 1 : position.column] if line else ""


def _explain(said: str, character: str) -> _Explanation:
    if "cannot start any token" in said and character == "\t":
        return _Explanation("a tab where YAML takes only spaces", "indent with spaces")
    if "cannot start any token" in said and character:
        return _Explanation(f"a value cannot begin with {character}", "put the value in quotes")
    known = (explanation for part, explanation in _EXPLANATIONS.items() if part in said)
    return next(known, _NO_YAML)
