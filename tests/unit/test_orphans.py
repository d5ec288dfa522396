"""What is alive under our tags is held against the runs at hand; what lacks them is nobody's business."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runner import orphans
from runner.clock import SystemClock
from runner.facts import Resource, ResourceKind, Target, TargetKind
from runner.journal import FILE_NAME, Event, Journal, Json, read
from runner.manifest import fold, write
from runner.orphans import AtHand, Finding, Standing

NOW = datetime(2026, 11, 21, 9, 23, tzinfo=UTC)
RUN = "20261121T082300Z-small-1a2b"
WORKSPACE = Target(kind=TargetKind.EMULATOR, subscription_id="sub", resource_group="rg", workspace_name="ws")
NOTHING = AtHand(listing={})


def thing(kind: ResourceKind, name: str, *, parent: str = "", run: str = RUN, **tags: str) -> Resource:
    ours = {"runner.recipe": "small", "runner.run": run, **tags} if run else dict(tags)
    return Resource(kind=kind, name=name, id=f"/{name}", status="Succeeded", parent=parent, tags=ours)


CLUSTER = thing(ResourceKind.COMPUTE, "gpu")
ENDPOINT = thing(ResourceKind.ENDPOINT, "e")
DEPLOYMENT = thing(ResourceKind.DEPLOYMENT, "demo", parent="e")


def ending(moment: str, run: str = RUN) -> Resource:
    return thing(ResourceKind.ENDPOINT, "e", run=run, **{"runner.expires": moment})


@pytest.fixture
def runs(tmp_path: Path, opening: Mapping[str, Json]) -> Path:
    """Give a folder with one run that lists a cluster, an endpoint and its deployment."""
    folder = tmp_path / "runs" / RUN
    folder.mkdir(parents=True)
    made = {
        "compute": ("compute", {"name": "GPU"}),
        "endpoint": ("endpoint", {"name": "e"}),
        "deployment": ("deployment", {"name": "demo", "endpoint": "e"}),
    }
    with Journal(folder / FILE_NAME, SystemClock(), new=True) as journal:
        journal.append(Event.RUN_OPENED, data=opening)
        for step, (kind, intent) in made.items():
            journal.append(Event.STEP_STARTED, step=step, data={"action": "create"})
            data = {"action": "create", "intent": intent, "kind": kind, "bills": True}
            journal.append(Event.INTENT, step=step, data=data)
    return folder.parent


def judged(resource: Resource, known: AtHand, *others: Resource) -> Finding:
    return orphans.findings([resource, *others], known, NOW)[0]


def test_what_a_run_here_lists_is_known_and_all_else_under_our_tags_an_orphan(runs: Path) -> None:
    known = orphans.at_hand(runs, WORKSPACE)
    other = thing(ResourceKind.DEPLOYMENT, "demo", parent="another")
    found = orphans.findings([CLUSTER, ENDPOINT, DEPLOYMENT, other], known, NOW)
    assert [each.standing for each in found] == [*[Standing.KNOWN] * 3, Standing.ORPHAN]
    assert found[0].runs == (runs / RUN,)


def test_a_base_model_that_a_run_under_way_only_uses_is_known(
    tmp_path: Path, opening: Mapping[str, Json]
) -> None:
    folder = tmp_path / RUN
    folder.mkdir()
    used = {"action": "reuse", "intent": {"name": "base", "endpoint": "e"}, "outputs": {}}
    with Journal(folder / FILE_NAME, SystemClock(), new=True) as journal:
        journal.append(Event.RUN_OPENED, data=opening)
        journal.append(Event.STEP_STARTED, step="baseline", data={"action": "reuse"})
        journal.append(Event.DONE, step="baseline", data={**used, "kind": "deployment", "bills": False})
    base = thing(ResourceKind.DEPLOYMENT, "base", parent="e")
    assert judged(base, orphans.at_hand(tmp_path, WORKSPACE)).standing is Standing.KNOWN


@pytest.mark.parametrize(("status", "kept"), [(None, True), ("interrupted", True), ("succeeded", False)])
def test_a_cluster_of_a_lost_run_is_kept_while_a_run_here_trains_on_it(
    tmp_path: Path, opening: Mapping[str, Json], status: str | None, *, kept: bool
) -> None:
    folder = tmp_path / RUN
    folder.mkdir()
    reused = {"action": "reuse", "intent": {"name": "GPU"}, "kind": "compute", "bills": False, "outputs": {}}
    with Journal(folder / FILE_NAME, SystemClock(), new=True) as journal:
        journal.append(Event.RUN_OPENED, data=opening)
        journal.append(Event.STEP_STARTED, step="compute", data={"action": "reuse"})
        journal.append(Event.DONE, step="compute", data=reused)
        if status:
            journal.append(Event.RUN_CLOSED, data={"status": status})
    found = judged(CLUSTER, orphans.at_hand(tmp_path, WORKSPACE))
    assert found.standing is (Standing.KNOWN if kept else Standing.ORPHAN)


@pytest.mark.parametrize("missing", ["runner.run", "runner.recipe"])
def test_what_lacks_our_tags_is_not_even_told(missing: str) -> None:
    tags = {name: value for name, value in CLUSTER.tags.items() if name != missing}
    assert orphans.findings([replace(CLUSTER, tags=tags)], NOTHING, NOW) == ()


def test_a_manifest_alone_tells_too(runs: Path) -> None:
    folder = runs / RUN
    with Journal(folder / FILE_NAME, SystemClock(), new=False) as journal:
        write(fold(journal.records), folder / "manifest.json")
    (folder / FILE_NAME).unlink()
    found = judged(CLUSTER, orphans.at_hand(runs, WORKSPACE))
    assert found.standing is Standing.ELSEWHERE
    assert "carried out elsewhere" in found.why_kept


def test_a_name_in_another_workspace_is_another_thing(runs: Path) -> None:
    elsewhere = orphans.at_hand(runs, replace(WORKSPACE, workspace_name="other"))
    on_azure = orphans.at_hand(runs, replace(WORKSPACE, kind=TargetKind.AZURE))
    upper = orphans.at_hand(runs, replace(WORKSPACE, workspace_name="WS"))
    standings = [judged(CLUSTER, known).standing for known in (elsewhere, on_azure, upper)]
    assert standings == [Standing.ORPHAN, Standing.ORPHAN, Standing.KNOWN]


def test_what_a_run_that_cannot_be_read_made_is_kept(runs: Path) -> None:
    path = runs / RUN / FILE_NAME
    path.write_bytes(b"spoiled\n" + path.read_bytes())
    found = judged(CLUSTER, orphans.at_hand(runs, WORKSPACE))
    assert found.standing is Standing.UNCLEAR
    assert found.why_kept == (
        f"runner repair {RUN} comes first; if that is beyond repair, move the folder runs/{RUN} away, then:"
        f" runner gc --run {RUN} --delete"
    )


@pytest.mark.parametrize(
    ("status", "standing"),
    [
        (None, Standing.KNOWN),
        ("interrupted", Standing.KNOWN),
        ("succeeded", Standing.ORPHAN),
    ],
)
def test_what_a_run_that_has_not_ended_uses_is_known_though_another_made_it(
    runs: Path, opening: Mapping[str, Json], status: str | None, standing: Standing
) -> None:
    user = "20261121T091500Z-small-2b3c"
    (runs / user).mkdir()
    reused = {"action": "reuse", "intent": {"name": "Shared"}, "kind": "compute", "bills": False}
    with Journal(runs / user / FILE_NAME, SystemClock(), new=True) as journal:
        journal.append(Event.RUN_OPENED, data={**opening, "run_id": user})
        journal.append(Event.STEP_STARTED, step="compute", data={"action": "reuse"})
        journal.append(Event.DONE, step="compute", data={**reused, "outputs": {}})
        if status:
            journal.append(Event.RUN_CLOSED, data={"status": status})
    shared = thing(ResourceKind.COMPUTE, "shared", run="20251121T082300Z-small-0000")
    assert judged(shared, orphans.at_hand(runs, WORKSPACE)).standing is standing


def test_what_a_run_beside_uses_is_told_by_step_while_that_has_not_ended(
    runs: Path, opening: Mapping[str, Json]
) -> None:
    user = "20261121T091500Z-small-2b3c"
    (runs / user).mkdir()
    said = fold(read(runs / RUN / FILE_NAME))
    reused = {"action": "reuse", "intent": {"name": "demo", "endpoint": "E"}, "kind": "deployment"}
    with Journal(runs / user / FILE_NAME, SystemClock(), new=True) as journal:
        journal.append(Event.RUN_OPENED, data={**opening, "run_id": user})
        journal.append(Event.STEP_STARTED, step="deployment", data={"action": "reuse"})
        journal.append(Event.DONE, step="deployment", data={**reused, "bills": False, "outputs": {}})
        used = {"deployment": user, "traffic": user}
        assert orphans.used_by_others(runs / RUN, said, WORKSPACE) == used
        assert orphans.used_by_others(runs / RUN, said, replace(WORKSPACE, workspace_name="w2")) == {}
        journal.append(Event.RUN_CLOSED, data={"status": "canceled"})
    assert orphans.used_by_others(runs / RUN, said, WORKSPACE) == {}


def test_a_folder_that_is_no_run_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    assert orphans.at_hand(tmp_path, WORKSPACE) == NOTHING
    assert orphans.at_hand(tmp_path / "missing", WORKSPACE) == NOTHING


def test_an_endpoint_that_holds_a_strangers_deployment_is_kept() -> None:
    stranger = thing(ResourceKind.DEPLOYMENT, "theirs", parent="E", run="")
    assert judged(ENDPOINT, NOTHING, DEPLOYMENT).why_kept == ""
    assert judged(ENDPOINT, NOTHING, DEPLOYMENT, stranger).why_kept == "it holds what is not ours: theirs"


STRAYED = thing(ResourceKind.DEPLOYMENT, "Stray", parent="E", run="20251121T082300Z-small-0000")


@pytest.mark.parametrize(
    ("share", "tagged", "run", "kept"),
    [
        (100, True, "", ""),  # it goes with its endpoint, which nobody lists either
        (0, False, "", ""),
        (100, False, "", "traffic goes to it; its endpoint e is not ours: route its traffic elsewhere first"),
        (
            100,
            True,
            "2025",
            f"traffic goes to it; take its endpoint down: runner gc --run {RUN} --delete",
        ),
    ],
)
def test_a_deployment_with_traffic_is_kept_unless_its_endpoint_goes_too(
    share: int, run: str, kept: str, *, tagged: bool
) -> None:
    above = replace(ENDPOINT, traffic={"stray": share}, tags=ENDPOINT.tags if tagged else {})
    found = orphans.findings([above, STRAYED], NOTHING, NOW, run)
    assert [each.why_kept for each in found if each.resource == STRAYED] == [kept]


def test_a_deployment_with_traffic_behind_a_runs_endpoint_goes_with_that_run(runs: Path) -> None:
    above = replace(ENDPOINT, traffic={"stray": 100})
    found = judged(STRAYED, orphans.at_hand(runs, WORKSPACE), above)
    assert found.why_kept == f"traffic goes to it; take its endpoint down: runner down {RUN}"


@pytest.mark.parametrize(
    ("moment", "expired"),
    [
        ("2026-11-21T09:22:59Z", True),
        ("2026-11-21T09:22:59", True),
        ("2026-11-21T09:23:01Z", False),
        ("soon", False),
        ("", False),
    ],
)
def test_an_endpoint_is_past_its_time_only_if_its_tag_says_so(moment: str, *, expired: bool) -> None:
    endpoint = ending(moment)
    assert judged(endpoint, NOTHING).expired is expired
    assert orphans.findings([endpoint, DEPLOYMENT], NOTHING, NOW)[1].expired is expired


def test_a_later_run_that_uses_an_endpoint_sets_its_time_anew() -> None:
    endpoint = ending("2026-11-21T09:00:00Z", run="20261121T080000Z-small-0000")
    known = AtHand(listing={orphans.key_of(endpoint): (Path("runs/20261121T083000Z-small-1111"),)})
    assert judged(endpoint, NOTHING).expired
    found = judged(endpoint, known)
    assert found.expires == datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
    assert not found.expired


@pytest.mark.parametrize(
    ("created", "run", "age"),
    [
        ("2026-11-21T09:22:30+00:00", RUN, 30),
        ("", RUN, 3600),
        ("2026-11-21T10:00:00Z", RUN, 0),
        ("", "odd", None),
    ],
)
def test_its_age_is_by_the_service_else_by_its_runs_id(created: str, run: str, age: float | None) -> None:
    assert judged(replace(thing(ResourceKind.COMPUTE, "gpu", run=run), created=created), NOTHING).age == age
