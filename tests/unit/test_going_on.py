"""What is left alive is told with its price, and an interruption with how to go on or to end it."""

import io
import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from runner import billing, manifest
from runner.billing import Basis
from runner.clock import SystemClock
from runner.console import Output, going_on
from runner.console.console import Console
from runner.cost import Prices
from runner.journal import Event, Json, Record
from runner.manifest import Manifest, RunStatus
from runner.under_way import Carried

RUN = "20261121T082300Z-small-1a2b"
A100 = "Standard_NC24ads_A100_v4"
PRICES = Prices(
    currency="EUR",
    region="westeurope",
    as_of="2026-11-01",
    source="a contract",
    dedicated={A100.lower(): Decimal("3.10")},
    low_priority={A100.lower(): Decimal("0.62")},
)
CLUSTER = {"name": "gpu", "size": A100, "tier": "dedicated"}
JOB = {"name": f"{RUN}-1"}
DEPLOYMENT = {"name": "demo", "endpoint": "e", "instance_type": A100, "instance_count": 2}


def left(opening: Mapping[str, Json], **intents: Mapping[str, Json]) -> Manifest:
    """Fold a run that was interrupted and has these resources, by step."""
    kinds = {"compute": "compute", "finetune": "job", "endpoint": "endpoint"}
    kinds |= dict.fromkeys(("baseline", "deployment"), "deployment")
    told: list[tuple[Event, str, Mapping[str, Json]]] = [(Event.RUN_OPENED, "", opening)]
    for step, intent in intents.items():
        made = {"action": "create", "intent": intent, "kind": kinds[step], "bills": True}
        told += [(Event.STEP_STARTED, step, {"action": "create"}), (Event.INTENT, step, made)]
    told.append((Event.RUN_CLOSED, "", {"status": "interrupted"}))
    time = "2026-11-21T08:23:00.000Z"
    return manifest.fold(
        [
            Record(seq=seq, time=time, event=event, step=step, data=data)
            for seq, (event, step, data) in enumerate(told, start=1)
        ]
    )


@pytest.fixture
def on_azure(opening: Mapping[str, Json]) -> Mapping[str, Json]:
    nodes = {"name": "num_nodes_finetune", "value": 3, "origin": "recipe", "detail": ""}
    return {**opening, "target": {**opening["target"], "kind": "azure"}, "parameters": [nodes]}


def test_a_job_costs_its_nodes_a_deployment_its_instances_an_endpoint_nothing(
    on_azure: Mapping[str, Json],
) -> None:
    said = left(on_azure, compute=CLUSTER, finetune=JOB, endpoint={"name": "e"}, deployment=DEPLOYMENT)
    told = billing.hourly(said, PRICES)
    assert [(each.kind, each.basis, each.amount) for each in told] == [
        ("compute", Basis.EACH_NODE, Decimal("3.10")),
        ("job", Basis.ALL, Decimal("9.30")),
        ("endpoint", Basis.NOTHING, None),
        ("deployment", Basis.ALL, Decimal("6.20")),
    ]
    assert billing.together(told) == Decimal("15.50")


def test_each_of_two_deployments_costs_its_own_instances(on_azure: Mapping[str, Json]) -> None:
    base = {**DEPLOYMENT, "name": "base", "instance_count": 1}
    unheard = {**base, "instance_type": "Standard_Unheard_Of"}
    for intent, amount in ((base, Decimal("3.10")), (unheard, None)):
        said = left(on_azure, endpoint={"name": "e"}, baseline=intent, deployment=DEPLOYMENT)
        told = billing.hourly(said, PRICES)
        assert [(each.name, each.amount) for each in told[1:]] == [
            ("base", amount),
            ("demo", Decimal("6.20")),
        ]


def test_low_priority_has_its_own_price(on_azure: Mapping[str, Json]) -> None:
    said = left(on_azure, compute={**CLUSTER, "tier": "low_priority"}, finetune=JOB)
    assert [each.amount for each in billing.hourly(said, PRICES)] == [Decimal("0.62"), Decimal("1.86")]


def test_with_one_price_missing_there_is_no_sum(on_azure: Mapping[str, Json]) -> None:
    odd = {**DEPLOYMENT, "instance_type": "Standard_Unheard_Of"}
    told = billing.hourly(left(on_azure, compute=CLUSTER, finetune=JOB, deployment=odd), PRICES)
    assert told[2].basis is Basis.UNKNOWN
    assert billing.together(told) is None


