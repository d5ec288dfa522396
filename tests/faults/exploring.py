"""All the ways in which lives can be cut off: each instant of a life is a kill, each kill has a next life.

What a kill leaves is what is on disk and in the cloud at that instant, and nothing else. A life is therefore
lived once, to its end, and at each of its boundaries both are taken down; from each of these the next life is
lived. Two instants from which a next life cannot be told apart are followed once. Times, the number of
lives so far and how far exactly something under way has come do not make a difference.
"""

import contextlib
import json
import shutil
import tempfile
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from runner import manifest as manifests
from runner.journal import FILE_NAME
from runner.manifest import RunStatus, StepRecord
from runner.naming import TAG_INTENT
from runner.steps.sample import FILE_NAME as SAMPLES
from tests.faults.boundaries import TEMPORARY, Disk, Files, Gate, Killed, lay_out
from tests.faults.invariants import Earned, at_any_time, at_the_end, earned_by, folded
from tests.faults.lives import RUN_ID, Case, live
from tests.faults.model_cloud import Trouble, World


@dataclass(frozen=True, kw_only=True, slots=True)
class Instant:
    """What a life leaves if it is cut off here, and what had been promised until then."""

    label: str
    files: Files
    world: World
    earned: Earned

    @property
    def key(self) -> Hashable:
        """Tell instants apart by what a next life could see, or its end be judged by."""
        journal, saved = self.files.get(FILE_NAME, b""), self.files.get(manifests.FILE_NAME, b"")
        return self.meaning, _of_the_tail(journal, saved)

    @property
    def meaning(self) -> Hashable:
        """Tell instants apart as `key` does, but for a torn last line and a manifest that lags behind."""
        others = frozenset((name, _content(name, self.files[name])) for name in self.files if _decides(name))
        return _of_the_run(self.files.get(FILE_NAME, b"")), others, _of_the_world(self.world)

    @property
    def status(self) -> RunStatus | None:
        """Tell how the run stands; None if there is none."""
        manifest = folded(self.files)
        return manifest.status if manifest else None

    @property
    def is_over(self) -> bool:
        """Tell whether the run was closed: what comes then is asked for by who has read how it ended."""
        manifest = folded(self.files)
        return manifest is not None and manifest.ended is not None


@dataclass
class Count:
    """How much of it was seen."""

    instants: int = 0
    followed: int = 0
    lives: int = 0
    kinds: set[str] = field(default_factory=set)


@dataclass
class Explorer:
    """Lives lives of one case, in folders of its own."""

    case: Case
    recipe_folder: Path
    work: Path
    count: Count = field(default_factory=Count)

    def beginning(self) -> Instant:
        """Give the instant before anything has happened."""
        return Instant(label="nothing yet", files={}, world=World(self.case.manners), earned={})

    def followed(self, start: Instant, troubles: Mapping[int, Trouble] | None = None) -> list[Instant]:
        """Live from an instant to the end; give every instant of that life, each checked."""
        with self._folder(start) as folder:
            world, disk = start.world.copy(), Disk(folder)
            seen = _Seen(start, disk, world)
            self._live(folder, world, Gate(watch=seen.take), disk, troubles)
            self.count.instants += seen.boundaries
            self.count.kinds |= {instant.label for instant in seen.instants}
            seen.tell()
            at_the_end(self.case, folder, world, start.earned)
        return seen.instants

    def ended(self, start: Instant, troubles: Mapping[int, Trouble] | None = None) -> list[str]:
        """Live from an instant to the end, look at the end alone, and give the calls the cloud saw."""
        with self._folder(start) as folder:
            world, disk = start.world.copy(), Disk(folder)
            calls = self._live(folder, world, Gate(), disk, troubles)
            at_the_end(self.case, folder, world, start.earned)
        return calls

    def killed(self, start: Instant, at: int) -> Instant:
        """Live from an instant until a true kill at a boundary; the end if the life was shorter."""
        return self.lived(start, {}, Gate(kill_at=at))

    def lived(self, start: Instant, troubles: Mapping[int, Trouble], gate: Gate | None = None) -> Instant:
        """Live from an instant, and give what that left; it is held against what holds at any time."""
        with self._folder(start) as folder:
            world, disk = start.world.copy(), Disk(folder)
            _until_killed(lambda: self._live(folder, world, gate or Gate(), disk, troubles))
            instant = Instant(label="lived", files=disk.now(), world=world, earned=start.earned)
        at_any_time(instant.files, instant.world, instant.earned)
        return replace(instant, earned=earned_by(instant.files, instant.earned))

    def _live(
        self, folder: Path, world: World, gate: Gate, disk: Disk, troubles: Mapping[int, Trouble] | None
    ) -> list[str]:
        self.count.lives += 1
        return live(
            self.case,
            recipe_folder=self.recipe_folder,
            folder=folder,
            world=world,
            gate=gate,
            disk=disk,
            troubles=troubles,
        )

    @contextmanager
    def _folder(self, start: Instant) -> Iterator[Path]:
        """Lay out what the instant left on disk."""
        folder = Path(tempfile.mkdtemp(dir=self.work)) / RUN_ID
        folder.mkdir(mode=0o700)
        lay_out(folder, start.files)
        try:
            yield folder
        finally:
            shutil.rmtree(folder.parent)


