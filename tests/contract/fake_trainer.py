"""Stands in for the trainer where a test is about the emulator: the same contract, nothing learnt.

The file named by `train_file_path` may hold words that make it misbehave: `FAIL <stage>`, `HANG <stage>`.
"""

import json
import os
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_WISH = re.compile(r"(?:FAIL|HANG) \w+")
STAGES = {"validate", "import_model", "preprocess", "finetune", "convert"}


def main() -> int:
    """Run one stage, or serve."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if sys.argv[1] == "serve":
        return serve(Path(sys.argv[3]))
    return run(sys.argv[1], json.loads(Path(sys.argv[2]).read_text(encoding="utf-8")))


def run(stage: str, spec: dict[str, Any]) -> int:
    """Write what the stage has to write."""
    print(f"{stage} with {sorted(spec['paths'])}", flush=True)  # noqa: T201 - its log
    wish = _wish(spec)
    if wish == f"HANG {stage}":
        time.sleep(60)
    if wish == f"FAIL {stage}":
        print("ERROR BadData: the row is not a chat", flush=True)  # noqa: T201 - its log
        return 1
    if stage == "finetune":
        points = [
            {"key": "loss", "value": 4.0 / n, "step": n, "timestamp_ms": int(time.time() * 1000)}
            for n in (1, 2)
        ]
        metrics = Path(spec["metrics_file"])
        metrics.parent.mkdir(parents=True, exist_ok=True)
        metrics.write_text("".join(json.dumps(point) + "\n" for point in points), encoding="utf-8")
    for folder in spec["outputs"].values():
        (Path(folder) / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
    return 0


def serve(model: Path) -> int:
    """Answer each request with what it asked; a model folder with a file CRASH dies at load."""
    if (model / "CRASH").exists():
        print("cannot load", file=sys.stderr, flush=True)  # noqa: T201 - its log
        return 1
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    print("ready " + json.dumps({"port": server.server_port}), flush=True)  # noqa: T201 - its contract
    server.serve_forever()
    return 0


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(body.get("sleep", 0))
        content = json.dumps({"output": json.dumps(body)}).encode()
        self.send_response(body.get("status", 200))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _wish(spec: dict[str, Any]) -> str:
    """Read what the training file asks of us, if a stage has it or an earlier one left it."""
    for name in ("train_file_path", "preprocess_output", "model_selector_output", "pytorch_model_folder"):
        path = Path(spec["paths"].get(name, "/nowhere"))
        if path.is_file():
            words = _WISH.search(path.read_text(encoding="utf-8"))
            return words.group() if words else ""
        if (path / "spec.json").is_file():
            wish = _wish(json.loads((path / "spec.json").read_text(encoding="utf-8")))
            if wish:
                return wish
    return ""


def _end_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
