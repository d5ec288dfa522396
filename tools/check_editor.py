"""Look at the recipes as an editor does: start the YAML language server that editors use, and ask it.

    python tools/check_editor.py

It is fetched by npm into .node/ the first time, and is asked for diagnostics, completions and explanations
over its own protocol. Needs Node.js 20 or newer and npm; without them this fails. Once it is fetched nothing
needs a network, which is made sure of: the server is told of a proxy that does not exist.
"""

import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any

from runner import catalog
from runner.parameters.values import is_settable
from runner.schema_files import bundled

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".node"
PACKAGE = "yaml-language-server"
VERSION = "1.19.0"  # the last one that runs on Node 20
PATIENCE_SECONDS = 60
ENDED = "the language server has ended; is this Node.js 20 or newer?"
NOWHERE = "http://127.0.0.1:9"
# What `runner schema` prints; editors find it by the names that schemas/schemastore.json claims.
BUNDLE = HOME / "recipe.schema.json"
CLAIMED = json.loads((ROOT / "schemas" / "schemastore.json").read_text(encoding="utf-8"))["fileMatch"]
SETTINGS: dict[str, Any] = {
    "yaml": {
        "validate": True,
        "hover": True,
        "completion": True,
        "yamlVersion": "1.2",
        "schemaStore": {"enable": False, "url": ""},
        "schemas": {BUNDLE.as_uri(): CLAIMED},
    },
    "http": {"proxy": NOWHERE, "proxyStrictSSL": True},
}

Json = dict[str, Any]


class Failed(Exception):
    """An answer was not the expected one, or the server could not be had."""


@dataclass
class Server:
    """A running language server and what it has said so far."""

    process: subprocess.Popen[bytes]
    answers: dict[int, "queue.Queue[Json]"] = field(default_factory=dict)
    diagnostics: dict[str, "queue.Queue[list[Json]]"] = field(default_factory=dict)
    asked: int = 0

    def ask(self, method: str, **params: object) -> Any:  # noqa: ANN401 - what the protocol says
        """Send a request and wait for its answer."""
        self.asked += 1
        waiting = self.answers.setdefault(self.asked, queue.Queue())
        self._send(id=self.asked, method=method, params=params)
        answer = self._wait(waiting, method)
        if "error" in answer:
            raise Failed(f"the server refuses {method}: {answer['error']['message']}")
        return answer.get("result")

    def tell(self, method: str, **params: object) -> None:
        """Send a notification."""
        self._send(method=method, params=params)

    def open(self, path: Path, text: str) -> list[Json]:
        """Open a document as if it lay at `path`, and wait for its diagnostics."""
        waiting = self.diagnostics.setdefault(path.as_uri(), queue.Queue())
        document = {"uri": path.as_uri(), "languageId": "yaml", "version": 1, "text": text}
        self.tell("textDocument/didOpen", textDocument=document)
        found: list[Json] = self._wait(waiting, f"the diagnostics of {path.name}")
        return found

    def listen(self) -> None:
        """Read what the server says until it ends; runs in a thread of its own."""
        assert self.process.stdout is not None  # noqa: S101 - it was started with a pipe
        for message in _messages(self.process.stdout):
            if "method" not in message:
                self.answers[message["id"]].put(message)
            elif message["method"] == "textDocument/publishDiagnostics":
                said = message["params"]
                self.diagnostics.setdefault(said["uri"], queue.Queue()).put(said["diagnostics"])
            elif "id" in message:
                self._send(id=message["id"], result=_requested(message))

    def _wait(self, waiting: "queue.Queue[Any]", for_what: str) -> Any:  # noqa: ANN401 - what the protocol says
        """Wait, but not for a server that has ended."""
        for _ in range(PATIENCE_SECONDS * 5):
            try:
                return waiting.get(timeout=0.2)
            except queue.Empty:
                if self.process.poll() is not None:
                    raise Failed(ENDED) from None
        raise Failed(f"the language server did not answer within {PATIENCE_SECONDS} s: {for_what}")

    def _send(self, **message: object) -> None:
        assert self.process.stdin is not None  # noqa: S101 - as above
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        try:
            self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
            self.process.stdin.flush()
        except OSError as error:
            raise Failed(ENDED) from error


Check = Callable[[Server], None]


def main() -> int:
    """Run every check; 0 only if all of them passed."""
    try:
        program = installed()
        _write_bundle()
        with running(program) as server:
            failures = sum(not _passed(name, check, server) for name, check in _checks())
    except Failed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{failures} failed" if failures else "all passed")
    return 1 if failures else 0


def installed() -> Path:
    """Return the server's program, fetched by npm if it is not there. Raises Failed."""
    program = HOME / "node_modules" / PACKAGE / "bin" / PACKAGE
    if _version() != VERSION:
        npm = shutil.which("npm")
        if npm is None:
            raise Failed("npm is not installed, and it fetches the language server; install Node.js 20")
        command = [npm, "install", "--prefix", str(HOME), "--no-save", "--no-audit", "--no-fund"]
        done = subprocess.run(  # noqa: S603 - npm, with words of our own
            [*command, f"{PACKAGE}@{VERSION}"], capture_output=True, text=True, check=False
        )
        if done.returncode or _version() != VERSION:
            raise Failed(f"npm could not install {PACKAGE} {VERSION}: {done.stderr.strip()[-600:]}")
    return program


