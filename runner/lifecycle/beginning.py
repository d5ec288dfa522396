"""A run's beginning: its folder, and the record of all that it is made of, from which it is made again."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from runner import naming, opening, origins, pins, provenance, runs
from runner.execute import Run
from runner.facts import Target
from runner.journal import FILE_NAME, Event, Journal, Json, this_process
from runner.lifecycle.variables import fingerprints
from runner.load import SETTING, Part
from runner.opening import Opened
from runner.session import Session


@contextmanager
def begun(  # noqa: PLR0913 - a run, and where it is to be
    session: Session,
    opened: Opened,
    chosen: Target,
    runs_dir: Path,
    *,
    cancel: bool,
    more: Mapping[str, Json] | None = None,
) -> Iterator[Run]:
    """Begin a run in a folder of its own, held until the block ends; `more` is recorded of it besides."""
    folder = runs.create(runs_dir, naming.run_id(opened.loaded.recipe, session.clock.now()))
    with Journal(folder / FILE_NAME, session.clock, new=True) as journal:
        record = first_record(session, opened, chosen, folder)
        journal.append(Event.RUN_OPENED, data={**record, **(more or {})})
        run = opening.begun(session, journal, folder, opened.cloud, cancel=cancel)
        run.save()
        yield run


def first_record(session: Session, opened: Opened, chosen: Target, folder: Path) -> dict[str, Json]:
    """Give the data of RUN_OPENED: all that the run is made of."""
    source, effective = opened.loaded.source, opened.plan.effective
    parameters = effective.parameters.values() if effective else ()
    return {
        "run_id": folder.name,
        "process": this_process(),
        "recipe": {
            "name": opened.loaded.recipe.name,
            "path": source.path,
            "folder": os.path.relpath(source.folder, folder.resolve()),
            "sha256": source.digest,
            "text": source.text,
            "parts": [_part(part, source.folder) for part in source.parts] if len(source.parts) > 1 else [],
            **_in_force(opened),
        },
        "target": {
            "kind": chosen.kind.value,
            "subscription_id": chosen.subscription_id,
            "resource_group": chosen.resource_group,
            "workspace_name": chosen.workspace_name,
            "registry": opened.loaded.recipe.model.registry,
        },
        "variables": fingerprints(opened.loaded, session.environment, folder.name),
        "versions": provenance.versions(source.folder, chosen.kind),
        "pins": pins.as_json(opened.pins),
        "parameters": [
            {"name": each.name, "value": each.value, "origin": each.origin.value, "detail": each.detail}
            for each in parameters
        ],
    }


def _in_force(opened: Opened) -> dict[str, Json]:
    """Give all that the recipe came to, as one recipe that needs no other file, and by its keys."""
    found = origins.values(opened.loaded, opened.plan.effective, opened.facts.component)
    lines = "".join(f"{line}\n" for line in origins.as_yaml(found, comments=True))
    return {
        "in_force": lines.replace(f"{opened.loaded.source.folder}/", ""),
        "values": {each.dotted: each.value for each in found},
    }


def _part(part: Part, folder: Path) -> dict[str, Json]:
    path = os.path.relpath(part.path, folder) if part.kind != SETTING else part.path
    return asdict(part) | {"path": path}
