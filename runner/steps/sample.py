"""A look at what was bought: rows of the test split scored through the endpoint, beside the ground truth."""

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from runner.durable import sync_folder, write_all
from runner.errors import NotWritten
from runner.facts import Facts
from runner.journal import Json
from runner.recipe import Deployment, Recipe, given
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
_ANSWER_KEYS = frozenset({"prompt", "answer", "ground_truth", "seconds"})
_BASE_KEYS = frozenset({"base_answer", "base_seconds"})


class SampleStep:
    """Reads only: prompts and answers go into a file beside the manifest that is not committed."""

    traits = Traits(kind="scoring", doing="asking the model", needs=("dataset", "baseline", "traffic"))
    delete = nothing_to_delete
    standing = nothing_stands
    listed = nothing_listed

    def plan(self, recipe: Recipe, facts: Facts) -> Change:
        """Score rows; nothing is changed."""
        del facts
        rows = given(recipe.sample).rows
        also = ", and to the base model" if recipe.baseline else ""
        return Change(
            step="sample",
            action=Action.READ,
            kind=self.traits.kind,
            name=f"{rows} row{'s' if rows > 1 else ''}",
            reason=f"of the test split, through the endpoint{also}",
            needs=self.traits.needs,
        )

    def intend(self, context: Context) -> Mapping[str, Json]:
        """Fix which rows are scored: the first ones of the test split."""
        section = given(context.recipe.sample)
        return {"name": FILE_NAME, "rows": section.rows, "parameters": dict(section.parameters)}

    def observe(self, context: Context, intent: Mapping[str, Json]) -> Observation:
        """Score the rows that have no answer yet, each kept before the next is asked for.

        An answer that is kept is never asked for again, nor changed. One that came and could not be kept is:
        scoring is a POST, and happens at least once. With a baseline a row is kept once both have answered.
        """
        asset = context.outputs["dataset"]["assets"]["test"]
        path = context.run_folder / FILE_NAME
        rows = list(islice(_conversations(context.run_folder / asset["file"]), intent["rows"]))
        keys = _ANSWER_KEYS | _BASE_KEYS if context.recipe.baseline else _ANSWER_KEYS
        scored = kept(path, cut=True, keys=keys)[: len(rows)]
        for row in rows[len(scored) :]:
            if context.stop.is_set():
                return Observation(status=Status.IN_PROGRESS, detail=f"{len(scored)} of {len(rows)} rows")
            answer = _scored(context, row)
            _keep(path, answer)
            scored.append(answer)
        return _sealed(_summary(scored, compared=context.recipe.baseline is not None), path)

    def create(self, context: Context, intent: Mapping[str, Json]) -> None:
        """Never called: a step that reads has succeeded or failed by being looked at."""
        raise NotImplementedError


def _conversations(path: Path) -> Iterator[list[dict[str, str]]]:
    with path.open("rb") as lines:
        for line in lines:
            yield json.loads(line)["messages"]


def _scored(context: Context, messages: list[dict[str, str]]) -> dict[str, Any]:
    *prompt, truth = messages
    answer, seconds = _answered(context, given(context.recipe.deployment), prompt)
    row = {"prompt": prompt, "answer": answer, "ground_truth": truth["content"], "seconds": seconds}
    if context.recipe.baseline is None:
        return row
    base_answer, base_seconds = _answered(context, context.recipe.baseline, prompt)
    return row | {"base_answer": base_answer, "base_seconds": base_seconds}


def _answered(context: Context, asked: Deployment, prompt: list[dict[str, str]]) -> tuple[str, float]:
    """Ask one deployment by its name, whatever its traffic; give the answer and the seconds it took."""
    routed = context.outputs["endpoint"]["name"]
    started = time.monotonic()
    answer = context.cloud.scoring.chat(
        str(context.outputs["traffic"]["scoring_uri"]),
        context.cloud.endpoints.key(routed),
        deployment=asked.name.lower(),
        messages=prompt,
        parameters=given(context.recipe.sample).parameters,
    )
    return answer, round(time.monotonic() - started, 3)