def _write_bundle() -> None:
    BUNDLE.write_text(json.dumps(bundled("recipe.schema.json")), encoding="utf-8")


def _version() -> str:
    file = HOME / "node_modules" / PACKAGE / "package.json"
    return str(json.loads(file.read_text(encoding="utf-8"))["version"]) if file.is_file() else ""


@contextmanager
def running(program: Path) -> Iterator[Server]:
    """Start the server, greet it as an editor does, and end it."""
    node = shutil.which("node")
    if node is None:
        raise Failed("node is not installed, and the language server runs on it; install Node.js 20")
    environment = {**os.environ, "HTTP_PROXY": NOWHERE, "HTTPS_PROXY": NOWHERE}
    command = [node, str(program), "--stdio"]
    with subprocess.Popen(  # noqa: S603 - node, with a program of a fixed version
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    ) as process:
        server = Server(process)
        threading.Thread(target=server.listen, daemon=True).start()
        try:
            _greet(server)
            yield server
        finally:
            process.kill()
            if process.stdin is not None:
                with suppress(OSError):  # what could not be sent is of no use any more
                    process.stdin.close()


def _greet(server: Server) -> None:
    hover: Json = {"contentFormat": ["markdown"]}
    completion: Json = {"completionItem": {"snippetSupport": True, "documentationFormat": ["markdown"]}}
    server.ask(
        "initialize",
        processId=os.getpid(),
        rootUri=ROOT.as_uri(),
        capabilities={
            "textDocument": {"hover": hover, "completion": completion, "publishDiagnostics": {}},
            "workspace": {"configuration": True, "didChangeConfiguration": {"dynamicRegistration": True}},
        },
        initializationOptions={},
    )
    server.tell("initialized")
    server.tell("workspace/didChangeConfiguration", settings=SETTINGS)


def _requested(message: Json) -> object:
    """Answer a request of the server's: it asks for settings, and to be registered for things."""
    if message["method"] == "workspace/configuration":
        return [SETTINGS.get(item.get("section"), {}) for item in message["params"]["items"]]
    return None


def _messages(stream: IO[bytes]) -> Iterator[Json]:
    while True:
        length = 0
        while header := stream.readline().strip():
            name, _, value = header.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        if not length:
            return
        yield json.loads(stream.read(length))


def _passed(name: str, check: Check, server: Server) -> bool:
    try:
        check(server)
    except Failed as failed:
        print(f"FAILED  {name}: {failed}")
        return False
    print(f"ok      {name}")
    return True


# --- what is checked ----------------------------------------------------------------------------------------

HEADER = "# yaml-language-server: $schema=../schemas/recipe.schema.json\n"
WHOLE = f"{HEADER}version: 1\nname: small\nmodel:\n  name: Phi-4\n"
PARAMETERS = f"{WHOLE}finetune:\n  task: chat_completion\n  parameters:\n    "


def _checks() -> Iterator[tuple[str, Check]]:
    """Give each check with its name; the expected is read from the schemas and the catalog."""
    recipes = sorted((ROOT / "configs").glob("*.yaml"))
    if not recipes:
        raise Failed("there is no recipe in configs/")
    for path in recipes:
        text = path.read_text(encoding="utf-8")
        yield f"{path.name} has no diagnostic", partial(_clean, path, text)
        elsewhere = path.with_name(f"{path.stem}.runner.yaml")
        yield f"{elsewhere.name} has none without a schema line", partial(_clean, elsewhere, _bare(text))
    for path in sorted((ROOT / "runner" / "templates").glob("*.yaml")):
        # As `runner init` and `runner schema` leave them: the recipe beside the schema that its line names.
        text = path.read_text(encoding="utf-8")
        yield f"the template {path.name} has no diagnostic", partial(_clean, HOME / path.name, text)
    yield from _completions()
    yield from _explanations()
    yield from _mistakes()


def _completions() -> Iterator[tuple[str, Check]]:
    sections = _schema("recipe.schema.json")["properties"]
    component = catalog.component("chat_completion")
    inputs = [each.name for each in component.inputs.values() if is_settable(each)] if component else []
    places = {
        "at the top every section": (f"{HEADER}|", list(sections)),
        "under compute its keys": (f"{WHOLE}compute:\n  |", list(sections["compute"]["properties"])),
        "under finetune.parameters the component's inputs": (f"{PARAMETERS}|", inputs),
        "the same without a schema line, under a claimed name": (_bare(f"{PARAMETERS}|"), inputs),
        "for cleanup its values": (f"{WHOLE}cleanup: |", sections["cleanup"]["enum"]),
    }
    for name in ("lr_scheduler_type", "optim", "evaluation_strategy"):
        values = list(component.inputs[name].enum) if component else []
        places[f"for {name} its values, and no others"] = (f"{PARAMETERS}{name}: |", values)
    for name, (text, expected) in places.items():
        yield f"offers {name} ({len(expected)})", partial(_offers, text, expected, only="others" in name)


