"""Operations in test mode: what a poller is told, and how the resource fares, may each be told in advance."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from runner.emulator.clock import Clock
from runner.emulator.errors import ArmError
from runner.emulator.operations import Family, Operation, Operations, Work
from runner.emulator.store import Document, Kind, Store

PENDING = "Updating"
_PENDING_WORDS = {"InProgress", PENDING}
_ENDS = {"Succeeded", "Failed", "Canceled"}
_KINDS = (Kind.COMPUTE, Kind.ENDPOINT, Kind.DEPLOYMENT)
_STEP_SECONDS = 0.1


@dataclass(frozen=True, kw_only=True)
class OperationScript:
    """What each poll is told, the last word for ever, and what becomes of the resource.

    `resource` are provisioning states, a moment each. If the last is Succeeded, the work is done for it; any
    other is where the resource stays. Left out, the resource ends as the operation does; if that never ends,
    neither does the resource.
    """

    key: str
    states: tuple[str, ...]
    resource: tuple[str, ...]
    error: Mapping[str, Any]

    @classmethod
    def of(cls, key: str, args: Mapping[str, Any]) -> "OperationScript":
        """Read a fault's arguments."""
        states = tuple(args["states"])
        given = args.get("resource")
        ends = (states[-1],) if states[-1] in _ENDS else ()
        resource = ends if given is None else (given,) if isinstance(given, str) else tuple(given)
        error = {"code": "InternalServerError", "message": "The test's script says that this fails."}
        return cls(key=key, states=states, resource=resource, error={**error, **args.get("error", {})})


SCRIPT: ContextVar[OperationScript | None] = ContextVar("SCRIPT", default=None)


class ScriptedOperations(Operations):
    """Operations that go by the script of the request that starts them, if it has one."""

    def __init__(self, store: Store, clock: Clock) -> None:
        super().__init__(store, clock)
        self._scripts: dict[str, list[str]] = {}
        self._errors: dict[str, Mapping[str, Any]] = {}
        self.owners: dict[str, str] = {}

    def begin(self, family: Family, subscription: str, workspace_guid: str, work: Work) -> Operation:
        """See `Operations.begin`."""
        script = SCRIPT.get()
        if script is None:
            operation = super().begin(family, subscription, workspace_guid, work)
        else:
            operation = super().begin(family, subscription, workspace_guid, self._scripted(script, work))
            self._scripts[operation.name] = list(script.states)
            self._errors[operation.name] = script.error
        self.owners[operation.name] = workspace_guid
        return operation

    def get(self, name: str) -> Document:
        """See `Operations.get`; each call is one poll."""
        record = super().get(name)
        states = self._scripts.get(name)
        if not states:
            return record
        state = states.pop(0) if len(states) > 1 else states[0]
        error = {**self._errors[name], "details": []} if state in {"Failed", "Canceled"} else None
        shown = PENDING if state in _PENDING_WORDS else state
        return {**record, "status": shown, "endTime": self._clock.stamp(), "error": error}

    def _scripted(self, script: OperationScript, work: Work) -> Work:
        async def follow() -> None:
            for state in script.resource[:-1]:
                self._set(script.key, state)
                await self._clock.sleep(_STEP_SECONDS)
            if not script.resource:
                return
            if script.resource[-1] == "Succeeded":
                await work()
                return
            self._set(script.key, script.resource[-1])
            raise ArmError(500, str(script.error["code"]), str(script.error["message"]))

        return follow

    def _set(self, key: str, state: str) -> None:
        """Put a resource into a state, with all that the service tells of it once it has settled."""
        for kind in _KINDS:
            if document := self._store.get(kind, key):
                document["properties"] |= {"provisioningState": state, **document.get("settled", {})}
                self._store.put(kind, key, document)
