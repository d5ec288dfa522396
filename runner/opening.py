"""From a recipe to a checked plan on a connected target: what `plan`, `run` and `down` share."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from runner import launcher, preflight, target
from runner.errors import PreflightRefused, Severity
from runner.facts import Facts, Target, TargetKind
from runner.load import Loaded
from runner.parameters import Effective
from runner.plan import Plan, plan
from runner.session import Session
from runner.survey import survey, survey_offline

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud

# An emulator that a command starts for itself ends this long after its last request, whatever became of us.
IDLE_SECONDS = 900


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """A recipe on its target, checked: nothing has been changed yet."""

    loaded: Loaded
    cloud: "Cloud"
    facts: Facts
    plan: Plan


@dataclass(slots=True)
class Lease:
    """A cloud that can be talked to. With `keep`, an emulator that was started for it stays up."""

    keep: bool = False


def from_catalog(loaded: Loaded, kind: TargetKind, today: date) -> tuple[Facts, Effective | None]:
    """Give what is known without asking anyone, and the parameters it leads to; nothing is checked."""
    facts = survey_offline(loaded.recipe, kind, None, today)
    return facts, preflight.merge(loaded, facts)


def offline(loaded: Loaded, kind: TargetKind, today: date) -> Plan:
    """Plan from the catalog alone. Raises PreflightRefused."""
    facts = survey_offline(loaded.recipe, kind, None, today, folder=loaded.source.folder)
    return _checked(loaded, facts)


@contextmanager
def reached(session: Session, kind: TargetKind, state: Path) -> Iterator[Lease]:
    """Have the target's cloud: Azure is there; an emulator is found or started, and its environment set.

    The SDK reads its cloud from the process's environment, so this comes before everything that imports it.
    """
    if kind is TargetKind.AZURE:
        yield Lease()
        return
    found = launcher.find(state)
    ours = found is None
    running = found or _started(state)
    session.environment.update(running.environment)
    # A run on the emulator asks no other host by `requests`; reading all public roots takes 40 ms a request.
    session.environment["REQUESTS_CA_BUNDLE"] = running.authority
    lease = Lease()
    try:
        yield lease
    finally:
        if ours and not lease.keep:
            launcher.stop(running)


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


def opened(loaded: Loaded, cloud: "Cloud", today: date) -> Opened:
    """Survey and check. Raises PreflightRefused, before anything is changed."""
    facts = survey(loaded.recipe, cloud, today, folder=loaded.source.folder)
    return Opened(loaded=loaded, cloud=cloud, facts=facts, plan=_checked(loaded, facts))


def _checked(loaded: Loaded, facts: Facts) -> Plan:
    effective = preflight.merge(loaded, facts)
    diagnostics = preflight.check(loaded, facts, effective)
    if any(each.severity is Severity.ERROR for each in diagnostics):
        raise PreflightRefused("the target would refuse this recipe", diagnostics)
    return plan(loaded.recipe, facts, effective, diagnostics)


def _started(state: Path) -> launcher.Emulator:
    process = launcher.spawn(state, idle_timeout=IDLE_SECONDS)
    # While it starts, import what takes as long.
    import runner.azure.cloud  # noqa: PLC0415
    import runner.azure.signin  # noqa: F401, PLC0415

    return launcher.wait_until_up(state, process)
