"""Faults that a test asks for: rules in order, each for exactly the request that it names, then used up."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from runner.emulator.errors import ArmError
from runner.emulator.incoming import Asked


class When(StrEnum):
    """What has happened of a request when its fault does."""

    BEFORE = "before"
    AFTER_APPLY = "after_apply"
    MID_RESPONSE = "mid_response"


class Action(StrEnum):
    """What goes wrong."""

    STATUS = "status"
    RESET = "reset"
    HANG = "hang"
    HALF = "half"
    DRIP = "drip"
    KILL_PID = "kill_pid"
    HIDE_READS = "hide_reads"
    LRO_SCRIPT = "lro_script"
    EXPIRE_TOKENS = "expire_tokens"
    CORRUPT = "corrupt"
    DROP_WRITE = "drop_write"
    REDIRECT = "redirect"


_CUT = {Action.RESET, Action.HANG, Action.HALF, Action.KILL_PID}
_NEED_ANSWER = {Action.HALF, Action.DRIP}
_MATCHED = ("method", "route", "path", "name", "workspace", "nth")


@dataclass(frozen=True, kw_only=True)
class Match:
    """Which requests a rule is for; what is None is not asked for."""

    method: str | None = None
    route: str | None = None
    path: re.Pattern[str] | None = None
    name: str | None = None
    workspace: str | None = None
    nth: int = 1

    def fits(self, asked: Asked) -> bool:
        """Say whether a request is one of those, whichever of them it is."""
        wanted = (self.method, asked.method), (self.route, asked.route)
        named = (self.name, asked.name), (self.workspace, asked.workspace)
        return (
            all(want is None or want == given for want, given in wanted)
            and all(want is None or want.lower() == given.lower() for want, given in named)
            and (self.path is None or self.path.search(asked.path) is not None)
        )


@dataclass(kw_only=True)
class Rule:
    """One fault: for the `nth` request that fits and, with `times`, as many after it."""

    match: Match
    when: When
    action: Action
    args: Mapping[str, Any]
    given: Mapping[str, Any]
    times: int = 1
    seen: int = 0
    fired: int = 0

    def is_due(self, asked: Asked) -> bool:
        """Count a request that fits, and say whether this one is to fail."""
        if not self.match.fits(asked):
            return False
        self.seen += 1
        return self.seen >= self.match.nth and self.fired < self.times

    def shown(self) -> dict[str, object]:
        """Return it as it was given, with what became of it."""
        return {**self.given, "seen": self.seen, "fired": self.fired}


@dataclass
class Faults:
    """The rules in the order in which they were given."""

    rules: list[Rule] = field(default_factory=list)

    def of(self, workspace: str | None) -> list[Rule]:
        """Return the rules for one workspace alone, or all."""
        return [rule for rule in self.rules if workspace is None or rule.match.workspace == workspace]

    def clear(self, workspace: str | None) -> None:
        """Take back the rules for one workspace alone, or all."""
        others = workspace is not None
        self.rules = [rule for rule in self.rules if others and rule.match.workspace != workspace]

    def take(self, asked: Asked) -> Rule | None:
        """Return the first rule that is due; all rules that fit have counted the request."""
        due = [rule for rule in self.rules if rule.is_due(asked)]
        if not due:
            return None
        due[0].fired += 1
        return due[0]


def parse(body: Mapping[str, Any], *, own_pid: int) -> list[Rule]:
    """Read the rules of a request's body. Raises the 400 that says what is wrong with them."""
    rules = body.get("rules")
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise _bad("expected rules, a list of objects")
    return [_rule(rule, number, own_pid) for number, rule in enumerate(rules, 1)]


def _rule(given: dict[str, Any], number: int, own_pid: int) -> Rule:
    try:
        rule = _read(given)
        _check(rule, own_pid)
    except (ValueError, re.error) as error:
        raise _bad(f"rule {number}: {error}") from error
    return rule


def _read(given: dict[str, Any]) -> Rule:
    _refuse_others(given, {"match", "when", "action", "args"})
    args = _object(given, "args")
    return Rule(
        match=_match(_object(given, "match")),
        when=When(given.get("when", When.BEFORE)),
        action=Action(given.get("action", "")),
        args=args,
        given=given,
        times=_count(args, "times"),
    )


def _refuse_others(given: dict[str, Any], keys: set[str]) -> None:
    if unknown := given.keys() - keys:
        raise ValueError(f"there is no key {', '.join(sorted(unknown))}")


def _match(given: dict[str, Any]) -> Match:
    _refuse_others(given, set(_MATCHED))
    texts = {key: given[key] for key in _MATCHED[:-1] if given.get(key) is not None}
    if wrong := [key for key, value in texts.items() if not isinstance(value, str)]:
        raise ValueError(f"match.{wrong[0]} must be text")
    path = re.compile(texts.pop("path")) if "path" in texts else None
    return Match(path=path, nth=_count(given, "nth"), **texts)


def _check(rule: Rule, own_pid: int) -> None:
    if rule.action in _NEED_ANSWER and rule.when is When.BEFORE:
        raise ValueError(f"{rule.action} needs an answer: when must be after_apply or mid_response")
    if rule.when is When.MID_RESPONSE and rule.action not in _CUT | _NEED_ANSWER:
        raise ValueError(f"{rule.action} cannot happen in the middle of a response")
    if rule.action is Action.KILL_PID:
        _check_pid(rule.args.get("pid"), own_pid)
    if rule.action is Action.STATUS and not _is_status(rule.args.get("status")):
        raise ValueError("args.status must be a whole number from 200 to 599")
    if rule.action is Action.LRO_SCRIPT and not _are_words(rule.args.get("states")):
        raise ValueError("args.states must be a list of words")
    seconds = rule.args.get("seconds", 0)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= 1e9:  # noqa: PLR2004 - 30 years
        raise ValueError("args.seconds must be a number that is not negative")
    for name in ("reads", "bytes"):
        _count(rule.args, name)


def _check_pid(pid: object, own_pid: int) -> None:
    """Refuse what is no other process: 0 and less are groups, 1 is the machine's."""
    if not isinstance(pid, int) or isinstance(pid, bool) or pid <= 1 or pid == own_pid:
        raise ValueError("args.pid must be the id of a process, above 1 and not the emulator's own")


def _is_status(value: object) -> bool:
    return isinstance(value, int) and 200 <= value <= 599  # noqa: PLR2004 - HTTP's own


def _are_words(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(word, str) for word in value)


def _object(given: dict[str, Any], key: str) -> dict[str, Any]:
    value = given.get(key, {})
    if not isinstance(value, dict):
        raise ValueError(f"{key} must be an object")  # noqa: TRY004 - all that is wrong comes as one kind
    return value


def _count(given: Mapping[str, Any], key: str) -> int:
    value = given.get(key, 1)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{key} must be a whole number from 1")
    return value


def _bad(message: str) -> ArmError:
    return ArmError(400, "BadRequest", f"Faults: {message}.")
