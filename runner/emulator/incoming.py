"""A request as rules and lists name it: its route, the resource in its path and the workspace it is for."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from starlette.routing import compile_path
from starlette.types import Scope

from runner.emulator.workspace import Workspace

# The one of a path's parameters that is the resource's name: the innermost first.
_NAMES = (
    "deployment",
    "endpoint",
    "compute",
    "datastore",
    "blob",
    "job",
    "run",
    "name",
    "registry",
    "operation",
)
_WHERE = {"subscription", "group", "workspace"}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request. `route` is the template as the list of routes has it, empty if there is none."""

    method: str
    path: str
    query: str
    route: str
    name: str
    workspace: str
    parameters: dict[str, str]

    @property
    def key(self) -> str:
        """The resource's key in the store, where the path is one."""
        return self.path.lower()


class Signposts:
    """Reads what a request is about from its path; `owner` knows whose an endpoint or operation is."""

    def __init__(self, templates: Iterable[str], owner: Callable[[dict[str, str]], str]) -> None:
        self._patterns = [(template, compile_path(template)[0]) for template in templates]
        self._owner = owner
        self._names: dict[str, str] = {}

    def read(self, scope: Scope) -> Asked:
        """Describe a request; one to a storage account is its workspace's, once that was ever named."""
        path = str(scope["path"])
        route, parameters = self._match(path)
        return Asked(
            method=scope["method"],
            path=path,
            query=scope["query_string"].decode("latin-1"),
            route=route,
            name=next((parameters[name] for name in _NAMES if name in parameters), ""),
            workspace=self._workspace(parameters),
            parameters=parameters,
        )

    def _match(self, path: str) -> tuple[str, dict[str, str]]:
        for template, pattern in self._patterns:
            if found := pattern.match(path):
                return template, found.groupdict()
        return "", {}

    def _workspace(self, parameters: dict[str, str]) -> str:
        if parameters.keys() >= _WHERE:
            workspace = Workspace(parameters["subscription"], parameters["group"], parameters["workspace"])
            self._names |= {workspace.account: workspace.name, workspace.guid: workspace.name}
            return workspace.name
        owner = parameters.get("account") or self._owner(parameters)
        return self._names.get(owner, "" if "account" in parameters else owner)


@dataclass
class Seen:
    """A request and how it was answered; no status while it is not, or if it never was."""

    asked: Asked
    status: int | None = None

    def shown(self, number: int) -> dict[str, object]:
        """Return it as the list has it."""
        asked = self.asked
        return {
            "n": number,
            "method": asked.method,
            "route": asked.route,
            "path": asked.path,
            "query": asked.query.partition("sig=")[0],
            "name": asked.name,
            "workspace": asked.workspace,
            "status": self.status,
        }
