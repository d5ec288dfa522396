"""What a run took from the environment, kept as digests: a resume with other values is refused, not made."""

import hashlib
from collections.abc import Iterator, Mapping

from runner import origins
from runner.errors import Diagnostic, Drifted
from runner.load import Loaded
from runner.load.environment import REFERENCE
from runner.yaml12 import Key

_DIGITS = 16


def fingerprints(loaded: Loaded, environment: Mapping[str, str], run_id: str) -> dict[str, str]:
    """Give a digest for each variable that the recipe names and the environment has.

    The run's id is its salt: two runs do not show that they had the same value. The workspace is recorded as
    what it came to, and needs none.
    """
    named = sorted({name for _, name in _named(loaded)})
    return {name: _fingerprint(run_id, environment[name]) for name in named if environment.get(name)}


def refuse_others(
    loaded: Loaded, environment: Mapping[str, str], run_id: str, recorded: Mapping[str, str]
) -> None:
    """Raise Drifted where a variable has not the value that the run was opened with; none is ever shown."""
    now = fingerprints(loaded, environment, run_id)
    found = tuple(
        _other(loaded, key, name, is_set=name in now)
        for key, name in _named(loaded)
        if now.get(name) != recorded.get(name)
    )
    if found:
        raise Drifted(
            f"the environment is not the one that run {run_id} was opened in",
            found,
            hint="set them as they were (--as-recorded is no help: no value is kept); runner run begins anew",
        )


def _named(loaded: Loaded) -> Iterator[tuple[Key, str]]:
    """Give the variables of a recipe, each with every key that takes it."""
    for each in origins.values(loaded, None, None):
        if each.key[0] != "workspace":
            yield from ((each.key, name) for name in REFERENCE.findall(str(each.value)))


def _fingerprint(run_id: str, value: str) -> str:
    return hashlib.sha256(f"{run_id}\0{value}".encode("utf-8", "surrogateescape")).hexdigest()[:_DIGITS]


def _other(loaded: Loaded, key: Key, name: str, *, is_set: bool) -> Diagnostic:
    state = "has another value than" if is_set else "is not set, as it was"
    message = f"the environment variable {name} {state} when the run was opened"
    return loaded.source.diagnostic(key, code="drifted", message=message, mend=f"export {name} as it was")
