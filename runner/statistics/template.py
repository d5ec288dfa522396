"""A model's chat template: from messages to the one text that is trained on, as transformers renders it.

The environment is that of transformers 5.23.0 (utils/chat_template_utils.py): Jinja's immutable sandbox,
blocks trimmed, loop controls, and the few functions that templates call. A template is somebody else's
program: how long it may be is bounded, and so is how much it may write, which ends a loop that writes.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Never

from jinja2 import TemplateError
from jinja2.ext import Extension, loopcontrols
from jinja2.nodes import Scope
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from runner.statistics.conversation import Message, NotRendered

LONGEST_TEMPLATE = 256 * 1024
# A template writes a conversation about once, and some lines of its own.
_MOST_TIMES = 8
_SPARE_CHARACTERS = 1024 * 1024


class ChatTemplate:
    """Renders conversations. Raises NotRendered for a template that is none."""

    def __init__(self, source: str, special_tokens: Mapping[str, str]) -> None:
        if len(source) > LONGEST_TEMPLATE:
            raise NotRendered(f"the chat template is longer than {LONGEST_TEMPLATE:,} characters")
        try:
            self._template = _environment().from_string(source)
        except (TemplateError, RecursionError, ValueError, SyntaxError) as error:
            raise NotRendered("the chat template cannot be read") from error
        self._special_tokens = special_tokens

    def render(self, messages: Sequence[Message], *, add_generation_prompt: bool = False) -> str:
        """Write messages as one text, with `add_generation_prompt` up to where the next answer begins.

        Raises NotRendered where the template does not take them; the words of it are the template's, which
        may repeat a row's, and are not told.
        """
        values = {
            **self._special_tokens,
            "messages": messages,
            "tools": None,
            "documents": None,
            "add_generation_prompt": add_generation_prompt,
        }
        most = _SPARE_CHARACTERS + _MOST_TIMES * sum(len(message["content"]) for message in messages)
        try:
            return "".join(_bounded(self._template.generate(values), most))
        except NotRendered:
            raise
        except Exception as error:  # a template may do whatever it likes wrong
            raise NotRendered("the chat template does not take the conversation") from error


def _bounded(pieces: Iterable[str], most: int) -> Iterator[str]:
    written = 0
    for piece in pieces:
        written += len(piece)
        if written > most:
            raise NotRendered("the chat template writes without end")
        yield piece


class _Generation(Extension):
    """Takes `{% generation %}`, by which newer templates mark answers, for what stands in it."""

    tags = {"generation"}  # noqa: RUF012 - as Jinja declares it

    def parse(self, parser: Parser) -> Scope:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return Scope(body, lineno=line)


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals |= {"raise_exception": _refuse, "strftime_now": _now_as}
    return environment


def _to_json(
    value: object,
    ensure_ascii: bool = False,  # noqa: FBT001, FBT002 - as templates call it
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,  # noqa: FBT001, FBT002 - as above
) -> str:
    """Write JSON as it is: Jinja's own filter escapes for HTML."""
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def _refuse(message: str) -> Never:
    raise TemplateError(message)


def _now_as(form: str) -> str:
    return datetime.now(UTC).astimezone().strftime(form)