def _explanations() -> Iterator[tuple[str, Check]]:
    compute = _schema("recipe.schema.json")["properties"]["compute"]["properties"]
    rate = _schema("parameters/chat_completion.schema.json")["properties"]["learning_rate"]
    texts = {
        "gpus_per_node": (f"{WHOLE}compute:\n  gpus_|per_node: 1\n", compute["gpus_per_node"]["description"]),
        "learning_rate": (f"{PARAMETERS}learning|_rate: 5e-6\n", rate["description"]),
        "a value of lr_scheduler_type": (
            f"{PARAMETERS}lr_scheduler_type: cos|ine\n",
            catalog.input_descriptions()["lr_scheduler_type"].values["cosine"],
        ),
    }
    for name, (text, expected) in texts.items():
        yield f"explains {name}", partial(_explains, text, expected)


def _mistakes() -> Iterator[tuple[str, Check]]:
    texts = {
        "a typo in a section": f"{WHOLE}|cleanupp: never\n",
        "a typo in a key": f"{WHOLE}compute:\n  name: gpu\n  size: Standard_A_v4\n  |gpus_per_nod: 1\n"
        "  gpus_per_node: 1\n",
        "a typo in a parameter": f"{PARAMETERS}|learnign_rate: 5e-6\n",
        "a wrong enum": f"{WHOLE}cleanup: |sometimes\n",
        "a wrong enum of a parameter": f"{PARAMETERS}seed: 1\n    lr_scheduler_type: |cosin\n",
        "a parameter out of its range": f"{PARAMETERS}lora_dropout: |1.0\n",
        "trust_remote_code": f"{PARAMETERS}trust_remote_code: |true\n",
    }
    for name, text in texts.items():
        yield f"finds {name} at its place, and nothing else", partial(_finds, text)
    pinned = PARAMETERS.replace("parameters:", "component_version: '0.0.57'\n  parameters:")
    yield (
        "leaves the parameters of another version alone",
        partial(_clean, _new_path(), f"{pinned}neftune: 1\n"),
    )


def _schema(name: str) -> Json:
    content: Json = json.loads((ROOT / "schemas" / name).read_text(encoding="utf-8"))
    return content


def _bare(text: str) -> str:
    """Return a text without its schema line: what then names the schema are the editor's settings."""
    return "\n" + text.partition("\n")[2]


def _clean(path: Path, text: str, server: Server) -> None:
    found = server.open(path, text)
    _expect(not found, f"diagnostics: {_told(found)}")


def _offers(text: str, expected: Sequence[str], server: Server, *, only: bool) -> None:
    answer = _asked_at(text, "textDocument/completion", server)
    offered = [item["label"] for item in answer["items"]]
    missing = [name for name in expected if name not in offered]
    _expect(expected and not missing, f"{', '.join(missing) or 'everything'} is not offered")
    strangers = sorted(set(offered) - set(expected))
    _expect(not (only and strangers), f"{', '.join(strangers)} is offered, too")


def _explains(text: str, expected: str, server: Server) -> None:
    answer = _asked_at(text, "textDocument/hover", server)
    shown = str(answer["contents"]["value"]).replace("\\", "") if answer else ""
    _expect(expected.replace("\\", "") in shown, f"the description is not in: {shown[:200] or 'nothing'}")


def _finds(text: str, server: Server) -> None:
    line, column = _place(text)
    found = server.open(_new_path(), text.replace("|", ""))
    starts = [(each["range"]["start"]["line"], each["range"]["start"]["character"]) for each in found]
    _expect(starts == [(line, column)], f"expected one at {line + 1}:{column + 1}, found {_told(found)}")


def _asked_at(text: str, method: str, server: Server) -> Any:  # noqa: ANN401 - what the protocol says
    """Open a document and ask about the place of the `|` in it."""
    path, (line, column) = _new_path(claimed=not text.startswith(HEADER)), _place(text)
    server.open(path, text.replace("|", ""))
    position = {"line": line, "character": column}
    return server.ask(method, textDocument={"uri": path.as_uri()}, position=position)


def _place(text: str) -> tuple[int, int]:
    before = text.partition("|")[0]
    return before.count("\n"), len(before) - before.rfind("\n") - 1


def _new_path(*, claimed: bool = False) -> Path:
    """Return where a document might lie that is on no disk: beside the recipes, for their schema line."""
    return ROOT / "configs" / f"{uuid.uuid4().hex}{'.runner' if claimed else ''}.yaml"


def _told(found: Sequence[Json]) -> str:
    places = [f"{each['range']['start']['line'] + 1}: {each['message']}" for each in found]
    return "; ".join(places) or "none"


def _expect(truth: object, otherwise: str) -> None:
    if not truth:
        raise Failed(otherwise)


if __name__ == "__main__":
    sys.exit(main())
