"""Gives files to DVC and says what it made of each; run by the Python of DVC's own environment.

Reads `{"folder": …, "files": [base64, …]}` from stdin and writes one JSON list to stdout. Each file becomes
the folder's `dvc.yaml`; then DVC's own command line is called in this process, so that Python starts once and
not hundreds of times: `dvc stage list --fail`, and `dvc repro --dry` if that has nothing to say.
"""

import base64
import contextlib
import importlib
import io
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any


def main() -> None:
    """Answer for every file in turn."""
    asked: dict[str, Any] = json.load(sys.stdin)
    os.chdir(asked["folder"])
    os.environ.update({"DVC_NO_ANALYTICS": "1", "COLUMNS": "400"})
    _call("init", "--no-scm", "--quiet")
    _call("config", "core.check_update", "false")
    json.dump([_judge(base64.b64decode(file)) for file in asked["files"]], sys.stdout)


def _judge(content: bytes) -> dict[str, object]:
    Path("dvc.yaml").write_bytes(content)
    code, said = _call("stage", "list", "--fail")
    if code == 0:
        code, said = _call("repro", "--dry")
    return {"refused": code != 0, "said": said}


def _call(*words: str) -> tuple[int, str]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            code = int(importlib.import_module("dvc.cli").main(list(words)))
        except Exception:  # noqa: BLE001 - a traceback of DVC's is an answer, too
            return 1, traceback.format_exc()
    return code, said.getvalue()


if __name__ == "__main__":
    main()