@dataclass
class _Seen:
    """Takes down each instant of a life once, with what had been promised by then."""

    start: Instant
    disk: Disk
    world: World
    boundaries: int = 0
    instants: list[Instant] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    _known: set[Hashable] = field(default_factory=set)
    _latest: Hashable = None
    _earned: Earned = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._earned = self.start.earned

    def take(self, label: str) -> None:
        """See what a kill would leave here; and what a power loss would, if that is less."""
        self.boundaries += 1
        left = self.disk.now()
        lost = self.disk.after_power_loss()
        latest = (tuple(left.items()), tuple(lost.items()), _of_the_world(self.world))
        if latest == self._latest:  # nothing has happened since
            return
        self._latest = latest
        for files in (left,) if lost == left else (left, lost):
            self._take(label, files)
        self._earned = earned_by(lost, self._earned)

    def tell(self) -> None:
        """Say what did not hold; raised at once, the executor would take it for a step's failure."""
        assert not self.broken, "\n".join(self.broken)

    def _take(self, label: str, files: Files) -> None:
        try:
            at_any_time(files, self.world, self._earned)
        except AssertionError as error:
            self.broken.append(f"{self.start.label}, then {label}: {error}")
        instant = Instant(label=label, files=files, world=self.world, earned=self._earned)
        if instant.key not in self._known:
            self._known.add(instant.key)
            self.instants.append(replace(instant, world=self.world.copy()))


def _until_killed(life: Callable[[], object]) -> None:
    with contextlib.suppress(Killed):
        life()


def _decides(name: str) -> bool:
    """Tell whether a file's very content makes a difference."""
    return name not in {FILE_NAME, manifests.FILE_NAME} and not name.startswith(TEMPORARY)


def _content(name: str, content: bytes) -> Hashable:
    """Give a file's content; of answers only how many there are, and whether one is torn."""
    return (content.count(b"\n"), content.endswith(b"\n")) if name == SAMPLES else content


@lru_cache(maxsize=10_000)
def _of_the_run(journal: bytes) -> Hashable:
    """Tell what the journal comes to."""
    manifest = folded({FILE_NAME: journal})
    if manifest is None:
        return None
    steps = tuple((name, *map(str, _step(step))) for name, step in manifest.steps.items())
    alive = frozenset((each.step, each.kind, each.name, each.deletion) for each in manifest.alive)
    return manifest.status, manifest.walked, steps, alive


def _step(step: StepRecord) -> tuple[object, ...]:
    said = (step.status, step.action, step.attempt, step.acknowledged, step.changed, step.error)
    return (*said, step.intent, step.outputs)


@lru_cache(maxsize=10_000)
def _of_the_tail(journal: bytes, saved: bytes) -> Hashable:
    """Tell whether the journal is torn, and whether the manifest's file is there and up to date."""
    counted = json.loads(saved)["journal"]["records"] if saved else None
    return journal.endswith(b"\n"), counted is None, counted == journal.count(b"\n")


def _of_the_world(world: World) -> Hashable:
    things = frozenset(
        (
            (thing.kind, thing.name, thing.hidden, thing.ends, str(thing.body), thing.tags.get(TAG_INTENT)),
            (world.now < thing.ready, thing.gone is None, world.there(thing.kind, thing.name) is None),
        )
        for thing in world.things.values()
    )
    asked = frozenset((entry.op, entry.kind, entry.name) for entry in world.ledger)
    # What shows at the next look is not asked for again, whoever knows of its acknowledgement.
    hidden = {(thing.kind, thing.name) for thing in world.things.values() if thing.hidden}
    return things, asked, frozenset(each for each in world.acknowledged if each[:2] in hidden)