def _summary(scored: list[dict[str, Any]], *, compared: bool) -> Observation:
    exact = _exact(scored, "answer")
    detail = f"{len(scored)} rows, {exact} equal to the ground truth"
    outputs = {"rows": len(scored), "exact": exact, "file": FILE_NAME, "seconds": _each(scored, "seconds")}
    if compared:
        outputs |= {
            "base_exact": _exact(scored, "base_answer"),
            "base_seconds": _each(scored, "base_seconds"),
        }
        detail = f"{detail} (base model: {outputs['base_exact']})"
    return Observation(status=Status.SUCCEEDED, detail=detail, outputs=outputs)


def _exact(scored: list[dict[str, Any]], key: str) -> int:
    return sum(row[key].strip() == row["ground_truth"].strip() for row in scored)


def _each(scored: list[dict[str, Any]], key: str) -> list[Json]:
    return [row[key] for row in scored]


def _sealed(seen: Observation, path: Path) -> Observation:
    """Add the SHA-256 of all answers: the only trace of them that a manifest may have."""
    sha256 = hashlib.sha256(_whole_lines(path, cut=False)).hexdigest()
    return replace(seen, outputs={**seen.outputs, "sha256": sha256})


def kept(path: Path, *, cut: bool = False, keys: AbstractSet[str] = _ANSWER_KEYS) -> list[dict[str, Any]]:
    """Read the answers that a run has kept; `cut` cuts a torn last line off, so that the next is whole.

    Each has at least these `keys`.

    Raises NotWritten for a file that is a link, cannot be read, or has lines that were never written. It ends
    no run: what a training of hours has made is not taken back because of one line.
    """
    lines = _whole_lines(path, cut=cut).splitlines()
    return [_parsed(line, path, number, keys) for number, line in enumerate(lines, start=1)]


def _whole_lines(path: Path, *, cut: bool) -> bytes:
    flags = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | (os.O_RDWR if cut else os.O_RDONLY)
    try:
        with os.fdopen(os.open(path, flags), "rb+" if cut else "rb", buffering=0) as file:
            content = file.read()
            whole = content[: content.rfind(b"\n") + 1]
            if cut and whole != content:
                os.ftruncate(file.fileno(), len(whole))
            return whole
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise _unreadable(path, error.strerror or type(error).__name__) from error


def _parsed(line: bytes, path: Path, number: int, keys: AbstractSet[str]) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not found.keys() >= keys or not _is_answer(found):
        # Not chained: what json says of a line may hold a piece of it.
        raise _unreadable(path, f"line {number} is damaged")
    return found


def _is_answer(row: Mapping[str, Json]) -> bool:
    """Tell whether a row holds what `_keep` writes; another program may have put something else there."""
    prompt, texts = row["prompt"], (row["answer"], row["ground_truth"], row.get("base_answer", ""))
    return (
        isinstance(prompt, list)
        and all(isinstance(each, dict) and {"role", "content"} <= each.keys() for each in prompt)
        and all(isinstance(each, str) for each in texts)
        and isinstance(row.get("seconds", 0), int | float)
    )


def _unreadable(path: Path, reason: str) -> NotWritten:
    return NotWritten(
        f"{path} cannot be read: {reason}",
        hint=f"move it away, then: runner resume {path.parent.name}; its rows are scored again",
    )


def _keep(path: Path, answer: dict[str, Any]) -> None:
    """Bring an answer to the disk. Raises NotWritten."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        try:
            write_all(handle, json.dumps(answer, ensure_ascii=False).encode() + b"\n")
            os.fsync(handle)
        finally:
            os.close(handle)
        sync_folder(path.parent)
    except OSError as error:
        raise NotWritten(
            f"{path} cannot be written: {error.strerror}", hint="make room on the disk"
        ) from error
