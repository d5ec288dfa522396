"""Diagnostics as SARIF 2.1.0, the form in which code hosts take findings and show them on their lines.

The form is OASIS's: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

import os
from collections.abc import Mapping
from pathlib import PurePath
from urllib.parse import quote

from runner.errors import Diagnostic, RunnerError, Severity
from runner.journal import Json
from runner.provenance import installed

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTICE: "note"}


def log(found: tuple[Diagnostic, ...], error: RunnerError | None) -> Mapping[str, Json]:
    """Give a SARIF log of one run. An error without diagnostics is told as the invocation's own."""
    run = {
        "tool": {"driver": {"name": "runner", "version": installed("runner")}},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(found, error)],
        "results": [_result(each) for each in found],
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _invocation(found: tuple[Diagnostic, ...], error: RunnerError | None) -> Mapping[str, Json]:
    invocation: dict[str, Json] = {"executionSuccessful": error is None or bool(found)}
    if error is not None and not found:
        notification = {"level": "error", "message": {"text": error.message}}
        invocation["toolExecutionNotifications"] = [notification]
    return invocation


def _result(each: Diagnostic) -> Mapping[str, Json]:
    parts = "; ".join(part for part in (each.message, each.expected, each.mend) if part)
    text = f"{each.key}: {parts}" if each.key else parts
    if each.path.startswith("--"):
        text = f"{each.path} {each.line}: {text}"
    result: dict[str, Json] = {
        "ruleId": each.code,
        "level": _LEVELS[each.severity],
        "message": {"text": text},
    }
    # A value from the command line stands in no file.
    if not each.path.startswith("--"):
        result["locations"] = [{"physicalLocation": _location(each)}]
    return result


def _location(each: Diagnostic) -> Mapping[str, Json]:
    path = PurePath(each.path)
    uri = path.as_uri() if path.is_absolute() else quote(os.fsencode(path.as_posix()))
    return {
        "artifactLocation": {"uri": uri},
        "region": {"startLine": each.line, "startColumn": each.column},
    }
