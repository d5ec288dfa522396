"""What PyYAML's syntax errors mean, in plain words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import yaml

from runner.yaml12.blame import is_closed, no_key, open_quote, pushed_key
from runner.yaml12.characters import no_break_space
from runner.yaml12.places import Position, line_at, lines_of, position_of
from runner.yaml12.problems import Fault, Problem


@dataclass(frozen=True, slots=True)
class _Explanation:
    """A syntax error in plain words; `from_start`: it is shown where the broken thing begins."""

    message: str
    mend: str
    from_start: bool = False


_INDENTATION = _Explanation("the indentation does not fit the lines above", "align it with the lines above")
_AFTER_THE_END = _Explanation("this stands after the end of the recipe", "align it with the lines above")
_BRACKET = _Explanation(
    "this bracket or brace is not closed, or a comma is missing", "close it", from_start=True
)
_NO_YAML = _Explanation("this is not YAML", "look at this line and the one above it")

_QUOTE = _Explanation(
    "this quote is not closed where it should be", "close it; write '' for an apostrophe", from_start=True
)
_NO_KEY = _Explanation(
    "this is no `key: value` line", "add a colon and a space after the key", from_start=True
)
_COLON = _Explanation(
    "a colon where no key can stand", "align the key with those above it; a text with `: ` needs quotes"
)
_COMMA = _Explanation(
    "this does not fit in between brackets", "a comma is missing before it, or a text with `: ` needs quotes"
)
_ESCAPE = _Explanation("no escape that YAML knows", "write \\\\ for a backslash, or use single quotes")

# The first part that PyYAML's own words hold; libyaml and the parser in Python differ a little.
_EXPLANATIONS: Mapping[str, _Explanation] = {
    "mapping values are not allowed": _COLON,
    "could not find expected ':'": _NO_KEY,
    "did not find expected ',' or": _BRACKET,
    "expected ',' or": _BRACKET,
    "did not find expected key": _INDENTATION,
    "did not find expected '-'": _INDENTATION,
    "expected <block end>": _INDENTATION,
    "<document start>": _AFTER_THE_END,
    "block sequence entries are not allowed": _INDENTATION,
    "unexpected end of stream": _QUOTE,
    "escape": _ESCAPE,
    "node content": _Explanation("a value is missing here", "write it"),
    "tag": _Explanation("tags are not allowed", "delete the tag"),
    "incompatible YAML": _Explanation("another YAML version is asked for", "delete the %YAML line"),
}


def syntax_problem(error: Exception, text: str, last: yaml.Event | None) -> Problem:
    """Say where a parser stopped in `text`, and why; `last` is the node read last."""
    said = str(getattr(error, "problem", None) or "")
    mark = getattr(error, "problem_mark", None)
    lines = lines_of(text)
    stopped = position_of(mark)
    explanation = _explain(said, _character_at(lines, stopped))
    began = position_of(getattr(error, "context_mark", None) or mark) if explanation.from_start else stopped
    explanation, position = _blame(explanation, began, stopped, last, lines)
    fault = Fault("yaml-syntax", explanation.message, explanation.mend)
    return no_break_space(lines, position) or fault.at(position)


def _blame(
    explanation: _Explanation,
    began: Position,
    stopped: Position,
    last: yaml.Event | None,
    lines: Sequence[str],
) -> tuple[_Explanation, Position]:
    """Look for what a person did wrong in the lines that the parser took for something else."""
    if (quote := open_quote(last, lines, stopped)) is not None:
        return _QUOTE, quote
    if explanation in (_COLON, _INDENTATION, _AFTER_THE_END) and (line := no_key(last, lines)) is not None:
        return _NO_KEY, line
    if explanation is _COLON and (key := pushed_key(lines, stopped)) is not None:
        return _INDENTATION, key
    if explanation is _BRACKET and is_closed(lines, began):
        return _COMMA, stopped
    if explanation is _ESCAPE:
        before = line_at(lines, stopped)[: stopped.column]
        return _ESCAPE, stopped._replace(column=before.rfind("\\") + 1 or stopped.column)
    return explanation, began


def _character_at(lines: Sequence[str], position: Position) -> str:
    return line_at(lines, position)[position.column - 1 : position.column]


def _explain(said: str, character: str) -> _Explanation:
    if "cannot start any token" in said and character == "\t":
        return _Explanation("a tab where YAML takes only spaces", "indent with spaces")
    if "cannot start any token" in said and character:
        return _Explanation(f"a value cannot begin with {character}", "put the value in quotes")
    known = (explanation for part, explanation in _EXPLANATIONS.items() if part in said)
    return next(known, _NO_YAML)
