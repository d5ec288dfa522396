"""How near a run came to the one that it reproduces: inputs, metrics, outputs, each on a level of its own."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

from runner.compare.differences import Difference, differences
from runner.compare.side import Section, Side, of_manifest
from runner.journal import Json
from runner.manifest import Manifest
from runner.parameters import DEFAULTS_TAG

# Of the larger of both values. GPUs add up in another order each time, which shows in the last digits.
TOLERANCE = 0.01

_LOSSES = "losses"
_WEIGHTS = "weights."
_TAGS = "model.tags."
# What a run may leave out, and train the same.
SERVING = ("endpoint", "baseline", "deployment", "traffic", "sample")
_WORKSPACE = ("subscription_id", "resource_group", "workspace_name")


class Level(StrEnum):
    """How a level compares. `unknown`: one of the runs does not tell enough."""

    IDENTICAL = "identical"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Differs:
    """A value that is not what it was; None where a run does not have it."""

    key: str
    was: Json
    now: Json


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """One level: what differs, or why nothing can be said."""

    level: Level
    differs: tuple[Differs, ...] = ()
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """All three levels. `metrics` are identical within the tolerance, `outputs` bit by bit.

    With `exact` the outputs count, too. `trained` is False where neither run trained anything: then there
    are no metrics to wait for. `warnings` name what ran in another version than it did, and what the registry
    says otherwise of the same model, and what of the serving was left out.
    """

    inputs: Judged
    metrics: Judged
    outputs: Judged
    tolerance: float
    exact: bool = False
    trained: bool = True
    warnings: tuple[str, ...] = ()

    @property
    def reproduced(self) -> bool:
        """Tell whether the run came to the same as the one that it reproduces."""
        needed = [self.inputs, *([self.metrics] if self.trained else []), *([self.outputs] * self.exact)]
        return all(each.level is Level.IDENTICAL for each in needed)


def judge(original: Manifest, again: Manifest, *, tolerance: float, exact: bool = False) -> Verdict:
    """Hold a run against the one that it reproduces; pure."""
    sides = (of_manifest(original), of_manifest(again))
    found = differences(sides)
    return Verdict(
        inputs=_inputs(original, again, sides, found),
        metrics=_metrics(original, again, sides, tolerance),
        outputs=_outputs(original, again, sides),
        tolerance=tolerance,
        exact=exact,
        trained=any("finetune" in each.steps for each in (original, again)),
        warnings=(*_versions(found), *_tags(found), *_undeployed(sides)),
    )


def as_json(verdict: Verdict) -> dict[str, Json]:
    """Give a verdict as a manifest has it."""
    said = asdict(verdict)
    levels = {name: _as_json(getattr(verdict, name)) for name in ("inputs", "metrics", "outputs")}
    return {"reproduced": verdict.reproduced, **said, **levels, "warnings": list(verdict.warnings)}


def _as_json(judged: Judged) -> dict[str, Json]:
    differs = [asdict(each) for each in judged.differs]
    return {"level": judged.level.value, "reason": judged.reason, "differs": differs}


def _judged(differs: tuple[Differs, ...], unknown: str) -> Judged:
    """Give the level: a difference that is known stands over what is not."""
    level = Level.DIFFERENT if differs else Level.UNKNOWN if unknown else Level.IDENTICAL
    return Judged(level=level, differs=differs, reason=unknown)


def _inputs(
    original: Manifest, again: Manifest, sides: tuple[Side, Side], found: tuple[Difference, ...]
) -> Judged:
    """Compare recipe, parameters, pins, rows and the cloud; what the original did not pin is unknown."""
    differs = [*_target(original, again)]
    if not all(side.sections.get(Section.RECIPE) for side in sides):
        return _judged(tuple(differs), "the values in force are not recorded")
    unpinned, away = [], _left_out(sides)
    for each in found:
        if each.section is Section.RECIPE and each.key.partition(".")[0] in away:
            continue
        if each.section is Section.RECIPE:
            differs.append(_differs(each))
        elif _is_told_alone(each):
            continue
        elif each.section is Section.PINS and each.values[0] is None:
            unpinned.append(each.key)
        elif each.section is Section.PINS:
            differs.append(_differs(each))
    return _judged(tuple(differs), f"not recorded: {', '.join(unpinned)}" if unpinned else "")


def _left_out(sides: tuple[Side, Side]) -> tuple[str, ...]:
    """Name the sections of serving that the original had, and this run leaves out whole."""
    was, now = ({key.partition(".")[0] for key in side.sections.get(Section.RECIPE, {})} for side in sides)
    return tuple(name for name in SERVING if name in was and name not in now)


def _is_told_alone(found: Difference) -> bool:
    """Tell a tag that decides what is refused, and nothing of what is trained."""
    is_tag = found.section is Section.PINS and found.key.startswith(_TAGS)
    return is_tag and found.key != f"{_TAGS}{DEFAULTS_TAG}"


def _target(original: Manifest, again: Manifest) -> Iterator[Differs]:
    """Compare the clouds and, of rows that no digest tells, the workspaces that they lie in."""
    was, now = original.target["kind"], again.target["kind"]
    if was != now:
        yield Differs(key="target", was=was, now=now)
    elif not all(_has_digests(each) for each in (original, again)):
        yield from (
            Differs(key=f"target.{key}", was=original.target.get(key), now=again.target.get(key))
            for key in _WORKSPACE
            if original.target.get(key) != again.target.get(key)
        )


def _has_digests(said: Manifest) -> bool:
    """Tell whether the rows, if there are any, are known by more than a name in their workspace."""
    rows = said.pins.get("dataset")
    return rows is None or bool(rows.get("files"))


def _metrics(original: Manifest, again: Manifest, sides: tuple[Side, Side], tolerance: float) -> Judged:
    """Compare the newest value of each metric; one that only one of the runs has is out of tolerance.

    Two trainings of which the whole table is known, and holds nothing, are alike.
    """
    if _logged_nothing(original) and _logged_nothing(again):
        return _judged((), "")
    was, now = (side.sections.get(Section.METRICS, {}) for side in sides)
    if not was or not now:
        silent = [side.name for side in sides if not side.sections.get(Section.METRICS)]
        return _judged((), f"no metrics are recorded of {' and '.join(silent)}")
    out = tuple(
        Differs(key=name, was=was.get(name), now=now.get(name))
        for name in dict.fromkeys((*was, *now))
        if not _is_near(was.get(name), now.get(name), tolerance)
    )
    return _judged(out, "")


def _logged_nothing(said: Manifest) -> bool:
    training = said.steps.get("finetune")
    table = training.outputs.get("table") if training else None
    return table is not None and table["points"] == 0


def _is_near(was: Json, now: Json, tolerance: float) -> bool:
    if was is None or now is None:
        return False
    return bool(abs(was - now) <= tolerance * max(abs(was), abs(now)))


def _outputs(original: Manifest, again: Manifest, sides: tuple[Side, Side]) -> Judged:
    """Compare the weights' digests and the table of losses."""
    was, now = (_counted(side.sections.get(Section.OUTPUTS, {})) for side in sides)
    names = dict.fromkeys((*was, *now))
    unknown = [*_untold(original, was), *_untold(again, now)]
    unknown += [
        f"no digest of {name} is known" for name in names if _is_incomparable(was.get(name), now.get(name))
    ]
    differs = tuple(
        Differs(key=name, was=was[name], now=now[name])
        for name in names
        if name in was and name in now and _is_other(was[name], now[name])
    )
    return _judged((*differs, *_alone(was, now)), "; ".join(dict.fromkeys(unknown)))


