"""What people read, and the one JSON value that programs read."""

import io
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from runner import manifest
from runner.background import LOG_NAME
from runner.clock import SystemClock
from runner.console import Output
from runner.console.console import Console
from runner.console.durations import seconds
from runner.console.lines import table
from runner.console.plain import PlainProgress
from runner.errors import Diagnostic, PreflightRefused, RunnerError, Severity, StepFailed
from runner.facts import TargetKind
from runner.journal import Event, Json, Record
from runner.launcher import Emulator
from runner.manifest import Manifest
from runner.parameters import Effective, Origin, Parameter
from runner.plan import Plan
from runner.redact import register
from runner.steps.step import Action, Change, Observation, Status

CLUSTER = Change(step="compute", action=Action.CREATE, kind="compute", name="gpu", reason="it is not there")
TRAINING = Change(
    step="finetune", action=Action.CREATE, kind="job", name="named after the run", reason="Phi-4"
)
WARNING = Diagnostic(
    path="small.yaml",
    line=4,
    column=9,
    code="model-retired",
    key="model.name",
    message="Phi-3 is archived",
    mend="choose Phi-4",
    severity=Severity.WARNING,
)
ESCAPE = "\x1b[31mred\x1b]0;title\x07\u202e\x9b"


class Told:
    """A console over two buffers."""

    def __init__(self, output: Output = Output.TEXT) -> None:
        self.files = [io.BytesIO(), io.BytesIO()]
        stdout, stderr = (io.TextIOWrapper(file, encoding="utf-8") for file in self.files)
        self.console = Console(stdout, stderr, output, SystemClock())

    @property
    def out(self) -> str:
        return self.files[0].getvalue().decode()

    @property
    def err(self) -> str:
        return self.files[1].getvalue().decode()


def ended(opening: Mapping[str, Json], *events: tuple[Event, str, Mapping[str, Json]]) -> Manifest:
    return manifest.fold(
        [
            Record(seq=seq, time="2026-11-21T08:23:00.000Z", event=event, step=step, data=data)
            for seq, (event, step, data) in enumerate([(Event.RUN_OPENED, "", opening), *events], start=1)
        ]
    )


def planned() -> Plan:
    rate = Parameter(name="learning_rate", value=5e-6, origin=Origin.RECIPE, detail="small.yaml:9")
    seed = Parameter(name="seed", value=42, origin=Origin.COMPONENT_DEFAULT, detail="pipeline 0.0.1")
    effective = Effective(parameters={"seed": seed, "learning_rate": rate}, dropped={}, overridden={})
    return Plan(changes=(CLUSTER, TRAINING), effective=effective, diagnostics=(WARNING,))


def test_a_plan_shows_each_change_its_reason_and_who_gave_each_parameter() -> None:
    told = Told()
    told.console.plan("small", TargetKind.AZURE, planned())
    assert told.out.splitlines() == [
        "small on Azure",
        "  + create  ~ update  = reuse  . read",
        "",
        "  +  compute   gpu                  it is not there",
        "  +  finetune  named after the run  Phi-4",
        "",
        "parameters (recipe > model's defaults > component's defaults)",
        "  learning_rate  5e-06  recipe: small.yaml:9",
        "  seed           42     component default: pipeline 0.0.1",
        "",
        "warning: small.yaml:4:9 model-retired model.name: Phi-3 is archived; choose Phi-4",
    ]


def test_a_plan_as_json_is_one_value() -> None:
    told = Told(Output.JSON)
    told.console.plan("small", TargetKind.EMULATOR, planned())
    said = json.loads(told.out)
    assert said["target"] == "emulator"
    assert [(change["step"], change["action"]) for change in said["changes"]] == [
        ("compute", "create"),
        ("finetune", "create"),
    ]
    assert said["parameters"][1]["origin"] == "recipe"
    assert said["diagnostics"][0]["severity"] == "warning"


@pytest.mark.parametrize("kind", list(TargetKind))
def test_only_the_emulator_is_called_the_emulator(kind: TargetKind, opening: Mapping[str, Json]) -> None:
    plan, run, show = Told(), Told(), Told()
    plan.console.plan("small", kind, planned())
    with run.console.following("run-1", kind, planned()):
        pass
    show.console.run(ended({**opening, "target": {**opening["target"], "kind": kind.value}}), Path("runs/x"))
    on_emulator = kind is TargetKind.EMULATOR
    assert ["EMULATOR" in told.out for told in (plan, run, show)] == [on_emulator] * 3


def test_an_error_goes_to_stderr_with_its_log_and_what_to_do() -> None:
    told = Told()
    told.console.error(StepFailed("no quota", hint="ask for more", log_tail=("line 1", "line 2")))
    assert told.out == ""
    assert told.err.splitlines() == [
        "error: no quota",
        "  the end of its log:",
        "  | line 1",
        "  | line 2",
        "  hint: ask for more",
    ]


