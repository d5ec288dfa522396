"""The command line: an exit code for everything, one JSON value, never a traceback."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from runner import manifest, manifest_file
from runner.cli import VERBS, main
from runner.journal import Event, Json, Record
from runner.load import Loaded, load

ROOT = Path(__file__).parents[2]
GOOD = "version: 1\nname: small\nmodel: {name: Phi-4}\n"
FIVE_MISTAKES = """\
version: 2
name: Small
modle: {name: Phi-4}
compute: {name: gpu, size: Standard_NC24ads_A100_v4, gpus_per_node: many}
register: {name: small-model}
"""


def recipe(folder: Path, text: str) -> str:
    (folder / "recipe.yaml").write_text(text, encoding="utf-8")
    return str(folder / "recipe.yaml")


def kept_run(folder: Path, opening: Mapping[str, Json]) -> str:
    """Keep a run under `runs/`; give its id."""
    record = Record(seq=1, time="2026-11-21T08:23:00.000Z", event=Event.RUN_OPENED, data=opening)
    run = folder / "runs" / str(opening["run_id"])
    run.mkdir(parents=True)
    manifest.write(manifest.fold([record]), run / "manifest.json")
    return run.name


def usage_error(words: Sequence[str]) -> int:
    with pytest.raises(SystemExit) as caught:
        main(words)
    code = caught.value.code
    assert isinstance(code, int)
    return code


def test_a_good_recipe_is_said_to_be_valid(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = recipe(tmp_path, GOOD)
    assert main(["validate", path]) == 0
    assert capsys.readouterr() == (f"{path} is valid\n", "")


def test_every_mistake_is_told_at_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = recipe(tmp_path, FIVE_MISTAKES)
    assert main(["validate", path]) == 3
    said = capsys.readouterr()
    lines = said.err.splitlines()
    for line in range(1, 6):
        assert any(each.startswith(f"{path}:{line}:") for each in lines), line
    assert lines[-1] == f"error: {path} is not a recipe that can be run"
    assert said.out == ""
    assert "did you mean model?" in said.err


def test_every_mistake_as_json_is_one_value(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = recipe(tmp_path, FIVE_MISTAKES)
    assert main(["validate", path, "--output", "json"]) == 3
    captured = capsys.readouterr()
    said = json.loads(captured.out)
    assert captured.err == ""
    assert said["error"]["exit_code"] == 3
    assert {each["line"] for each in said["diagnostics"]} >= {1, 2, 3, 4, 5}
    assert set(said["diagnostics"][0]) == {
        "path",
        "line",
        "column",
        "code",
        "key",
        "message",
        "expected",
        "mend",
        "severity",
    }


@pytest.mark.parametrize("verb", ["validate", "plan", "run"])
@pytest.mark.parametrize("output", ["text", "json"])
def test_a_recipe_that_is_not_there_is_invalid(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str, output: str
) -> None:
    path = str(tmp_path / "nothing.yaml")
    assert main([verb, path, "--output", output]) == 3
    said = capsys.readouterr()
    assert f"{path}:1:1 no-such-file" in said.err or json.loads(said.out)["diagnostics"][0]["code"] == (
        "no-such-file"
    )


@pytest.mark.parametrize("verb", ["show", "down"])
def test_a_run_that_is_not_there_is_a_mistake_of_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    assert main([verb, "nothing", "--runs-dir", str(tmp_path)]) == 2
    said = capsys.readouterr()
    assert said.err.splitlines() == ["error: there is no run nothing", f"  hint: {tmp_path} holds no runs"]


def test_an_unknown_run_as_json_is_one_value(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "nothing", "--runs-dir", str(tmp_path), "--output", "json"]) == 2
    said = capsys.readouterr()
    assert json.loads(said.out)["error"]["message"] == "there is no run nothing"
    assert said.err == ""


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["bogus"],
        ["valid", "recipe.yaml"],
        ["--output", "json"],
        ["validate"],
        ["validate", "a.yaml", "b.yaml"],
        ["validate", "a.yaml", "--no-such-option"],
        ["validate", "a.yaml", "--out", "json"],
        ["validate", "a.yaml", "--output", "xml"],
        ["validate", "a.yaml", "--output"],
        ["plan", "a.yaml", "--target", "aws"],
        ["run"],
        ["show"],
        ["down", "--runs-dir"],
        ["emulator"],
        ["emulator", "dance"],
        ["emulator", "start", "--idle-timeout", "soon"],
    ],
    ids=" ".join,
)
def test_a_command_line_that_makes_no_sense_is_a_mistake_of_usage(
    capsys: pytest.CaptureFixture[str], words: Sequence[str]
) -> None:
    assert usage_error(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "usage: runner" in said.err


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    assert usage_error([verb, "--help"]) == 0
    assert f"usage: runner {verb}" in capsys.readouterr().out


def test_the_help_lists_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert usage_error(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(f"  {verb} " in said for verb in VERBS)


def test_a_plan_can_be_made_from_the_catalog_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = recipe(tmp_path, GOOD + "endpoint: {name: my-chat}\n")
    assert main(["plan", path, "--offline"]) == 0
    assert "  +  endpoint  my-chat  unless a run of this recipe made it" in capsys.readouterr().out
    assert main(["plan", path, "--offline", "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["changes"][0]["step"] == "endpoint"


def test_what_the_target_would_refuse_is_refused_before_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compute = "compute: {name: gpu, size: Standard_NC24ads_A100_v4, gpus_per_node: 4}\n"
    path = recipe(tmp_path, GOOD + compute)
    assert main(["plan", path, "--offline"]) == 4
    said = capsys.readouterr()
    assert said.err.startswith(f"{path}:4:")
    assert "gpus-per-node compute.gpus_per_node: Standard_NC24ads_A100_v4 has 1 GPUs, not 4" in said.err
    assert said.out == ""


def test_a_run_is_shown_as_its_manifest_tells_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], opening: Mapping[str, Json]
) -> None:
    run = kept_run(tmp_path, opening)
    assert main(["show", "latest", "--runs-dir", str(tmp_path / "runs")]) == 0
    assert capsys.readouterr().out.startswith(f"{run}: running\n  on the EMULATOR on this machine")
    assert main(["show", run[:9], "--runs-dir", str(tmp_path / "runs"), "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["run"]["run_id"] == run


@pytest.mark.parametrize("content", ["", "[]", '{"format": 99}', '{"format": 1, "target": {}}'])
def test_a_manifest_that_cannot_be_read_is_a_mistake_of_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], opening: Mapping[str, Json], content: str
) -> None:
    run = kept_run(tmp_path, opening)
    (tmp_path / "runs" / run / "manifest.json").write_text(content, encoding="utf-8")
    assert main(["show", run, "--runs-dir", str(tmp_path / "runs")]) == 2
    assert "manifest" in capsys.readouterr().err


def test_an_emulator_that_does_not_run_has_no_environment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = ["--state", str(tmp_path / "state")]
    assert main(["emulator", "status", *state]) == 0
    assert main(["emulator", "stop", *state]) == 0
    assert main(["emulator", "env", *state]) == 8
    said = capsys.readouterr()
    assert said.out == "no emulator is running\n" * 2
    assert said.err.splitlines()[-1] == "  hint: runner emulator start"


def test_the_emulators_folder_is_the_option_then_the_variable(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNNER_STATE", str(tmp_path / "variable"))
    main(["emulator", "env"])
    main(["emulator", "env", "--state", str(tmp_path / "option")])
    first, _, second, _ = capsys.readouterr().err.splitlines()
    assert first.endswith(f"{tmp_path / 'variable'}")
    assert second.endswith(f"{tmp_path / 'option'}")


def test_control_characters_of_a_recipe_never_reach_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = r'"\e[31m\x07\x9b\u202Ekey"'
    for output in ("text", "json"):
        assert main(["validate", recipe(tmp_path, f"{GOOD}{key}: 1\n"), "--output", output]) == 3
    said = "".join(capsys.readouterr())
    assert not set("\x1b\x07\x9b\u202e") & set(said)


def test_a_mistake_of_ours_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def slip(*_: object, **_more: object) -> None:
        raise KeyError("step")

    monkeypatch.setattr("runner.recipe_argument.load", slip)
    assert main(["validate", str(tmp_path)]) == 1
    assert re.match(r"error: internal error: KeyError \(test_cli.py:\d+\)\n", capsys.readouterr().err)


@pytest.mark.parametrize("output", ["text", "json"])
def test_an_interruption_is_no_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    def interrupt(*_: object, **_more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("runner.recipe_argument.load", interrupt)
    assert main(["validate", "recipe.yaml", "--output", output]) == 130
    said = capsys.readouterr()
    assert said.err == ""
    assert output == "text" or json.loads(said.out)["error"]["exit_code"] == 130


def during_a_verb(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> int:
    def load_it(*_: object, **__: object) -> None:
        happens()
        raise KeyboardInterrupt

    monkeypatch.setattr("runner.recipe_argument.load", load_it)
    return main(["validate", "recipe.yaml"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_machine_that_shuts_down_or_a_terminal_that_closes_ends_a_verb(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    before = signal.getsignal(number)
    assert during_a_verb(monkeypatch, lambda: os.kill(os.getpid(), number)) == 143
    assert signal.getsignal(number) is before


def test_under_nohup_a_terminal_that_closes_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert during_a_verb(monkeypatch, lambda: os.kill(os.getpid(), signal.SIGHUP)) == 130
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_a_library_prints_is_not_on_stdout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def chatty(path: Path, **_more: object) -> Loaded:
        sys.stdout.write("....")
        return load(path)

    monkeypatch.setattr("runner.recipe_argument.load", chatty)
    assert main(["validate", recipe(tmp_path, GOOD), "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["valid"] is True


def test_a_reader_that_left_is_no_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "runner", "validate", recipe(tmp_path, GOOD)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(20) == 1
        assert process.stderr is not None
        assert process.stderr.read() == b""


def in_a_process(*words: str, encoding: str = "utf-8") -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding}
    command = [sys.executable, "-m", "runner", *words]
    return subprocess.run(command, env=environment, capture_output=True, check=False)


def test_json_is_json_where_only_ascii_is_known(tmp_path: Path) -> None:
    words = ("validate", recipe(tmp_path, GOOD + '"é": 1\n'), "--output", "json")
    done = in_a_process(*words, encoding="ascii")
    assert (done.returncode, done.stderr) == (3, b"")
    assert json.loads(done.stdout)["diagnostics"][0]["key"] == "é"


def test_help_is_shown_where_only_ascii_is_known() -> None:
    done = in_a_process("--help", encoding="ascii")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"usage: runner VERB")


@pytest.mark.parametrize(
    ("encoding", "shown"), [("ascii", b"n\\xe9 \\ud800"), ("utf-8", b"n\xc3\xa9 \\ud800")]
)
def test_what_a_terminal_cannot_show_is_shown_by_its_number(
    tmp_path: Path, opening: Mapping[str, Json], encoding: str, shown: bytes
) -> None:
    run = kept_run(tmp_path, {**opening, "recipe": {**opening["recipe"], "path": "né \ud800"}})
    done = in_a_process("show", run, "--runs-dir", str(tmp_path / "runs"), encoding=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"  recipe " + shown in done.stdout


def test_a_manifests_text_never_reaches_the_terminal_raw(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], opening: Mapping[str, Json]
) -> None:
    escape = "\x1b]0;title\x07"
    target = {**opening["target"], "workspace_name": escape}
    run = kept_run(tmp_path, {**opening, "recipe": {**opening["recipe"], "path": escape}, "target": target})
    content = json.loads((tmp_path / "runs" / run / "manifest.json").read_text(encoding="utf-8"))
    content["run_id"] = escape
    manifest_file.write(content, tmp_path / "runs" / run / "manifest.json")
    assert main(["show", "latest", "--runs-dir", str(tmp_path / "runs")]) == 0
    said = capsys.readouterr().out
    assert said.count("\\x1b]0;title\\x07") == 3
    assert not set("\x1b\x07") & set(said)


def test_a_recipes_path_never_reaches_the_terminal_raw(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a\x1b[31m.yaml"
    path.write_text(GOOD, encoding="utf-8")
    assert main(["validate", str(path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/a\\x1b[31m.yaml is valid\n"


@pytest.mark.parametrize("name", ["x" * 300, ""])
def test_what_can_be_no_runs_name_is_a_mistake_of_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], opening: Mapping[str, Json], name: str
) -> None:
    kept_run(tmp_path, opening)
    assert main(["show", name, "--runs-dir", str(tmp_path / "runs")]) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("words", [(), ("--output", "json")])
def test_a_process_without_a_stdout_does_its_work(tmp_path: Path, words: Sequence[str]) -> None:
    command = [sys.executable, "-m", "runner", "validate", recipe(tmp_path, GOOD), *words]
    closed = ["/bin/sh", "-c", 'exec "$@" >&-', "sh", *command]
    done = subprocess.run(
        closed, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