def test_an_interruption_says_what_goes_on_what_it_costs_and_what_can_be_done(
    on_azure: Mapping[str, Json], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(going_on, "built_in_prices", lambda: PRICES)
    said = left(on_azure, compute=CLUSTER, finetune=JOB, endpoint={"name": "e"})
    assert list(going_on.interrupted(said, Path("runs/x"))) == [
        "",
        f"interrupted. Still there: compute gpu, endpoint e. Job {RUN}-1 goes on.",
        "  compute   gpu                            3.10 EUR an hour for each node that is up",
        f"  job       {RUN}-1  9.30 EUR an hour",
        "  endpoint  e                              nothing by itself",
        "  together 9.30 EUR an hour",
        "  prices: westeurope, as of 2026-11-01, from a contract",
        f"  go on with:      runner resume {RUN}",
        f"  then follow it, from any terminal: runner attach {RUN}",
        f"  end it all with: runner cancel {RUN}",
        "interrupted: runs/x",
    ]


def test_prices_of_ones_own_stand_over_the_lists(on_azure: Mapping[str, Json]) -> None:
    said = left(on_azure, compute=CLUSTER, finetune=JOB)
    said.status = RunStatus.SUCCEEDED
    stdout, folder = io.StringIO(), Path("runs/x")
    console = Console(stdout, io.StringIO(), Output.TEXT, SystemClock())
    console.finished(said, folder, None, prices=PRICES)
    console.finished(said, folder, KeyboardInterrupt(), prices=PRICES)
    assert stdout.getvalue().count("9.30 EUR an hour") == 4
    told = going_on.as_json(said, PRICES)
    assert [each["amount"] for each in told] == ["3.10", "9.30"]


def test_on_the_emulator_nothing_is_billed_and_that_is_said(opening: Mapping[str, Json]) -> None:
    said = left(opening, compute=CLUSTER, finetune=JOB)
    told = list(going_on.interrupted(said, Path("runs/x")))
    assert "  nothing is billed: it is on the emulator" in told
    assert not [line for line in told if "an hour" in line]
    assert going_on.as_json(said) == []


def test_on_the_emulator_only_the_job_goes_on_and_nothing_at_all_is_said_to_be_nothing(
    opening: Mapping[str, Json],
) -> None:
    assert list(going_on.interrupted(left(opening, finetune=JOB), Path("runs/x")))[1] == (
        f"interrupted. Job {RUN}-1 goes on (on the emulator)."
    )
    assert list(going_on.interrupted(left(opening), Path("runs/x")))[1] == (
        "interrupted; nothing that bills is there"
    )


@pytest.mark.parametrize(
    ("carried", "told"),
    [
        (Carried.BY_NOBODY, ["resume", "attach", "cancel"]),
        (Carried.BY_A_PROCESS, ["attach", "cancel"]),
        (Carried.ELSEWHERE, ["gc"]),
    ],
)
def test_a_run_that_has_not_ended_is_told_with_what_can_be_done_about_it(
    opening: Mapping[str, Json], carried: Carried, told: list[str]
) -> None:
    recipe = {**opening["recipe"], "in_force": "version: 1"}
    lines = going_on.alive(left({**opening, "recipe": recipe}, compute=CLUSTER), carried=carried)
    assert re.findall("runner ([a-z]+)", "\n".join(lines)) == told


def test_what_is_not_proven_gone_says_why(opening: Mapping[str, Json]) -> None:
    said = left(opening, compute=CLUSTER)
    said.alive = [
        manifest.Resource(step="compute", kind="compute", name="gpu", deletion="HTTP 409\x1b[2J"),
    ]
    assert "  compute  gpu  not proven gone: HTTP 409\\x1b[2J" in going_on.alive(said)


def test_amounts_are_texts_in_json(on_azure: Mapping[str, Json]) -> None:
    (cluster,) = billing.as_json(billing.hourly(left(on_azure, compute=CLUSTER), PRICES))
    assert (cluster["amount"], cluster["currency"], cluster["basis"]) == (
        "3.10",
        "EUR",
        "each node that is up",
    )