def test_an_error_as_json_is_the_one_value_on_stdout() -> None:
    told = Told(Output.JSON)
    told.console.error(PreflightRefused("refused", (WARNING,)))
    assert told.err == ""
    said = json.loads(told.out)
    assert (said["error"]["message"], said["error"]["exit_code"]) == ("refused", 4)
    assert said["diagnostics"][0]["line"] == 4


def test_only_the_first_value_is_written() -> None:
    told = Told(Output.JSON)
    told.console.emulator(None)
    told.console.error(RunnerError("after all was told"))
    assert json.loads(told.out) == {"running": False}


def test_progress_is_silent_where_one_value_is_to_come() -> None:
    told = Told(Output.JSON)
    with told.console.following("run-1", TargetKind.EMULATOR, planned()) as observer:
        observer.started(CLUSTER)
        observer.failed(CLUSTER, StepFailed("no quota"))
    with told.console.deleting() as observer:
        observer.deleting("compute", "gpu")
    assert (told.out, told.err) == ("", "")


def test_progress_is_a_line_for_each_thing_that_happens() -> None:
    told = Told()
    seen = Observation(status=Status.IN_PROGRESS, detail="training", fraction=0.5, metrics={"loss": 1.25})
    with told.console.following("run-1", TargetKind.AZURE, planned()) as observer:
        observer.started(CLUSTER)
        observer.acting(CLUSTER, Action.CREATE)
        for passed in (0.0, 1.0, 2.0, 61.0):
            observer.waiting(TRAINING, seen, passed)
        observer.succeeded(CLUSTER, Action.CREATE, Observation(status=Status.SUCCEEDED, detail="ready"))
        observer.not_deleted("compute", "gpu", "409")
    lines = [" ".join(line.split()) for line in told.out.splitlines()[2:]]
    assert lines == [
        "0 s compute it is not there",
        "0 s compute + create compute gpu",
        "0 s finetune training 50% loss 1.250",
        "0 s finetune training 50% loss 1.250",
        "0 s compute ✓ create: ready",
        "0 s cleanup ✗ compute gpu may still be there: 409",
    ]


def test_what_is_left_alive_is_told_with_the_command_that_ends_it(opening: Mapping[str, Json]) -> None:
    made = {"action": "create", "intent": {"name": "gpu"}, "kind": "compute", "bills": True}
    said = ended(
        opening,
        (Event.STEP_STARTED, "compute", {"action": "create"}),
        (Event.INTENT, "compute", made),
        (Event.RUN_CLOSED, "", {"status": "failed"}),
    )
    told = Told()
    told.console.finished(said, Path("runs/x"), StepFailed("no quota"))
    assert told.out.splitlines() == [
        "",
        "left alive:",
        "  compute  gpu",
        "  nothing is billed: it is on the emulator",
        "  take it back with: runner down 20261121T082300Z-small-1a2b",
        "failed: runs/x",
    ]
    assert told.err == "error: no quota\n"


def test_that_nothing_is_left_alive_is_told_too(opening: Mapping[str, Json]) -> None:
    told = Told()
    told.console.finished(ended(opening), Path("runs/x"), None)
    assert "nothing that bills is left alive" in told.out


def test_what_a_training_logged_is_told_in_a_few_lines(opening: Mapping[str, Json]) -> None:
    logged = {"loss": 0.5, "num_input_tokens_seen": 51234.0, "train_tokens_per_second": 1999.6, "epoch": 3.0}
    done = {
        "action": "create",
        "intent": {"name": "j"},
        "kind": "job",
        "bills": False,
        "outputs": {"table_unknown": f"HTTP 403{ESCAPE}"},
        "metrics": logged,
    }
    told = Told()
    told.console.finished(ended(opening, (Event.DONE, "finetune", done)), Path("runs/x"), None)
    lines = told.out.splitlines()
    assert lines[1:3] == ["  loss  0.5000", "  51,234 tokens seen, 2,000 tokens a second"]
    assert lines[3].startswith("  note: what was logged could not be read: HTTP 403\\x1b[31m")


def test_samples_are_shown_beside_the_ground_truth(tmp_path: Path, opening: Mapping[str, Json]) -> None:
    scored = {
        "prompt": [{"role": "user", "content": "two\nlines"}],
        "answer": ESCAPE,
        "ground_truth": "blue",
        "seconds": 0.1,
    }
    (tmp_path / "samples.jsonl").write_text(json.dumps(scored) + "\n", encoding="utf-8")
    told = Told()
    told.console.finished(ended(opening), tmp_path, None)
    assert "  user         two\n               lines\n" in told.out
    assert "  answer       \\x1b[31mred\\x1b]0;title\\x07\\u202e\\x9b\n  ground truth blue\n" in told.out


