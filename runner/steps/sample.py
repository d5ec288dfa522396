"""A look at what was bought: rows of the test split scored through the endpoint, beside the ground truth."""

import json
import os
import time
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from runner.facts import Facts
from runner.journal import Json
from runner.recipe import Recipe, given
from runner.steps.step import (
    Action,
    Change,
    Context,
    Observation,
    Status,
    Traits,
    nothing_listed,
    nothing_stands,
    nothing_to_delete,
)

FILE_NAME = "samples.jsonl"


class SampleStep:
    """Reads only: prompts and answers go into a file beside the manifest that is not committed."""

    traits = Traits(kind="scoring", needs=("dataset", "traffic"))
    delete = nothing_to_delete
    standing = nothing_stands
    listed = nothing_listed

    def plan(self, recipe: Recipe, facts: Facts) -> Change:
        """Score rows; nothing is changed."""
        del facts
        rows = given(recipe.sample).rows
        return Change(
            step="sample",
            action=Action.READ,
            kind=self.traits.kind,
            name=f"{rows} row{'s' if rows > 1 else ''}",
            reason="of the test split, through the endpoint",
            needs=self.traits.needs,
        )

    def intend(self, context: Context) -> Mapping[str, Json]:
        """Fix which rows are scored: the first ones of the test split."""
        section = given(context.recipe.sample)
        return {"name": FILE_NAME, "rows": section.rows, "parameters": dict(section.parameters)}

    def observe(self, context: Context, intent: Mapping[str, Json]) -> Observation:
        """Score the rows."""
        asset = context.outputs["dataset"]["assets"]["test"]
        rows = islice(_conversations(context.run_folder / asset["file"]), intent["rows"])
        scored = [_scored(context, row) for row in rows]
        _keep(context.run_folder / FILE_NAME, scored)
        exact = sum(each["answer"].strip() == each["ground_truth"].strip() for each in scored)
        seconds = [each["seconds"] for each in scored]
        return Observation(
            status=Status.SUCCEEDED,
            detail=f"{len(scored)} rows, {exact} equal to the ground truth",
            outputs={"rows": len(scored), "exact": exact, "file": FILE_NAME, "seconds": seconds},
        )

    def create(self, context: Context, intent: Mapping[str, Json]) -> None:
        """Never called: a step that reads has succeeded or failed by being looked at."""
        raise NotImplementedError


def _conversations(path: Path) -> Iterator[list[dict[str, str]]]:
    with path.open("rb") as lines:
        for line in lines:
            yield json.loads(line)["messages"]


def _scored(context: Context, messages: list[dict[str, str]]) -> dict[str, Any]:
    *prompt, truth = messages
    endpoints = context.cloud.endpoints
    routed = context.outputs["endpoint"]["name"]
    started = time.monotonic()
    answer = context.cloud.scoring.chat(
        str(context.outputs["traffic"]["scoring_uri"]),
        endpoints.key(routed),
        deployment=given(context.recipe.deployment).name.lower(),
        messages=prompt,
        parameters=given(context.recipe.sample).parameters,
    )
    seconds = round(time.monotonic() - started, 3)
    return {"prompt": prompt, "answer": answer, "ground_truth": truth["content"], "seconds": seconds}


def _keep(path: Path, scored: list[dict[str, Any]]) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(each, ensure_ascii=False) + "\n" for each in scored)