def _alone(was: Mapping[str, Json], now: Mapping[str, Json]) -> Iterator[Differs]:
    """Find weights that only one of two known models has."""
    if all(any(name != _LOSSES for name in each) for each in (was, now)):
        for name in sorted((was.keys() ^ now.keys()) - {_LOSSES}):
            yield Differs(key=name, was=was.get(name), now=now.get(name))


def _counted(outputs: Mapping[str, Json]) -> dict[str, Json]:
    """Give the digests by the files' own names."""
    return {name.removeprefix(_WEIGHTS): value for name, value in outputs.items()}


def _untold(said: Manifest, known: Mapping[str, Json]) -> Iterator[str]:
    """Say what a run does not tell of its outputs, and why."""
    if not any(name != _LOSSES for name in known):
        training = said.steps.get("finetune")
        reason = training.outputs.get("files_unknown") if training else "nothing was trained"
        yield f"no weights are known of {said.run_id}" + (f" ({reason})" if reason else "")
    if _LOSSES not in known:
        yield f"no table of losses is known of {said.run_id}"


def _is_incomparable(was: Json, now: Json) -> bool:
    """Tell digests of different kinds, or none where the size agrees: a SHA-256, an MD5, bytes alone."""
    if was is None or now is None:
        return False
    is_size = isinstance(was, int) and isinstance(now, int)
    return was == now if is_size else _kind(was) != _kind(now)


def _is_other(was: Json, now: Json) -> bool:
    return _kind(was) == _kind(now) and bool(was != now)


def _kind(digest: Json) -> tuple[type, int]:
    return type(digest), 0 if isinstance(digest, int) else len(digest)


def _versions(found: tuple[Difference, ...]) -> Iterator[str]:
    """Tell other versions of what ran; which commit the recipe's folder was at is no input."""
    for each in found:
        if each.section is Section.VERSIONS and not each.key.startswith("git."):
            name = each.key.removeprefix("libraries.")
            was, now = (value or "not recorded" for value in each.values)
            yield f"{name} {now}; the original ran with {was}"


def _tags(found: tuple[Difference, ...]) -> Iterator[str]:
    """Tell which tags of the very same model have changed; those of another one are its own."""
    same = all(each.key != "model.id" for each in found)
    for each in found:
        if same and _is_told_alone(each):
            yield f"the model's tag {each.key.removeprefix(_TAGS)} is not what it was"


def _undeployed(sides: tuple[Side, Side]) -> Iterator[str]:
    away = _left_out(sides)
    if away:
        yield f"left out this time, and no input of the training: {', '.join(away)}"


def _differs(found: Difference) -> Differs:
    was, now = found.values
    return Differs(key=found.key, was=was, now=now)