def test_the_base_models_answer_is_shown_on_a_line_of_its_own(
    tmp_path: Path, opening: Mapping[str, Json]
) -> None:
    turn = {"role": "user", "content": "Hi"}
    scored = {"prompt": [turn], "answer": "Ho", "ground_truth": "Ho", "seconds": 0.1, "base_answer": ESCAPE}
    (tmp_path / "samples.jsonl").write_text(json.dumps(scored) + "\n", encoding="utf-8")
    text, value = Told(), Told(Output.JSON)
    for told in (text, value):
        told.console.finished(ended(opening), tmp_path, None)
    escaped = "\\x1b[31mred\\x1b]0;title\\x07\\u202e\\x9b"
    assert f"  answer       Ho\n  base model   {escaped}\n  ground truth Ho\n" in text.out
    assert json.loads(value.out)["samples"] == [scored]


@pytest.mark.parametrize("served", [True, False])
def test_a_stand_in_is_said_to_have_answered_as_the_base_model(
    opening: Mapping[str, Json], *, served: bool
) -> None:
    stood_in = {"action": "create", "intent": {"name": "j"}, "outputs": {"stand_in": "tiny"}, "bills": False}
    base = {"action": "create", "intent": {"name": "base"}, "outputs": {}, "bills": False}
    events = [(Event.DONE, "finetune", stood_in), *([(Event.DONE, "baseline", base)] if served else [])]
    told = Told()
    told.console.finished(ended(opening, *events), Path("runs/x"), None)
    assert "the emulator trained tiny in place of the recipe's model" in told.out
    assert ("and served it as the base model" in told.out) is served


def test_a_torn_line_of_samples_does_not_hide_how_a_run_ended(
    tmp_path: Path, opening: Mapping[str, Json]
) -> None:
    turn = {"role": "user", "content": "Hi"}
    scored = {"prompt": [turn], "answer": "Ho", "ground_truth": "Ho", "seconds": 0.1}
    torn = json.dumps(scored).encode() + b'\n{"prompt": [\xff'
    (tmp_path / "samples.jsonl").write_bytes(torn)
    told = Told(Output.JSON)
    told.console.finished(ended(opening), tmp_path, None)
    assert json.loads(told.out)["samples"] == [scored]


@pytest.mark.parametrize("output", [Output.TEXT, Output.JSON])
def test_samples_are_not_in_the_log_of_a_run_that_goes_on_by_itself(
    tmp_path: Path, opening: Mapping[str, Json], output: Output
) -> None:
    turn = {"role": "user", "content": "canary"}
    scored = {"prompt": [turn], "answer": "canary", "ground_truth": "canary", "seconds": 0.1}
    (tmp_path / "samples.jsonl").write_text(json.dumps(scored) + "\n", encoding="utf-8")
    for name in (LOG_NAME, "a pipe of the user"):
        with (tmp_path / name).open("a", encoding="utf-8") as log:
            Console(log, log, output, SystemClock()).finished(ended(opening), tmp_path, None)
    told = (tmp_path / LOG_NAME).read_text(encoding="utf-8")
    assert "canary" not in told
    assert ("runner attach shows them" in told) is (output is Output.TEXT)
    assert "canary" in (tmp_path / "a pipe of the user").read_text(encoding="utf-8")


def test_an_ending_is_told_although_its_samples_cannot_be_read(
    tmp_path: Path, opening: Mapping[str, Json]
) -> None:
    (tmp_path / "samples.jsonl").write_text("{\n", encoding="utf-8")
    told = Told()
    told.console.finished(ended(opening), tmp_path, None)
    assert "nothing that bills is left alive" in told.out


def test_a_servers_text_never_reaches_the_terminal_raw() -> None:
    told = Told()
    hostile = Observation(status=Status.IN_PROGRESS, detail=ESCAPE)
    with told.console.following("run-1", TargetKind.AZURE, planned()) as observer:
        observer.waiting(CLUSTER, hostile, 0.0)
        observer.succeeded(CLUSTER, Action.CREATE, hostile)
        observer.failed(CLUSTER, StepFailed(ESCAPE))
        observer.not_deleted("compute", "gpu", ESCAPE)
    told.console.error(StepFailed(ESCAPE, hint=ESCAPE, log_tail=(ESCAPE,)))
    shown = told.out + told.err
    assert not set(ESCAPE) & set(shown) - set("[31mred]0;title")
    assert shown.count("\\x1b[31mred") == 7


