"""Kill real `runner` processes at every request and every change of a file, and resume each with one command.

The genuine SDK talks over HTTPS to an emulator that knows what was made. At each kill the emulator's ledger
is held against the journal on disk; after the resume all has to be there, once, and nothing be left.

    python -m tests.faults.kill_sweep --work FOLDER --kind kills --shard 0/2 [--some 25]

What was found is kept in FOLDER, a line a point; a sweep that is started again goes on where it was.
"""

import json
import sys
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from runner import manifest as manifests
from runner import runs
from runner.errors import UsageError
from runner.journal import FILE_NAME, read
from runner.manifest import Manifest, StepStatus
from runner.steps.sample import FILE_NAME as SAMPLES
from tests.emulator.emulated import FAKE_TRAINER
from tests.end_to_end.shell import RECIPE
from tests.faults.points import Point, Request, kills, requests_of, spread, troubles
from tests.faults.workplace import Place, Workplace, workplace

RECIPE_THAT_CLEANS_UP = RECIPE.replace("cleanup: never", "cleanup: always")
_LISTED = {"compute", "endpoint", "deployment"}
_ROWS = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What came of one point; `wrong` is empty if all was well, `met` tells whether the fault happened."""

    point: str
    wrong: str
    met: bool
    seconds: float


def main(words: Sequence[str] | None = None) -> int:
    """Sweep one shard; give 1 if something was wrong."""
    options = _options(words)
    share, shares = map(int, options.shard.split("/"))
    kept = options.work / f"{options.kind}-{share}.jsonl"
    known = {verdict.point: verdict for verdict in verdicts(kept) if not verdict.wrong}
    folder = options.work / f"{options.kind}-{share}-{int(time.time())}"
    with workplace(folder, trainer="" if options.trains else FAKE_TRAINER) as work:
        judge = {"kills": judge_kill, "troubles": judge_trouble}[options.kind]
        points = spread(_points(work, options.kind), options.some)[share::shares]
        for number, point in enumerate(points):
            if point.name not in known:
                _keep(kept, _judged(judge, work, point, f"{options.kind}-{share}-{number}"))
    wrong = [verdict for verdict in verdicts(kept) if verdict.wrong and verdict.point not in known]
    return 1 if wrong else 0


def verdicts(kept: Path) -> list[Verdict]:
    """Read what a sweep has found so far."""
    if not kept.exists():
        return []
    return [Verdict(**json.loads(line)) for line in kept.read_text(encoding="utf-8").splitlines()]


def judge_kill(work: Workplace, point: Point, place: Place) -> bool:
    """Kill a run at a point, look, resume it once, look again; tell whether it was killed."""
    life = work.run(place, rules=point.rules, doomed=point.doomed)
    killed, earned = life.was_killed, at_that_instant(work, place)
    if killed:
        life = work.resume(place) if earned is not None else work.run(place)
    assert life.code == 0, f"exit {life.code}: {life.said[-2000:]}"
    at_the_end(work, place, earned or {})
    return killed


def judge_trouble(work: Workplace, point: Point, place: Place) -> bool:
    """Trouble a run at a point; it has to come through by itself. Tell whether the trouble happened."""
    life = work.run(place, rules=point.rules)
    met = any(rule["fired"] for rule in work.tell("GET", "faults")["rules"])
    assert life.code == 0, f"I7: exit {life.code}: {life.said[-2000:]}"
    at_the_end(work, place, {})
    return met


def at_that_instant(work: Workplace, place: Place) -> Mapping[str, Any] | None:
    """Hold the ledger against the journal on disk. Gives what was done by then; None if no run was opened."""
    events = work.ledger(place)
    manifest = _opened(place)
    if manifest is None:
        assert not [each for each in events if each["op"] == "create"], "I2: made before the run was on disk"
        return None
    made_once(events)
    listed = {(resource.kind, resource.name.lower()) for resource in manifest.alive}
    unlisted = [each for each in alive(events) if each not in listed]
    assert not unlisted, f"I2: alive and not listed: {unlisted}; listed: {listed}"
    done = manifest.steps.items()
    return {name: step.outputs for name, step in done if step.status is StepStatus.SUCCEEDED}


def at_the_end(work: Workplace, place: Place, earned: Mapping[str, Any]) -> None:
    """Look at all that a finished run has to leave, and has to have taken back."""
    events = work.ledger(place)
    made_once(events)
    assert alive(events) == [], "I9: something is left"
    assert work.costs(place) == [], "I9: something still costs"
    manifest = manifests.load(place.runs[-1] / manifests.FILE_NAME)
    assert manifest.status.value == "succeeded", f"I7: {manifest.status}"
    assert manifest.alive == [], f"I9: said to be alive: {manifest.alive}"
    for name, outputs in earned.items():
        assert manifest.steps[name].outputs == outputs, f"I3: what {name} put out has changed"
    rows = (place.runs[-1] / SAMPLES).read_bytes().split(b"\n")
    assert len(rows) == _ROWS + 1, f"I3: {len(rows) - 1} answers"
    made = Counter(each["kind"] for each in events if each["op"] == "create")
    wanted = {"data": 2, "compute": 1, "endpoint": 1, "job": 1, "model": 1, "deployment": 1}
    assert {kind: made[kind] for kind in wanted} == wanted, f"I1: {made}"
    no_secret(place)


def made_once(events: Sequence[Mapping[str, Any]]) -> None:
    """I1 and I6."""
    made = Counter(each["id"].lower() for each in events if each["op"] == "create")
    assert not [each for each in made if made[each] > 1], f"I1: made twice: {made}"


def alive(events: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Give what was made and not asked to go; with an endpoint go its deployments."""
    there: dict[str, tuple[str, str]] = {}
    for event in events:
        where = event["id"].lower()
        if event["op"] == "create" and event["kind"] in _LISTED:
            there[where] = (event["kind"], event["name"].lower())
        if event["op"] == "delete":
            there = {key: each for key, each in there.items() if not f"{key}/".startswith(f"{where}/")}
    return list(there.values())


