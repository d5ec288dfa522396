"""`runner data RECIPE`: what a training would see of its rows; nothing is changed in the cloud."""

import json
import os
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import file_digest
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from runner import dataset, opening, pins, preflight, recipe_argument, sizing, statistics
from runner.console.data import MOST_ROWS_SHOWN, Looked, Message
from runner.dataset import PreparedSplit
from runner.errors import ExitCode, UsageError
from runner.facts import Facts, TargetKind
from runner.load import Loaded, resolve
from runner.parameters import Effective
from runner.recipe import Recipe, given
from runner.session import Session
from runner.statistics import Found
from runner.survey import survey
from runner.target import choose

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud


@dataclass(frozen=True, kw_only=True, slots=True)
class _Known:
    """What is known beside the rows: the recipe with its names resolved, its parameters, its tokenizer."""

    recipe: Recipe
    folder: Path
    target: TargetKind
    effective: Effective | None
    found: Found
    longest_input: int | None
    cloud: "Cloud | None" = None


def arguments(parser: ArgumentParser) -> None:
    """Declare the recipe, its target and what is to be shown."""
    recipe_argument.declare(parser)
    parser.add_argument("--target", choices=[each.value for each in TargetKind])
    parser.add_argument(
        "--offline", action="store_true", help="ask only where the rows are: tokens are then an estimate"
    )
    parser.add_argument(
        "--rows-only", action="store_true", help="prepare and check the rows, count no tokens"
    )
    parser.add_argument(
        "--preview", type=_rows_shown, default=0, metavar="N", help=f"show N rows, at most {MOST_ROWS_SHOWN}"
    )
    parser.add_argument("--into", type=Path, metavar="FOLDER", help="keep the prepared files there")
    parser.add_argument("--state", type=Path, help="the emulator's folder")


def main(options: Namespace, session: Session) -> ExitCode:
    """Prepare the rows, look at them and show what was seen."""
    loaded = recipe_argument.read(options)
    _refuse(options, loaded)
    kind = choose(loaded.recipe, options.target)
    in_workspace = given(loaded.recipe.dataset).azureml is not None
    if options.offline or (options.rows_only and not in_workspace):
        loaded = resolve(loaded, session.environment, needed={"dataset"})
        return _look(options, session, _offline(loaded, kind, session))
    with opening.reached(session, kind, session.emulator_state(options.state)):
        loaded = opening.filled_in(session, loaded, kind)
        chosen = opening.where(session, loaded, kind)
        cloud = opening.connected(session, chosen, loaded.recipe.model.registry)
        return _look(options, session, _online(loaded, kind, cloud, session))


def _rows_shown(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 <= int(text[:9]) <= MOST_ROWS_SHOWN:
        raise ArgumentTypeError(f"must be a whole number from 0 to {MOST_ROWS_SHOWN}")
    return int(text)


def _refuse(options: Namespace, loaded: Loaded) -> None:
    if loaded.points:
        hint = "--set sweep=null looks at the recipe alone"
        raise UsageError(f"each point of the sweep in {options.recipe} has its own parameters", hint=hint)
    section = loaded.recipe.dataset
    if section is None:
        raise UsageError(
            f"{options.recipe} has no dataset section", hint="add one, or look at another recipe"
        )
    if section.azureml is not None and options.offline:
        raise UsageError("the rows are in the workspace, which --offline does not ask", hint="leave it out")


def _offline(loaded: Loaded, kind: TargetKind, session: Session) -> _Known:
    facts, effective = opening.from_catalog(loaded, kind, session.clock.now().date())
    return _Known(
        recipe=loaded.recipe,
        folder=loaded.source.folder,
        target=kind,
        effective=effective,
        found=Found(None, "offline"),
        longest_input=sizing.longest_input(facts),
    )


def _online(loaded: Loaded, kind: TargetKind, cloud: "Cloud", session: Session) -> _Known:
    """Survey without judging: rows can be looked at on a target that would refuse the recipe."""
    folder = loaded.source.folder
    facts = survey(loaded.recipe, cloud, session.clock.now().date(), folder=folder)
    return _Known(
        recipe=pins.applied(loaded.recipe, opening.resolved(loaded, facts, cloud)),
        folder=folder,
        target=kind,
        effective=preflight.merge(loaded, facts),
        found=_tokenizer(loaded, facts, cloud),
        longest_input=sizing.longest_input(facts),
        cloud=cloud,
    )


def _tokenizer(loaded: Loaded, facts: Facts, cloud: "Cloud") -> Found:
    if facts.model is None:
        return Found(None, f"the registry has no model {loaded.recipe.model.name}")
    return statistics.tokenizer_of(cloud.registry, facts.model.name, facts.model.version)


def _look(options: Namespace, session: Session, known: _Known) -> ExitCode:
    progress = session.console.reading()
    with opening.prepared_rows(known.recipe, known.folder, known.cloud, progress=progress) as splits:
        if options.into:
            _keep(splits, options.into)
        session.console.data(
            Looked(
                recipe=known.recipe.name,
                target=known.target,
                splits=splits,
                statistics=None if options.rows_only else _statistics(splits, known, progress),
                preview=_first(splits["train"], options.preview),
                kept=options.into,
            )
        )
    return ExitCode.DONE


def _statistics(
    splits: Mapping[str, PreparedSplit], known: _Known, progress: dataset.Progress
) -> statistics.Statistics:
    return statistics.of(
        splits,
        known.effective,
        known.found.tokenizer,
        target=known.target,
        unknown=known.found.unknown,
        longest_input=known.longest_input,
        progress=progress,
    )


def _keep(splits: Mapping[str, PreparedSplit], into: Path) -> None:
    """Have all prepared files in a folder. Raises UsageError if it holds others of our names."""
    prepared = next(iter(splits.values())).path.parent
    for name in dataset.FILE_NAMES:
        there = into / name
        if os.path.lexists(there) and not _is_same(there, prepared / name):
            hint = "name another folder, or move the file away"
            raise UsageError(f"{there} is there and is not what was prepared", hint=hint)
    dataset.bring(splits, into)


def _is_same(there: Path, prepared: Path) -> bool:
    return there.is_file() and prepared.is_file() and _digest(there) == _digest(prepared)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _first(split: PreparedSplit, rows: int) -> Sequence[Sequence[Message]]:
    with split.path.open("rb") as lines:
        return [json.loads(line)["messages"] for line in islice(lines, rows)]