def test_secrets_are_shown_nowhere() -> None:
    key = register("console-canary-0123456789")
    text, value = Told(), Told(Output.JSON)
    for told in (text, value):
        told.console.error(StepFailed(f"{key} refused", hint=key, log_tail=(f"?sig={key}",)))
    assert "canary" not in text.out + text.err + value.out + value.err
    assert json.loads(value.out)["error"]["message"] == "[redacted] refused"


class Terminal(io.TextIOWrapper):
    """A person is in front of it."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [io.TextIOWrapper, Terminal])
def test_progress_is_lines_where_only_ascii_is_known(stream: type[io.TextIOWrapper]) -> None:
    file = io.BytesIO()
    # As the command line sets its streams.
    stdout = stream(file, encoding="ascii", errors="backslashreplace")
    console = Console(stdout, io.StringIO(), Output.TEXT, SystemClock())
    with console.following("run-1", TargetKind.AZURE, planned()) as observer:
        observer.succeeded(CLUSTER, Action.CREATE, Observation(status=Status.SUCCEEDED, detail="né \ud800"))
    assert file.getvalue().splitlines()[-1] == b"        0 s  compute     \\u2713 create: n\\xe9 \\ud800"


def test_control_characters_never_reach_the_terminal_as_json() -> None:
    told = Told(Output.JSON)
    told.console.error(StepFailed(f"{ESCAPE}\x7f"))
    assert json.loads(told.out)["error"]["message"] == f"{ESCAPE}\x7f"
    assert told.out.replace("\n", "").isprintable()


@pytest.mark.parametrize(("kind", "times"), [(TargetKind.AZURE, 1), (TargetKind.EMULATOR, 0)])
def test_a_jobs_page_is_shown_once_and_only_where_there_is_a_studio(kind: TargetKind, times: int) -> None:
    told = Told()
    seen = Observation(status=Status.IN_PROGRESS, detail="training", outputs={"studio": "https://ml/job"})
    with told.console.following("run-1", kind, planned()) as observer:
        observer.waiting(TRAINING, seen, 0.0)
        observer.waiting(TRAINING, seen, 1.0)
    assert told.out.count("in the studio: https://ml/job") == times


def test_a_mistake_of_ours_is_one_line_and_no_traceback() -> None:
    told = Told()
    told.console.bug(KeyError("what it says might be anything"))
    assert told.err.splitlines() == [
        "error: internal error: KeyError",
        "  hint: this is a bug in runner; RUNNER_DEBUG=1 shows where",
    ]


def test_an_environment_can_be_evaluated_by_a_shell() -> None:
    told = Told()
    told.console.environment({"A": "plain", "B": "it's; $(rm)"})
    assert told.out == "export A=plain\nexport B='it'\"'\"'s; $(rm)'\n"


def test_nothing_is_taken_out_of_what_goes_to_a_shell() -> None:
    told = Told()
    told.console.environment({"A": "?sig=abcdefgh", "B": "\x1b"})
    assert told.out == "export A='?sig=abcdefgh'\nexport B='\x1b'\n"


def test_a_running_emulator_is_told_with_its_address() -> None:
    found = Emulator(
        state=Path("/s"),
        pid=7,
        address="https://127.0.0.1:1",
        environment={},
        authority="/s/authority.pem",
        test_mode=False,
        started_at="",
    )
    text, value = Told(), Told(Output.JSON)
    text.console.emulator(found)
    value.console.emulator(found)
    assert text.out == "the emulator listens on https://127.0.0.1:1 (process 7, state in /s)\n"
    assert json.loads(value.out) == {
        "running": True,
        "address": "https://127.0.0.1:1",
        "pid": 7,
        "state": "/s",
    }


@pytest.mark.parametrize(
    ("amount", "said"),
    [(0, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (3600, "1 h 00 min"), (7500, "2 h 05 min")],
)
def test_durations_are_said_as_people_say_them(amount: float, said: str) -> None:
    assert seconds(amount) == said


def test_a_column_that_is_too_wide_is_not_lined_up() -> None:
    assert list(table([("a", "b"), ("x" * 60, "c")])) == ["  a  b", "  " + "x" * 60 + "  c"]
    assert list(table([])) == []


def test_what_was_odd_in_the_rows_is_a_line_each_after_their_counts() -> None:
    said: list[str] = []
    rows = Change(step="dataset", action=Action.CREATE, kind="data", name="small-*", reason="")
    warnings = ["train.jsonl:3 a", "train.jsonl:9 b"]
    seen = Observation(status=Status.SUCCEEDED, detail="9 train rows", outputs={"warnings": warnings})
    PlainProgress(said.append, SystemClock(), links=False).succeeded(rows, Action.CREATE, seen)
    assert [line.split("dataset", 1)[1].strip() for line in said] == [
        "✓ create: 9 train rows",
        "warning: train.jsonl:3 a",
        "warning: train.jsonl:9 b",
    ]
