"""From a recipe to a checked plan on a connected target: what the verbs that go online share."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event as StopEvent
from typing import TYPE_CHECKING

from runner import cost, dataset, launcher, pins, preflight, sizing, target
from runner.clock import FollowingClock
from runner.console.silent import SilentProgress
from runner.cost import Prices
from runner.dataset import PreparedSplit, Progress
from runner.errors import Diagnostic, PreflightRefused, RecipeInvalid, Severity
from runner.execute import Run
from runner.facts import Facts, Target, TargetKind
from runner.journal import Journal
from runner.load import EVERY_SECTION, Loaded, resolve
from runner.parameters import Effective
from runner.pins import Pins
from runner.plan import Plan, plan
from runner.recipe import Recipe
from runner.session import Session
from runner.steps.dataset import workspace_of
from runner.steps.step import Context
from runner.survey import survey, survey_offline

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud

# An emulator that a command starts for itself ends this long after its last request, whatever became of us.
IDLE_SECONDS = 900
# Where an emulator in test mode says what its clock does.
_CLOCK_FILE = "clock.json"
# MLflow reads it once, when it is imported: it would else leave a file in the home folder, and send reports.
NO_TELEMETRY = {"MLFLOW_DISABLE_TELEMETRY": "true"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """A recipe on its target, checked: nothing has been changed yet. `loaded` is it as it was written.

    `rows` are there where they were prepared before anything is changed, too.
    """

    loaded: Loaded
    cloud: "Cloud"
    facts: Facts
    plan: Plan
    pins: Pins = field(default_factory=Pins)
    rows: Mapping[str, PreparedSplit] | None = None

    @property
    def recipe(self) -> Recipe:
        """Give the recipe with what its names were resolved to in their place: what is carried out."""
        return pins.applied(self.loaded.recipe, self.pins)


@dataclass(slots=True)
class Lease:
    """A cloud that can be talked to. With `keep`, an emulator that was started for it stays up."""

    keep: bool = False


def from_catalog(loaded: Loaded, kind: TargetKind, today: date) -> tuple[Facts, Effective | None]:
    """Give what is known without asking anyone, and the parameters it leads to; nothing is checked."""
    facts = survey_offline(loaded.recipe, kind, None, today)
    return facts, preflight.merge(loaded, facts)


def offline(loaded: Loaded, kind: TargetKind, today: date, prices: Prices | None = None) -> Plan:
    """Plan from the catalog alone. Raises PreflightRefused."""
    facts = survey_offline(loaded.recipe, kind, None, today, folder=loaded.source.folder)
    return checked(loaded, facts, prices)


@contextmanager
def reached(session: Session, kind: TargetKind, state: Path) -> Iterator[Lease]:
    """Have the target's cloud: Azure is there; an emulator is found or started, and its environment set.

    The SDK reads its cloud from the process's environment when it connects. It is imported before that is
    set: else it would ask the emulator for addresses while it is imported, once and for good.
    """
    session.environment.update(NO_TELEMETRY)
    if kind is TargetKind.AZURE:
        yield Lease()
        return
    found = launcher.find(state)
    ours = found is None
    running = found or _started(state)
    _import_the_sdk()
    if running.test_mode:
        session.clock = session.voice.clock = FollowingClock(state / _CLOCK_FILE)
    session.environment.update(running.environment)
    # A run on the emulator asks no other host by `requests`; reading all public roots takes 40 ms a request.
    session.environment["REQUESTS_CA_BUNDLE"] = running.authority
    lease = Lease()
    try:
        yield lease
    finally:
        if ours and not lease.keep:
            launcher.stop(running)


def filled_in(session: Session, loaded: Loaded, kind: TargetKind) -> Loaded:
    """Fill in the recipe's variables on a target that is reached. Raises RecipeInvalid.

    The emulator trains on the rows and keeps what an endpoint is made with, as Azure does; it has no need of
    tags and the like.
    """
    needed = EVERY_SECTION if kind is TargetKind.AZURE else {"dataset", "endpoint"}
    return resolve(loaded, session.environment, needed=needed)


def where(session: Session, loaded: Loaded, kind: TargetKind) -> Target:
    """Give the workspace that a recipe means on a target that is reached."""
    if kind is TargetKind.AZURE:
        return target.on_azure(loaded, session.environment)
    return target.on_emulator(loaded, session.environment)


def connected(session: Session, chosen: Target, registry: str) -> "Cloud":
    """Sign in and open the clients. Raises CloudUnavailable."""
    # The SDK takes a second and a half to import: only who goes online pays for it.
    from runner.azure.cloud import connect  # noqa: PLC0415
    from runner.azure.signin import sign_in  # noqa: PLC0415

    credential = sign_in(chosen, session.environment, at_a_terminal=session.console.at_a_terminal)
    return connect(chosen, registry, credential)


def opened(loaded: Loaded, cloud: "Cloud", today: date, prices: Prices | None = None) -> Opened:
    """Survey, check and resolve, once, what the recipe's names mean now.

    Raises PreflightRefused, before anything is changed; RecipeInvalid for rows that are not where it says.
    """
    facts = survey(loaded.recipe, cloud, today, folder=loaded.source.folder)
    return surveyed(loaded, cloud, facts, resolved(loaded, facts, cloud), prices)


def surveyed(
    loaded: Loaded, cloud: "Cloud", facts: Facts, found: Pins, prices: Prices | None = None
) -> Opened:
    """Check by what a survey has found. Raises PreflightRefused, before anything is changed."""
    planned = checked(loaded, facts, prices)
    return Opened(loaded=loaded, cloud=cloud, facts=facts, plan=planned, pins=found)


def resolved(loaded: Loaded, facts: Facts, cloud: "Cloud") -> Pins:
    """Take the pins; what the rows' source refuses is told at the recipe's line. Raises RecipeInvalid."""
    section = loaded.recipe.dataset
    try:
        return pins.taken(loaded, facts, workspace_of(section, cloud) if section else None)
    except RecipeInvalid as refused:
        placed = tuple(_placed(loaded, each) for each in refused.diagnostics)
        raise RecipeInvalid(refused.message, placed, hint=refused.hint) from refused


def _placed(loaded: Loaded, found: Diagnostic) -> Diagnostic:
    key = tuple(found.key.split("."))
    position = loaded.source.locate(key)
    return replace(found, path=loaded.source.path_of(key), line=position.line, column=position.column)


@contextmanager
def prepared(opened: Opened) -> Iterator[Opened]:
    """Prepare the rows before a run begins; they lie in a folder of their own while the block runs."""
    with prepared_rows(opened.recipe, opened.loaded.source.folder, opened.cloud) as rows:
        yield replace(opened, rows=rows, pins=pins.with_rows(opened.pins, rows))


@contextmanager
def prepared_rows(
    recipe: Recipe, folder: Path, cloud: "Cloud | None" = None, *, progress: Progress = dataset.silent
) -> Iterator[Mapping[str, PreparedSplit]]:
    """Do so with a recipe's rows alone; `folder` is where its relative paths start.

    Without a cloud they have to lie elsewhere than in a workspace.
    """
    section = recipe.dataset
    if section is None:
        yield {}
        return
    workspace = workspace_of(section, cloud) if cloud else None
    with TemporaryDirectory(prefix="runner-rows-") as into:
        yield dataset.prepare(section, folder=folder, into=Path(into), workspace=workspace, progress=progress)


def context(opened: Opened, folder: Path) -> Context:
    """Give what the steps of a run in this folder may know."""
    return Context(
        recipe=opened.recipe,
        recipe_folder=opened.loaded.source.folder,
        run_id=folder.name,
        run_folder=folder,
        cloud=opened.cloud,
        facts=opened.facts,
        effective=opened.plan.effective,
        outputs={},
        prepared=opened.rows,
    )


def begun(session: Session, journal: Journal, folder: Path, cloud: "Cloud", *, cancel: bool = False) -> Run:
    """Give a run to carry out, which nobody is told of yet."""
    return Run(
        cloud=cloud,
        journal=journal,
        folder=folder,
        observer=SilentProgress(),
        clock=session.clock,
        stop=StopEvent(),
        cancel=cancel,
    )


def checked(loaded: Loaded, facts: Facts, prices: Prices | None) -> Plan:
    """Plan what is surveyed. Raises PreflightRefused with all that the target would refuse."""
    effective = preflight.merge(loaded, facts)
    found = preflight.check(loaded, facts, effective)
    diagnostics = loaded.source.in_order((*loaded.notices, *found))
    if any(each.severity is Severity.ERROR for each in diagnostics):
        raise PreflightRefused("the target would refuse this recipe", diagnostics)
    return with_cost(loaded, facts, plan(loaded.recipe, facts, effective, diagnostics), prices)


def with_cost(loaded: Loaded, facts: Facts, planned: Plan, prices: Prices | None = None) -> Plan:
    """Add what the run would cost, by the prices given or the catalog's; on the emulator it costs nothing."""
    if facts.target is TargetKind.EMULATOR:
        return planned
    recipe, shape = loaded.recipe, sizing.architecture(facts)
    known = cost.Known(
        prices=prices or cost.built_in_prices(),
        size=facts.sizes.get(recipe.compute.size.lower()) if recipe.compute else None,
        parameters=shape.active_parameters if shape else None,
        rows=cost.rows_of(recipe.dataset, facts.splits) if recipe.dataset else None,
    )
    estimate = cost.estimate(recipe, planned.effective, known)
    return replace(planned, cost=estimate, prices=known.prices)


def _started(state: Path) -> launcher.Emulator:
    process = launcher.spawn(state, idle_timeout=IDLE_SECONDS)
    _import_the_sdk()  # while it starts, which takes as long
    return launcher.wait_until_up(state, process)


def _import_the_sdk() -> None:
    import runner.azure.cloud  # noqa: PLC0415
    import runner.azure.signin  # noqa: F401, PLC0415
