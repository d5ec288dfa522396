"""The test mode of a running emulator, as tests ask for it: faults, books, requests, clock."""

from typing import Any

from tests.emulator.emulated import FAKE_TRAINER, Emulated

TEST_MODE = ("--test-mode", "--trainer", FAKE_TRAINER)


def hurry(emulated: Emulated) -> None:
    """Let clusters and endpoints take a moment only."""
    quick = {"compute": 0.05, "endpoint": 0.05, "traffic": 0.05}
    assert emulated.admin("POST", "/_emu/latencies", **quick).status_code == 200


def fault(emulated: Emulated, action: str, when: str = "before", /, **rest: Any) -> None:  # noqa: ANN401 - JSON
    """Add one rule; `args` are the fault's arguments, everything else is matched."""
    args = rest.pop("args", {})
    rule = {"match": rest, "when": when, "action": action, "args": args}
    answer = emulated.admin("POST", "/_emu/faults", rules=[rule])
    assert answer.status_code == 200, answer.text


def fired(emulated: Emulated) -> list[int]:
    """Return how often each rule was carried out."""
    return [rule["fired"] for rule in emulated.admin("GET", "/_emu/faults").json()["rules"]]


def ledger(emulated: Emulated, workspace: str) -> dict[str, Any]:
    """Return the books of a workspace."""
    return dict(emulated.admin("GET", f"/_emu/ledger?workspace={workspace}").json())


def events(emulated: Emulated, workspace: str) -> list[tuple[str, str, str]]:
    """Return what happened in a workspace: what was done, to which kind, by which name."""
    return [(each["op"], each["kind"], each["name"]) for each in ledger(emulated, workspace)["events"]]


def requests(emulated: Emulated, workspace: str) -> list[dict[str, Any]]:
    """Return the requests seen of a workspace."""
    return list(emulated.admin("GET", f"/_emu/requests?workspace={workspace}").json()["requests"])


def set_clock(emulated: Emulated, **change: float) -> None:
    """Put the clock forward, or let it go at another rate."""
    assert emulated.admin("POST", "/_emu/clock", **change).status_code == 200


def workspace_path(name: str) -> str:
    """Return the path of a workspace."""
    return f"/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/{name}"
