"""The points of a sweep on their target, each checked as the recipe that it is, before anything is made."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Generic, TypeVar

from runner import opening
from runner.cost import Prices
from runner.errors import Diagnostic, PreflightRefused, RecipeInvalid
from runner.facts import Facts, TargetKind
from runner.load import Loaded, Point
from runner.opening import Opened
from runner.pins import Pins
from runner.plan import Plan
from runner.recipe import Recipe
from runner.session import Session
from runner.survey import survey, survey_offline
from runner.sweep import Member

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud

Made = TypeVar("Made")
Known = TypeVar("Known")


@dataclass(frozen=True, kw_only=True, slots=True)
class Ready:
    """A point that can be carried out."""

    point: Point
    opened: Opened


@dataclass(kw_only=True)
class _Surveys(Generic[Known]):
    """What names come to, asked once for all recipes that differ in their parameters alone."""

    ask: Callable[[Loaded], Known]
    known: list[tuple[Recipe, Known]] = field(default_factory=list)

    def of(self, loaded: Loaded) -> Known:
        """Give what a recipe's names come to."""
        recipe = loaded.recipe
        bare = replace(recipe, finetune=recipe.finetune and replace(recipe.finetune, parameters={}))
        for asked, found in self.known:
            if asked == bare:
                return found
        self.known.append((bare, self.ask(loaded)))
        return self.known[-1][1]


def ready(
    session: Session,
    points: Sequence[Point],
    cloud: "Cloud",
    prices: Prices | None = None,
    *,
    pins: Mapping[int, Member] | None = None,
) -> tuple[Ready, ...]:
    """Survey and check every point. Raises PreflightRefused with all that any of them is refused for.

    `pins` fix which versions `latest` meant when the sweep began.
    """
    today = session.clock.now().date()
    kind = cloud.target.kind
    filled = [replace(each, loaded=opening.filled_in(session, each.loaded, kind)) for each in points]

    def ask(loaded: Loaded) -> tuple[Facts, Pins]:
        facts = survey(loaded.recipe, cloud, today, folder=loaded.source.folder)
        return facts, opening.resolved(loaded, facts, cloud)

    surveys = _Surveys(ask=ask)

    def planned(point: Point) -> Ready:
        member = (pins or {}).get(point.index)
        facts, found = surveys.of(_pinned(point.loaded, member) if member else point.loaded)
        return Ready(point=point, opened=opening.surveyed(point.loaded, cloud, facts, found, prices))

    return _each(filled, planned)


def offline(loaded: Loaded, kind: TargetKind, today: date, prices: Prices | None) -> tuple[Plan, ...]:
    """Plan every point from the catalog alone. Raises PreflightRefused with all that any is refused for."""

    def ask(point: Loaded) -> Facts:
        return survey_offline(point.recipe, kind, None, today, folder=loaded.source.folder)

    surveys = _Surveys(ask=ask)

    def planned(point: Point) -> Plan:
        return opening.checked(point.loaded, surveys.of(point.loaded), prices)

    return _each(loaded.points, planned)


def _each(points: Sequence[Point], work: Callable[[Point], Made]) -> tuple[Made, ...]:
    """Do the work for every point, and refuse once with what is wrong with any of them."""
    made: list[Made] = []
    refused: dict[Diagnostic, None] = {}
    for point in points:
        try:
            made.append(work(point))
        except (PreflightRefused, RecipeInvalid) as error:
            refused |= dict.fromkeys(point.in_sweep(each) for each in error.diagnostics)
    if refused:
        raise PreflightRefused("the target would refuse points of this sweep", tuple(refused))
    return tuple(made)


def _pinned(loaded: Loaded, member: Member) -> Loaded:
    """Fix what names meant when the sweep began."""
    recipe = loaded.recipe
    if member.model:
        recipe = replace(recipe, model=replace(recipe.model, version=member.model))
    if member.component and recipe.finetune:
        recipe = replace(recipe, finetune=replace(recipe.finetune, component_version=member.component))
    if member.revision and recipe.dataset:
        recipe = replace(recipe, dataset=replace(recipe.dataset, revision=member.revision))
    return replace(loaded, recipe=recipe)