def no_secret(place: Place) -> None:
    """I8, by the marks that secrets carry."""
    for path in place.runs[-1].rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert b"sig=" not in content, f"I8: a signature is in {path.name}"
        assert b"Bearer " not in content, f"I8: a token is in {path.name}"


def _opened(place: Place) -> Manifest | None:
    """Fold the journal; None if no run is on disk."""
    try:
        folder = runs.find(place.folder / "runs", runs.LATEST)
        return manifests.fold(read(folder / FILE_NAME))
    except UsageError as error:
        if "nothing was made" in error.message or "there is no run" in error.message:
            return None
        raise


def _points(work: Workplace, kind: str) -> list[Point]:
    """Find out what there is to a whole run."""
    place = work.place("reference", RECIPE_THAT_CLEANS_UP)
    life = work.run(place)
    assert life.code == 0, life.said
    requests: list[Request] = requests_of(work.requests())
    return kills(requests, life.changes) if kind == "kills" else troubles(requests)


def _judged(
    judge: Callable[[Workplace, Point, Place], bool], work: Workplace, point: Point, name: str
) -> Verdict:
    began, wrong, met = time.monotonic(), "", False
    place = work.place(name, RECIPE_THAT_CLEANS_UP)
    try:
        met = judge(work, point, place)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
        wrong = f"{type(error).__name__}: {error} (see {place.folder})"
    return Verdict(point=point.name, wrong=wrong, met=met, seconds=round(time.monotonic() - began, 2))


def _keep(kept: Path, verdict: Verdict) -> None:
    with kept.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(asdict(verdict)) + "\n")


def _options(words: Sequence[str] | None) -> Namespace:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--kind", choices=["kills", "troubles"], default="kills")
    parser.add_argument("--shard", default="0/1")
    parser.add_argument("--trains", action="store_true", help="with true trainings, of one step")
    parser.add_argument("--some", type=int, default=1_000_000, help="so many points instead of all")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())
