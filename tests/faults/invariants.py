"""What must hold at every instant at which a process can be killed, whatever came before it.

| | |
|---|---|
| I1 | nothing is made twice: a resource comes into being once, unless it was deleted before |
| I2 | what is alive in the cloud is listed in the fold of the journal that is on disk |
| I3 | what was acknowledged (outputs of a step that is done and its table, an answer) is there, unchanged |
| I4 | the manifest's file is absent, or a whole one: the old or the new |
| I5 | a step that is done stays done, until what it made is taken back |
| I6 | an attempt has one job |
| I7 | trouble that passes ends no run |
| I8 | no secret is in any file, and no row of the dataset but where rows belong |
| I9 | nothing costs money once a run is closed and cleaned up |
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from runner import manifest as manifests
from runner.journal import FILE_NAME, Json, Record, read
from runner.journal.lines import parsed
from runner.manifest import Manifest, RunStatus, StepStatus
from runner.metric_table import FILE_NAME as TABLE
from runner.metric_table import as_csv
from runner.recipe import Cleanup
from runner.steps.sample import FILE_NAME as SAMPLES
from tests.faults.boundaries import Files
from tests.faults.lives import ROW_TEXT, Case
from tests.faults.model_cloud import POINTS, SECRET_KEY, Entry, World

# What was promised: outputs by step, and the answers that were kept, whole lines.
Earned = Mapping[str, Json]

LOGGED = as_csv(POINTS).encode()
_KEPT = {StepStatus.SUCCEEDED, StepStatus.DELETED}


def folded(files: Files) -> Manifest | None:
    """Fold the journal as a next life would find it; None if no run was opened yet."""
    return _folded(files.get(FILE_NAME, b""))


@lru_cache(maxsize=10_000)
def _folded(journal: bytes) -> Manifest | None:
    records = _records(journal)
    return manifests.fold(records) if records else None


def earned_by(files: Files, before: Earned) -> Earned:
    """Add to what was promised what these files promise."""
    manifest = folded(files)
    done = {
        name: step.outputs
        for name, step in (manifest.steps if manifest else {}).items()
        if step.status is StepStatus.SUCCEEDED
    }
    return {**before, **done, SAMPLES: _whole_lines(files.get(SAMPLES, b""))}


def at_any_time(files: Files, world: World, earned: Earned) -> None:
    """Hold what a kill at this very instant would leave against the invariants."""
    manifest = folded(files)
    made_once(world.ledger)
    if manifest is None:
        assert world.ledger == [], "I2: something was made before the run was on disk"
        return
    all_listed(world, manifest)
    nothing_lost(files, manifest, earned)
    table_is_whole(files, manifest)
    manifest_is_whole(files)
    no_secret(files)


def at_the_end(case: Case, folder: Path, world: World, earned: Earned) -> None:
    """Hold what a life that was not cut off leaves against them, read through the project's own doors."""
    manifest = manifests.fold(read(folder / FILE_NAME))
    saved = manifests.load(folder / manifests.FILE_NAME)
    assert (saved.status, saved.steps) == (manifest.status, manifest.steps), "I4: the last manifest is old"
    assert manifest.status is expected_end(case), f"I7: the run ended {manifest.status}"
    if case.cleanup is Cleanup.ALWAYS or (case.cleanup is Cleanup.ON_FAILURE and fails(case)):
        assert world.alive() == [], "I9: something still costs money"
        assert manifest.alive == [], "I9: something is said to cost money"
    if not fails(case):
        answers = folder / SAMPLES
        kept = _whole_lines(answers.read_bytes()) if answers.exists() else []
        assert len(kept) == 2, f"I3: {len(kept)} answers are kept"
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    at_any_time(files, world, earned)


def fails(case: Case) -> bool:
    """Tell whether a run of this case cannot succeed."""
    manners = case.manners
    unmet = manners.loses_traffic or not manners.has_output
    return unmet or manners.job_ends != "Completed" or manners.deployment_ends != "Succeeded"


