"""A model's own tokenizer, of the files that lie beside its weights, without the library that trains."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from runner.statistics.conversation import NotRendered

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Vocabulary

    from runner.statistics.template import ChatTemplate

# What templates are given of the special tokens, as transformers names them.
_SPECIAL_TOKENS = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
_A_CONVERSATION = ({"role": "user", "content": "a"}, {"role": "assistant", "content": "b"})


class Encoded(Protocol):
    """A text as tokens: how many, and where in the text one of them is."""

    def __len__(self) -> int: ...

    def token_to_chars(self, token_index: int, /) -> tuple[int, int] | None:
        """Give where a token begins and ends."""


class Unreadable(Exception):
    """Files make up no tokenizer that can be used here; the message says why."""


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """Renders conversations and takes texts apart. `origin` says whose it is.

    `longest_input` counts the tokens that the model takes in, None where its files do not say.
    """

    origin: str
    template: "ChatTemplate"
    vocabulary: "Vocabulary"
    longest_input: int | None

    def encode(self, texts: Sequence[str]) -> Sequence[Encoded]:
        """Take texts apart, adding no token; all cores work on it. Raises Unreadable."""
        with _of_the_library("the model's tokenizer does not take the rows"):
            encoded: Sequence[Encoded] = self.vocabulary.encode_batch(texts, add_special_tokens=False)
            return encoded


def read(files: Mapping[str, bytes], origin: str) -> Tokenizer:
    """Make a tokenizer of a model's files by base name. Raises Unreadable."""
    # Only who counts tokens pays for the libraries.
    from runner.statistics.template import ChatTemplate  # noqa: PLC0415

    settings = _mapping(files, "tokenizer_config.json")
    special = _special_tokens(settings, _mapping(files, "special_tokens_map.json"))
    try:
        template = ChatTemplate(_template(files, settings), special)
        template.render(_A_CONVERSATION)
    except NotRendered as error:
        raise Unreadable(str(error)) from error
    longest = _longest_input(_mapping(files, "config.json"))
    return Tokenizer(origin, template, _vocabulary(files), longest)


def _vocabulary(files: Mapping[str, bytes]) -> "Vocabulary":
    from tokenizers import Tokenizer as Vocabulary  # noqa: PLC0415 - as above

    if "tokenizer.json" not in files:
        raise Unreadable("the model has no tokenizer.json")
    with _of_the_library("the model's tokenizer.json cannot be read"):
        vocabulary = Vocabulary.from_buffer(files["tokenizer.json"])
    vocabulary.no_truncation()
    vocabulary.no_padding()
    return vocabulary


@contextmanager
def _of_the_library(trouble: str) -> Iterator[None]:
    """Raise Unreadable for the library's own errors: Exception itself, and panics, which are none."""
    try:
        yield
    except BaseException as error:
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise Unreadable(trouble) from error
        raise


def _template(files: Mapping[str, bytes], settings: Mapping[str, Any]) -> str:
    """Find the template: in a file of its own, else in the settings, where one of several is the default."""
    if "chat_template.jinja" in files:
        return _text(files, "chat_template.jinja")
    found = settings.get("chat_template")
    if isinstance(found, list):
        named = [each for each in found if isinstance(each, Mapping) and each.get("name") == "default"]
        found = named[0].get("template") if named else None
    if not isinstance(found, str):
        raise Unreadable("the model has no chat template")
    return found


def _special_tokens(*settings: Mapping[str, Any]) -> Mapping[str, str]:
    """Give each token's text, which may stand in an object; the first that names one counts."""
    found: dict[str, str] = {}
    for each in settings:
        for name in _SPECIAL_TOKENS:
            told = each.get(name)
            text = told.get("content") if isinstance(told, Mapping) else told
            if isinstance(text, str):
                found.setdefault(name, text)
    return found


def _longest_input(config: Mapping[str, Any]) -> int | None:
    """Read how many positions there are; a model that sees, too, has those of its language model inside."""
    for part in (config, config.get("text_config")):
        found = part.get("max_position_embeddings") if isinstance(part, Mapping) else None
        if isinstance(found, int) and not isinstance(found, bool) and found > 0:
            return found
    return None


def _mapping(files: Mapping[str, bytes], name: str) -> Mapping[str, Any]:
    if name not in files:
        return {}
    try:
        value = json.loads(_text(files, name))
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"the model's {name} is no JSON") from error
    return value if isinstance(value, Mapping) else {}


def _text(files: Mapping[str, bytes], name: str) -> str:
    try:
        return files[name].decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"the model's {name} is not UTF-8") from error
