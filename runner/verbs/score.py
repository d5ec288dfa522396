"""`runner score RUN`: ask the model that a run has deployed, through the endpoint that it has kept."""

import math
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from runner import naming, opening, questions, runs
from runner.errors import ExitCode, UsageError
from runner.facts import EndpointState, TargetKind
from runner.manifest import Manifest, StepRecord, StepStatus
from runner.manifest.values import recorded_values
from runner.questions import Question
from runner.recipe import Scalar
from runner.session import RUN_HELP, RUNS_FOLDER, RUNS_FOLDER_HELP, Session
from runner.target import of_a_run
from runner.yaml12 import resolve

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud

_OF_THE_SAMPLE = "sample.parameters."


@dataclass(frozen=True, kw_only=True, slots=True)
class _Route:
    """Where the questions go: the run's own deployment, by name, behind its endpoint."""

    endpoint: str
    deployment: str
    uri: str


def arguments(parser: ArgumentParser) -> None:
    """Declare the run and what it is asked."""
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("--prompt", metavar="TEXT", help="what to ask")
    asked.add_argument(
        "--file", metavar="FILE", help="JSONL, each row with `messages` or a `prompt`; - reads stdin"
    )
    parser.add_argument(
        "--parameter",
        action="append",
        type=_parameter,
        default=[],
        metavar="NAME=VALUE",
        help="such as temperature=0.2, over those of the recipe's sample; may be given again",
    )
    parser.add_argument("--runs-dir", type=Path, default=RUNS_FOLDER, help=RUNS_FOLDER_HELP)
    parser.add_argument("--state", type=Path, help="the emulator's folder")


def main(options: Namespace, session: Session) -> ExitCode:
    """Ask, in order, and show each answer as it comes; nothing of it is kept."""
    asked = questions.of_text(options.prompt) if options.file is None else questions.of_file(options.file)
    said, _folder = runs.find_manifest(options.runs_dir, options.run)
    endpoint, deployment = _kept(said, "endpoint"), _kept(said, "deployment")
    parameters = {**_recorded(said), **dict(options.parameter)}
    kind = TargetKind(said.target["kind"])
    with opening.reached(session, kind, session.emulator_state(options.state)):
        chosen = of_a_run(said.target, session.environment)
        cloud = opening.connected(session, chosen, said.target["registry"])
        route = _checked(cloud, said, endpoint, deployment)
        session.console.scored(said, _answers(cloud, route, asked, parameters))
    return ExitCode.DONE


def _parameter(text: str) -> tuple[str, Scalar]:
    name, equals, written = text.partition("=")
    value = resolve(written)
    is_fit = isinstance(value, str | int | float) and not (
        isinstance(value, float) and not math.isfinite(value)
    )
    if not equals or not name.isidentifier() or not is_fit or not isinstance(value, str | int | float):
        raise ArgumentTypeError("a name and a value, such as temperature=0.2")
    return name, value


def _recorded(said: Manifest) -> Mapping[str, Scalar]:
    """Give the parameters that the recipe samples with."""
    values = recorded_values(said.recipe) or {}
    return {
        key.removeprefix(_OF_THE_SAMPLE): value
        for key, value in values.items()
        if key.startswith(_OF_THE_SAMPLE)
    }


def _kept(said: Manifest, step: str) -> StepRecord:
    """Give what a run has made and not taken back. Raises UsageError."""
    record = said.steps.get(step)
    if record is None or not record.intent.get("name"):
        raise UsageError(
            f"run {said.run_id} has no {step}: there is nothing to ask",
            hint="a recipe with endpoint, deployment and traffic deploys its model",
        )
    if record.status is StepStatus.DELETED:
        raise _gone(
            said, step, str(record.intent["name"]), "was deleted when the run was cleaned up or taken down"
        )
    return record


def _checked(cloud: "Cloud", said: Manifest, endpoint: StepRecord, deployment: StepRecord) -> _Route:
    """See that what answers is still this run's, where it was registered. Raises UsageError."""
    name, serving = str(endpoint.intent["name"]), str(deployment.intent["name"])
    found = cloud.endpoints.get(name)
    if found is None:
        raise _gone(said, "endpoint", name, "is not there any more")
    if not naming.is_ours(str(said.recipe["name"]), found.tags):
        raise UsageError(
            f"endpoint {name} is not from a run of this recipe any more: it is not asked",
            hint=f"runner show {said.run_id} tells what the run made",
        )
    _check_host(said, endpoint, found)
    _check_serves(cloud, said, name, serving)
    return _Route(endpoint=name, deployment=serving.lower(), uri=found.scoring_uri)


def _check_serves(cloud: "Cloud", said: Manifest, endpoint: str, name: str) -> None:
    found = cloud.endpoints.deployment(endpoint, name)
    if found is None:
        raise _gone(said, "deployment", name, "is not there any more")
    owner = found.tags.get(naming.TAG_RUN)
    if owner != said.run_id:
        raise UsageError(
            f"deployment {name} serves the model of {owner or 'no run of ours'}, not of run {said.run_id}",
            hint=f"runner score {owner}" if owner else f"runner show {said.run_id} tells what the run made",
        )


def _check_host(said: Manifest, endpoint: StepRecord, found: EndpointState) -> None:
    """Refuse to show the key to another host than the one that the run registered."""
    registered = _host(str(endpoint.outputs.get("scoring_uri") or ""))
    host = _host(found.scoring_uri)
    if not host or host != registered:
        raise UsageError(
            f"endpoint {found.name} is now at host {host}, and run {said.run_id} registered"
            f" {registered}: its key is not sent there",
            hint="see in the workspace who changed it",
        )


def _host(address: str) -> str | None:
    """Give the host that an address of HTTPS names; None for any other, and for what is no address."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    return parts.hostname if parts.scheme == "https" else None


def _gone(said: Manifest, kind: str, name: str, why: str) -> UsageError:
    return UsageError(
        f"{kind} {name} of run {said.run_id} {why}",
        hint="run the recipe again; with cleanup: on_failure or never a run that succeeds keeps it",
    )


def _answers(
    cloud: "Cloud", route: _Route, asked: tuple[Question, ...], parameters: Mapping[str, Scalar]
) -> Iterator[tuple[Question, str]]:
    for question in asked:
        answer = cloud.scoring.chat(
            route.uri,
            cloud.endpoints.key(route.endpoint),
            deployment=route.deployment,
            messages=question.messages,
            parameters=parameters,
        )
        yield question, answer
