"""`runner logs RUN [STEP]`: the run's journal in words, or what a step's own processes wrote in the cloud."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from runner import manifest, naming, opening, runs
from runner.errors import ExitCode, UsageError
from runner.facts import TargetKind
from runner.journal import FILE_NAME, read
from runner.manifest import Manifest
from runner.outstanding import outstanding
from runner.recipe import STEP_SECTIONS
from runner.replay import grown, left_by_its_process
from runner.session import RUN_HELP, RUNS_FOLDER, RUNS_FOLDER_HELP, Session
from runner.target import of_a_run

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud

LINES = 500


def arguments(parser: ArgumentParser) -> None:
    """Declare the run and the step."""
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    help_text = (
        "finetune, baseline, deployment: what ran in the cloud wrote; others: their part of the journal"
    )
    parser.add_argument("step", metavar="STEP", nargs="?", choices=STEP_SECTIONS, help=help_text)
    parser.add_argument(
        "--follow", action="store_true", help="of the journal: also what comes, until it ends"
    )
    parser.add_argument("--lines", type=int, default=LINES, help="how many of a deployment's last lines")
    parser.add_argument("--runs-dir", type=Path, default=RUNS_FOLDER, help=RUNS_FOLDER_HELP)
    parser.add_argument("--state", type=Path, help="the emulator's folder")


def main(options: Namespace, session: Session) -> ExitCode:
    """Show it; nothing is written to a file, and the journal is only read."""
    folder = runs.find(options.runs_dir, options.run)
    runs.check_carried_out_here(folder)
    records = read(folder / FILE_NAME)
    said = manifest.fold(records)
    if options.step in _LOGS:
        session.console.service_logs(said.run_id, options.step, _from_cloud(options, session, said))
    else:
        told = grown(folder / FILE_NAME, session.clock) if options.follow else records
        session.console.journal(said.run_id, (each for each in told if options.step in {None, each.step}))
    said = manifest.of(folder)
    left = outstanding(said)
    if left:
        raise left
    if options.follow and said.status is manifest.RunStatus.RUNNING:
        raise left_by_its_process(said, folder)
    return ExitCode.DONE


def _from_cloud(options: Namespace, session: Session, said: Manifest) -> Mapping[str, str]:
    if options.follow:
        raise UsageError("only the journal can be followed", hint=f"runner attach {said.run_id}")
    step = said.steps.get(options.step)
    if step is None or not step.intent:
        hint = f"runner logs {said.run_id} tells what it did"
        raise UsageError(f"{options.step} of run {said.run_id} has asked for nothing yet", hint=hint)
    if options.step in _CONTAINERS and step.status is manifest.StepStatus.DELETED:
        raise _deleted(said, options.step)
    kind = TargetKind(said.target["kind"])
    with opening.reached(session, kind, session.emulator_state(options.state)):
        chosen = of_a_run(said.target, session.environment)
        cloud = opening.connected(session, chosen, said.target["registry"])
        return _LOGS[options.step](cloud, said, options)


def _training(cloud: "Cloud", said: Manifest, _options: Namespace) -> Mapping[str, str]:
    """Read the log of each child of the job that has one."""
    job = str(said.steps["finetune"].intent["name"])
    read_logs = {child.name: cloud.history.log(child.run_id) for child in cloud.history.descendants(job)}
    return {name: text for name, text in read_logs.items() if text}


def _deleted(said: Manifest, step: str) -> UsageError:
    name = said.steps[step].intent["name"]
    return UsageError(
        f"deployment {name} of run {said.run_id} is not there: it is deleted, or was never made; its log went"
        " with it",
        hint=f"runner logs {said.run_id} tells what the run did",
    )


def _container(cloud: "Cloud", said: Manifest, options: Namespace) -> Mapping[str, str]:
    intent = said.steps[options.step].intent
    found = cloud.endpoints.deployment(intent["endpoint"], intent["name"])
    if found is None:
        raise _deleted(said, options.step)
    owner = found.tags.get(naming.TAG_RUN)
    if owner != said.run_id:
        raise UsageError(
            f"deployment {intent['name']} is not run {said.run_id}'s: its log is of"
            f" {owner or 'no run of ours'}",
            hint=f"runner logs {said.run_id} tells what the run did",
        )
    text = cloud.endpoints.container_log(intent["endpoint"], intent["name"], options.lines)
    return {str(intent["name"]): text} if text else {}


_CONTAINERS = ("baseline", "deployment")
_LOGS: Mapping[str, Callable[["Cloud", Manifest, Namespace], Mapping[str, str]]] = {
    "finetune": _training,
    **dict.fromkeys(_CONTAINERS, _container),
}
