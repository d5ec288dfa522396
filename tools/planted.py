"""Faults to plant in the protocol of a run: each is a small edit that a tired person might make.

`old` occurs exactly once in its file; a test holds that. Of each, some test has to fail.
"""

from dataclasses import dataclass

SWEEP = ("tests/faults/test_model_sweep.py",)
_ATTEMPTING = "runner/execute/attempting.py"
_ASKING = "runner/execute/asking.py"
_DELETION = "runner/execute/deletion.py"
_WAITING = "runner/execute/waiting.py"
_WRITING = "runner/journal/writing.py"
_LINES = "runner/journal/lines.py"
_CARRYING = "runner/lifecycle/carry_out.py"


@dataclass(frozen=True, kw_only=True, slots=True)
class Planted:
    """One fault, and the tests that are to find it."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...] = SWEEP


PLANTED = (
    Planted(
        name="a torn last line is kept",
        file=_WRITING,
        old="        os.ftruncate(self._file, found.size)\n",
        new="",
    ),
    Planted(
        name="a record is not brought to the disk",
        file=_WRITING,
        old="                os.fsync(self._file)\n                self._kept =",
        new="                self._kept =",
    ),
    Planted(
        name="a half-written record is left there",
        file=_WRITING,
        old="        os.ftruncate(self._file, self._kept.size)\n",
        new="",
        tests=("tests/unit/test_journal.py",),
    ),
    Planted(
        name="checksums are not looked at",
        file=_LINES,
        old='    if line[_DIGITS : _DIGITS + 1] != b" " or _checksum(text) != checksum:',
        new='    if line[_DIGITS : _DIGITS + 1] != b" ":',
        tests=("tests/unit/test_repair.py",),
    ),
    Planted(
        name="the manifest is written in place",
        file="runner/durable.py",
        old='    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", dir=path.parent)',
        new="    handle, name = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), str(path)",
    ),
    Planted(
        name="the manifest is not brought to the disk before its name",
        file="runner/durable.py",
        old="            write_all(handle, content)\n            os.fsync(handle)\n",
        new="            write_all(handle, content)\n",
    ),
    Planted(
        name="no folder is brought to the disk",
        file="runner/durable.py",
        old="    try:\n        os.fsync(handle)\n    finally:",
        new="    try:\n        pass\n    finally:",
    ),
    Planted(
        name="the lock is not taken",
        file="runner/journal/holding.py",
        old="    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        new="    del file",
        tests=("tests/unit/test_journal.py",),
    ),
    Planted(
        name="done before the look",
        file=_ATTEMPTING,
        old="    seen = until_succeeded(attempt.run, replace(attempt.watch(), insist=request.insist))\n",
        new="    seen = Observation(status=Status.SUCCEEDED)\n",
    ),
    Planted(
        name="the intent is written after the request",
        file=_ATTEMPTING,
        old="    _write_intent(attempt, action)\n    attempt.run.observer.acting(attempt.change, action)\n"
        "    request = _request(attempt, action)\n    request.send()\n",
        new="    attempt.run.observer.acting(attempt.change, action)\n"
        "    request = _request(attempt, action)\n    request.create()\n"
        "    _write_intent(attempt, action)\n    request.acknowledged = True\n",
    ),
    Planted(
        name="the intent is made anew on resume",
        file=_ATTEMPTING,
        old="record.intent if record.changed else None)",
        new="None)",
        tests=("tests/unit/test_taking_up.py", "tests/unit/test_attempts.py", *SWEEP),
    ),
    Planted(
        name="a new attempt at each resume",
        file=_ATTEMPTING,
        old="    if record.status is StepStatus.RUNNING:\n        return record.attempt\n",
        new="    if record.status is StepStatus.RUNNING:\n        return record.attempt + 1\n",
    ),
    Planted(
        name="a failure is forgotten on resume",
        file=_ATTEMPTING,
        old="    _fail_as_before(walk, step)\n",
        new="",
    ),
    Planted(
        name="an intent that cannot be looked up ends the run",
        file=_ATTEMPTING,
        old="first_answer(walk.run, lambda: STEPS[change.step].intend(context), change)",
        new="STEPS[change.step].intend(context)",
    ),
    Planted(
        name="what is done is done again",
        file="runner/execute/remaining.py",
        old="        if (taken_back or not done) and not used_up:",
        new="        if not used_up:",
    ),
    Planted(
        name="an acknowledgement is not kept in mind",
        file=_ASKING,
        old="        self._error, self.acknowledged = None, True\n",
        new="        self._error, self.acknowledged = None, False\n",
    ),
    Planted(
        name="an acknowledgement is not written down",
        file=_ASKING,
        old="        self.run.record(Event.ACKNOWLEDGED, step=self.step)\n",
        new="",
    ),
    Planted(
        name="a request that was not answered is never sent again",
        file=_ASKING,
        old="        if self.run.clock.monotonic() >= self._due:",
        new="        if False:",
    ),
    Planted(
        name="no grace after the acknowledgement",
        file=_WAITING,
        old="GRACE_SECONDS = 60.0",
        new="GRACE_SECONDS = 0.0",
    ),
    Planted(
        name="no patience with looks that are not answered",
        file=_WAITING,
        old="PATIENCE_SECONDS = 900.0",
        new="PATIENCE_SECONDS = -1.0",
    ),
    Planted(
        name="a deletion is believed once it is accepted",
        file=_DELETION,
        old="    request.send()\n\n    def there()",
        new='    request.send()\n    return ""\n\n    def there()',
    ),
    Planted(
        name="the list is not asked whether it is gone",
        file=_DELETION,
        old="        return step.standing(run.cloud, intent) is not None or step.listed(run.cloud, intent)\n",
        new="        return step.standing(run.cloud, intent) is not None\n",
    ),
    Planted(
        name="what somebody else made is deleted",
        file=_DELETION,
        old="    traits = STEPS[name].traits\n    if not naming.is_ours(",
        new="    return True\n    traits = STEPS[name].traits\n    if not naming.is_ours(",
        tests=("tests/unit/test_backward.py",),
    ),
    Planted(
        name="the intent to delete is not written",
        file=_DELETION,
        old='    run.record(Event.DELETE_INTENT, step=name, data={"intent": intent})\n',
        new="",
        tests=("tests/unit/test_backward.py",),
    ),
    Planted(
        name="the walk that ended is walked again",
        file=_CARRYING,
        old="    walked = _recorded(run) or _walk(run, plan, context)\n",
        new="    walked = _walk(run, plan, context)\n",
        tests=("tests/unit/test_carry_out.py", "tests/unit/test_resume.py"),
    ),
    Planted(
        name="an interruption cleans up",
        file=_CARRYING,
        old="    if walked.status is RunStatus.INTERRUPTED:\n        return ()\n",
        new="",
        tests=("tests/unit/test_carry_out.py", *SWEEP),
    ),
    Planted(
        name="nothing is cleaned up",
        file=_CARRYING,
        old="    return execute.backward(run, down=False)\n",
        new="    return ()\n",
    ),
    Planted(
        name="a job has a name of chance",
        file="runner/naming.py",
        old='    return f"{run}-{attempt}"\n',
        new='    return f"{run}-{attempt}{secrets.token_hex(2)}"\n',
        tests=("tests/unit/test_naming.py", *SWEEP),
    ),
    Planted(
        name="the attempt is not in the job's name",
        file="runner/naming.py",
        old='    return f"{run}-{attempt}"\n',
        new='    return f"{run}-1"\n',
        tests=("tests/unit/test_naming.py", "tests/unit/test_attempts.py"),
    ),
    Planted(
        name="what is made does not say by which run",
        file="runner/naming.py",
        old="TAG_RUN: run, TAG_INTENT",
        new='TAG_RUN: "", TAG_INTENT',
    ),
    Planted(
        name="answers are kept in memory only",
        file="runner/steps/sample.py",
        old="            _keep(path, answer)\n",
        new="",
    ),
    Planted(
        name="answers are not brought to the disk",
        file="runner/steps/sample.py",
        old="            os.fsync(handle)\n",
        new="",
    ),
    Planted(
        name="answers are asked for again",
        file="runner/steps/sample.py",
        old="        scored = kept(path, cut=True, keys=keys)[: len(rows)]\n",
        new="        scored: list[dict[str, Any]] = []\n        path.unlink(missing_ok=True)\n",
    ),
    Planted(
        name="one outdated look at the endpoint ends the run",
        file="runner/steps/traffic.py",
        old="    if found is None and cloud.endpoints.listed(name):\n",
        new="    if False:\n",
    ),
    Planted(
        name="a completed job is believed without its output",
        file="runner/steps/finetune.py",
        old="    if asset is None:",
        new="    if False:",
        tests=("tests/faults/test_rows.py",),
    ),
    Planted(
        name="a training fails because its metrics may not be read",
        file="runner/steps/curves.py",
        old="        return Curves(outputs={_UNKNOWN: error.message})\n",
        new="        raise error from None\n",
        tests=("tests/unit/test_curves.py",),
    ),
    Planted(
        name="metrics that may be read later are given up at once",
        file="runner/steps/curves.py",
        old="    except CloudUnavailable:\n        raise\n",
        new="",
        tests=("tests/unit/test_curves.py",),
    ),
    Planted(
        name="files that cannot be read lose a training",
        file="runner/steps/trained.py",
        old="    except RunnerError as error:",
        new="    except KeyError as error:",
        tests=("tests/unit/test_trained.py",),
    ),
    Planted(
        name="a cancelled job is a success",
        file="runner/azure/jobs.py",
        old='_ENDED_WELL = {"Completed"}',
        new='_ENDED_WELL = {"Completed", "Canceled"}',
        tests=("tests/unit/test_azure.py", "tests/unit/test_sdk_pitfalls.py"),
    ),
    Planted(
        name="the points of a sweep do not wait for what they share",
        file="runner/sweeping/shared.py",
        old="                if not keys & self._making.keys():",
        new="                if True:",
        tests=("tests/unit/test_sweep.py",),
    ),
    Planted(
        name="a sweep takes back what an interrupted point trains on",
        file="runner/sweeping/ending.py",
        old="    if not all(each.is_decided for each in begun):\n        return Left()\n",
        new="",
        tests=("tests/unit/test_sweep.py",),
    ),
    Planted(
        name="a point that is resumed alone cleans up",
        file=_CARRYING,
        old="Cleanup.NEVER if run.manifest.sweep else context.recipe.cleanup",
        new="context.recipe.cleanup",
        tests=("tests/unit/test_sweep.py",),
    ),
)
