"""The files of a trained model as its job left them, so that two trainings can be compared bit by bit."""

from collections.abc import Mapping

from runner.errors import CloudUnavailable, RunnerError, StepFailed
from runner.facts import StoredFile
from runner.journal import Json
from runner.steps.step import Context

_STEP = "finetune"


def files(context: Context, job: str, asset: str) -> dict[str, Json]:
    """Give `files`, by their paths in the job's output, or why they are unknown: no training is lost by that.

    What an earlier look has found is not read again. Raises CloudUnavailable where they may be read later.
    """
    known = context.outputs.get(_STEP, {})
    if known.get("files") and known.get("name") == job:
        return {"files": known["files"]}
    try:
        return {"files": {name: _told(file) for name, file in _read(context, asset).items()}}
    except CloudUnavailable:
        raise
    except RunnerError as error:
        return {"files_unknown": error.message}


def _read(context: Context, asset: str) -> Mapping[str, StoredFile]:
    uri = context.cloud.history.output_uri(asset)
    if uri is None:
        raise StepFailed("the service does not tell where the output lies")
    return context.cloud.storage.contents(uri, context.stop)


def _told(file: StoredFile) -> dict[str, Json]:
    digests = {"sha256": file.sha256, "md5": file.md5}
    return {"bytes": file.bytes} | {name: digest for name, digest in digests.items() if digest}