def expected_end(case: Case) -> RunStatus:
    """Say how a run of this case has to end."""
    return RunStatus.FAILED if fails(case) else RunStatus.SUCCEEDED


def made_once(ledger: Sequence[Entry]) -> None:
    """I1 and I6. What was acknowledged is not asked for again, either.

    But for data: its step asks for several assets and is acknowledged as a whole; each is named by its
    content, so that twice is once.
    """
    again = [entry for entry in ledger if entry.op == "again" and entry.kind != "data asset"]
    assert not again, f"I1: asked for again although it was acknowledged: {again}"
    made = Counter((entry.kind, entry.name) for entry in ledger if entry.op == "create")
    gone = Counter((entry.kind, entry.name) for entry in ledger if entry.op == "delete")
    twice = [each for each in made if made[each] > 1 + gone[each]]
    assert not twice, f"I1: made twice: {twice}"
    intents = Counter(
        entry.intent for entry in ledger if entry.op == "create" and entry.kind in {"job", "model"}
    )
    assert not [each for each, count in intents.items() if count > 1], f"I6: {intents}"
    jobs = [entry.name for entry in ledger if entry.op == "create" and entry.kind == "job"]
    assert len(jobs) <= 1, f"I6: no recipe here asks for another try: {jobs}"


def all_listed(world: World, manifest: Manifest) -> None:
    """I2. A deployment's name in the cloud is its endpoint's and its own."""
    listed = {(resource.kind, resource.name) for resource in manifest.alive}
    unlisted = [thing for thing in world.alive() if (thing.kind, thing.name.rsplit("/", 1)[-1]) not in listed]
    assert not unlisted, f"I2: alive and not listed: {unlisted}; listed: {listed}"


def nothing_lost(files: Files, manifest: Manifest, earned: Earned) -> None:
    """I3 and I5."""
    for name, outputs in earned.items():
        if name == SAMPLES:
            lines = _whole_lines(files.get(SAMPLES, b""))
            assert lines[: len(outputs)] == outputs, "I3: an answer that was kept has changed"
            continue
        step = manifest.steps.get(name)
        assert step is not None, f"I5: {name} was done and is not even begun"
        assert step.status in _KEPT, f"I5: {name} was done and is {step.status}"
        assert step.outputs == outputs, f"I3: what {name} put out has changed"


def table_is_whole(files: Files, manifest: Manifest) -> None:
    """I3, of the table of metrics: absent or whole, and there once a step that is done tells of it."""
    table = files.get(TABLE)
    assert table in (None, LOGGED), "I3: the table of metrics is half of one"
    training = manifest.steps.get("finetune")
    done = training is not None and training.status is StepStatus.SUCCEEDED and "table" in training.outputs
    assert table or not done, "I3: the table of metrics is told of and not there"


def manifest_is_whole(files: Files) -> None:
    """I4."""
    assert _is_whole(files.get(manifests.FILE_NAME)), "I4: the manifest is neither old nor new"


@lru_cache(maxsize=1_000)
def _is_whole(content: bytes | None) -> bool:
    try:
        return content is None or bool(json.loads(content)["run_id"])
    except (ValueError, KeyError):
        return False


def no_secret(files: Files) -> None:
    """I8. Rows are kept in the folder of data and beside the answers."""
    for name, content in files.items():
        assert not _holds(content, SECRET_KEY), f"I8: the endpoint's key is in {name}"
        if name != SAMPLES and "data/" not in name:
            assert not _holds(content, ROW_TEXT), f"I8: a row is in {name}"


@lru_cache(maxsize=1_000)
def _holds(content: bytes, text: str) -> bool:
    return text.encode() in content


def _whole_lines(content: bytes) -> list[bytes]:
    return content.split(b"\n")[:-1]


def _records(content: bytes) -> Sequence[Record]:
    """Parse the lines of a journal that are whole; the last one may be torn."""
    return [_record(line) for line in _whole_lines(content)]


@lru_cache(maxsize=100_000)
def _record(line: bytes) -> Record:
    return parsed(line).record
