"""A recipe with its variables filled in, wherever the schema marks a key `x-env`; the workspace aside."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

from runner.load.environment import REFERENCE, SECRET_LIKE, UnsetVariable, interpolate, schema_of
from runner.load.source import Loaded, Mistake, invalid
from runner.recipe import Recipe
from runner.redact import redact, register
from runner.yaml12 import Key

EVERY_SECTION = frozenset(each.name for each in fields(Recipe))


def resolve(loaded: Loaded, environment: Mapping[str, str], *, needed: Collection[str]) -> Loaded:
    """Fill in every reference outside the workspace section, which is only checked here.

    In the sections that are `needed` a variable that is not set is an error; elsewhere it stays as written. A
    secret is refused: what a recipe says ends in tags and paths that others may read. Raises RecipeInvalid
    with every mistake.
    """
    work = _Filling(environment, needed)
    recipe = loaded.recipe
    filled = {name: work.fill((name,), getattr(recipe, name)) for name in sorted(EVERY_SECTION)}
    del filled["workspace"]  # checked with the rest; who needs it fills it in for one target
    if work.mistakes:
        raise invalid(loaded.source.path, loaded.source.in_order(map(loaded.source.place, work.mistakes)))
    return replace(loaded, recipe=replace(recipe, **filled))


@dataclass(slots=True)
class _Filling:
    """What is filled in from, and what is wrong so far."""

    environment: Mapping[str, str]
    needed: Collection[str]
    mistakes: list[Mistake] = field(default_factory=list)

    def fill(self, key: Key, value: Any) -> Any:  # noqa: ANN401 - a value of any type gives one of the same
        """Fill in every text of a value."""
        if isinstance(value, str):
            return self._text(key, value) if "${env:" in value else value
        if isinstance(value, tuple):
            return tuple(self.fill((*key, index), item) for index, item in enumerate(value))
        if isinstance(value, Mapping):
            return {name: self.fill((*key, name), item) for name, item in value.items()}
        if is_dataclass(value) and not isinstance(value, type):
            names = [each.name for each in fields(value)]
            return replace(value, **{name: self.fill((*key, name), getattr(value, name)) for name in names})
        return value

    def _text(self, key: Key, text: str) -> str:
        try:
            filled = interpolate(text, self.environment)
        except UnsetVariable as unset:
            if key[0] in self.needed:
                self._refuse(key, "env-unset", str(unset), f"export {unset.name}")
            return text
        secret = next(self._secrets(text), None)
        if secret is not None:
            message = f"takes a secret from the environment: {secret}"
            mend = "name a variable that holds no secret: what a recipe says can be read by others"
            self._refuse(key, "secret-from-environment", message, mend)
        elif not _has_form(filled, schema_of(key)):
            rule = schema_of(key).get("x-rule", "text that is not too long")
            message = f"with its variables filled in, must be {rule}"
            self._refuse(key, "wrong-form", message, "check the variables")
        return filled

    def _secrets(self, text: str) -> Iterator[str]:
        """Find variables that hold a secret, by name or by the value's shape; none is shown from then on."""
        for match in REFERENCE.finditer(text):
            value = self.environment.get(match["name"], "")
            if SECRET_LIKE.search(match["name"]) or redact(value) != value:
                register(value)
                yield match["name"]

    def _refuse(self, key: Key, code: str, message: str, mend: str) -> None:
        self.mistakes.append(Mistake(key=key, code=code, message=message, mend=mend))


def _has_form(text: str, schema: Mapping[str, Any]) -> bool:
    short_enough = len(text) <= schema.get("maxLength", len(text))
    return (
        "${" not in text and short_enough and bool(re.fullmatch(schema.get("pattern", ".*"), text, re.DOTALL))
    )
