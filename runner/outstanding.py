"""What a run was asked to take back and is not proven gone: every command about the run ends with it."""

from collections.abc import Sequence

from runner.errors import StillBilling
from runner.manifest import NOT_ENDED, Manifest


def outstanding(said: Manifest, left: Sequence[str] = ()) -> StillBilling | None:
    """Give the error that says so, None where there is nothing; `left` names what is not in the manifest.

    A resource that nobody asked to go is no debt: a run may be meant to leave it.
    """
    asked = [f"{each.kind} {each.name}{_why(each.deletion)}" for each in said.alive if each.deletion]
    known = {f"{each.kind} {each.name}" for each in said.alive if each.deletion}
    names = [*asked, *(name for name in left if name not in known)]
    if not names:
        return None
    verb = "cancel" if said.status in NOT_ENDED else "down"
    return StillBilling(f"not proven gone: {', '.join(names)}", hint=f"runner {verb} {said.run_id}")


def _why(deletion: str) -> str:
    return "" if deletion == "asked" else f" ({deletion})"
