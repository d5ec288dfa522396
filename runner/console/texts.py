"""What people read of plans and runs, as lines: pure functions from values to text."""

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from runner.background import LOG_NAME
from runner.console import going_on, outlook, verdicts
from runner.console.lines import diagnostics, safe, table
from runner.facts import TargetKind
from runner.journal import Json
from runner.manifest import Manifest, RunStatus, StepRecord, StepStatus
from runner.manifest.values import made_with
from runner.metric_table import TOLD_LOSSES
from runner.parameters import Effective, Origin, Parameter
from runner.plan import Plan
from runner.questions import Question
from runner.recipe import Scalar
from runner.steps.step import Action
from runner.under_way import Carried

SYMBOLS = {Action.CREATE: "+", Action.UPDATE: "~", Action.REUSE: "=", Action.READ: "."}
STATUS_SYMBOLS = {
    StepStatus.SUCCEEDED: "✓",
    StepStatus.FAILED: "✗",
    StepStatus.RUNNING: "…",
    StepStatus.DELETED: "✓",
}
LEGEND = "+ create  ~ update  = reuse  . read"


def where(kind: TargetKind) -> str:
    """Say which cloud this is; a run on the emulator is never taken for one on Azure."""
    if kind is TargetKind.EMULATOR:
        return "the EMULATOR on this machine (no Azure account, nothing is billed)"
    return "Azure"


def begun(recipe: Path, gitignore: Path | None, missing: tuple[str, ...]) -> Iterator[str]:
    """Say what was written, and what comes next."""
    yield f"{recipe} is written"
    if gitignore:
        yield f"{gitignore} is written: of a run only its manifest.json, of a sweep sweep.json is for git"
    if missing:
        lines = "  ".join(missing)
        yield f"add to .gitignore, so that of a run only its manifest.json is committed: {lines}"
    schema = shlex.quote(str(recipe.parent / "recipe.schema.json"))
    yield f"for an editor that completes and explains it: runner schema > {schema}"
    yield f"next: runner plan --offline {shlex.quote(str(recipe))}"


def plan(name: str, kind: TargetKind, planned: Plan, *, defaults: bool = True) -> Iterator[str]:
    """Give the plan: what happens to which resource and why, then the parameters in force.

    Without `defaults` those that the component brings are only counted.
    """
    yield f"{name} on {where(kind)}"
    yield f"  {LEGEND}"
    yield ""
    rows = [(SYMBOLS[c.action], c.step, c.name, c.reason) for c in planned.changes]
    yield from table(rows)
    if planned.effective:
        yield ""
        yield "parameters (recipe > model's defaults > component's defaults)"
        yield from _parameters(_by_origin(planned.effective), defaults=defaults)
    yield from outlook.sizes(planned)
    yield from outlook.money(planned)
    if planned.diagnostics:
        yield ""
        yield from diagnostics(planned.diagnostics)


def _parameters(found: Sequence[Parameter], *, defaults: bool) -> Iterator[str]:
    shown = [each for each in found if defaults or each.origin is not Origin.COMPONENT_DEFAULT]
    yield from table([(each.name, written(each.value), _origin(each)) for each in shown])
    if len(shown) < len(found):
        yield f"  and {len(found) - len(shown)} of the component's defaults (--set sweep=null shows them)"


def _by_origin(effective: Effective) -> list[Parameter]:
    """Order parameters so that what somebody chose comes first; the component's defaults are many."""
    chosen = [Origin.RECIPE, Origin.MODEL_DEFAULT, Origin.DERIVED, Origin.COMPONENT_DEFAULT]
    return sorted(effective.parameters.values(), key=lambda each: chosen.index(each.origin))


def written(value: Scalar) -> str:
    """Write a value as a recipe would have it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _origin(parameter: Parameter) -> str:
    return f"{parameter.origin.value.replace('_', ' ')}: {parameter.detail}"


def manifest(
    said: Manifest, folder: str, carried: Carried = Carried.BY_NOBODY, more: Iterable[str] = ()
) -> Iterator[str]:
    """Give a run as its manifest tells it, `more` that is known of it, and last what is left alive."""
    kind = TargetKind(said.target["kind"])
    yield f"{said.run_id}: {_standing(said, carried)}"
    yield f"  on {where(kind)}, workspace {said.target['workspace_name']}"
    laid_over = ", ".join(made_with(said.recipe, said.sweep))
    with_options = safe(f" with {laid_over}") if laid_over else ""
    # A reproduction is made of no file: its parent's may say something else by now.
    of_parent = safe(f"in force of {said.parent['run_id']}, ") if said.parent else ""
    recipe = f"{of_parent}{said.recipe['path']}{with_options}"
    yield f"  recipe {recipe} (sha256 {said.recipe['sha256'][:12]}), in {folder}"
    yield ""
    yield from table(
        [(_symbol(name, s), name, s.action, _result(name, s.outputs, s)) for name, s in said.steps.items()]
    )
    yield from run_facts(said)
    yield from verdicts.verdict(said)
    yield from more
    yield from going_on.alive(said, carried=carried)


def _standing(said: Manifest, carried: Carried) -> str:
    if said.status is RunStatus.RUNNING and carried is Carried.BY_NOBODY:
        return f"running, but no process carries it on: runner resume {said.run_id}"
    return said.status.value


def _is_canceled(name: str, step: StepRecord) -> bool:
    """Tell a training that was ended: a job is never deleted."""
    return name == "finetune" and step.status is StepStatus.DELETED


def _symbol(name: str, step: StepRecord) -> str:
    return "–" if _is_canceled(name, step) else STATUS_SYMBOLS[step.status]  # noqa: RUF001 - neither done nor failed


def _result(name: str, outputs: Mapping[str, Json], step: StepRecord) -> str:
    if step.error:
        return safe(step.error)
    if _is_canceled(name, step):
        return safe(f"{step.intent.get('name') or ''} canceled".strip())
    named = outputs.get("name") or outputs.get("file") or step.intent.get("name") or ""
    version = f" version {outputs['version']}" if "version" in outputs else ""
    gone = ", deleted since" if step.status is StepStatus.DELETED else ""
    return safe(f"{named}{version}{gone}")


def run_facts(said: Manifest) -> Iterator[str]:
    """Give what a training showed: losses, tokens, the Studio link, and what stood in on the emulator."""
    record = said.steps.get("finetune")
    if record is None:
        return
    shown = [(name, f"{record.metrics[name]:.4f}") for name in TOLD_LOSSES if name in record.metrics]
    if shown:
        yield ""
        yield from table(shown)
    yield from _seen(record.metrics)
    if record.outputs.get("table_unknown"):
        yield safe(f"  note: what was logged could not be read: {record.outputs['table_unknown']}")
    table_told = record.outputs.get("table")
    if isinstance(table_told, Mapping) and table_told.get("left_out"):
        named = table_told["left_out"]
        yield safe(f"  note: left out of the table, since a spreadsheet takes it for a formula: {named}")
    # On the emulator there is no studio to look at.
    if record.outputs.get("studio") and said.target["kind"] == TargetKind.AZURE.value:
        yield safe(f"  job: {record.outputs['studio']}")
    if record.outputs.get("stand_in"):
        stood_in = record.outputs["stand_in"]
        also = ", and served it as the base model" if "baseline" in said.steps else ""
        yield safe(f"  note: the emulator trained {stood_in} in place of the recipe's model{also}")


def _seen(metrics: Mapping[str, float]) -> Iterator[str]:
    """Give how many tokens were trained on, and how fast, where it was logged."""
    units = {"num_input_tokens_seen": "tokens seen", "train_tokens_per_second": "tokens a second"}
    told = [f"{metrics[name]:,.0f} {unit}" for name, unit in units.items() if name in metrics]
    if told:
        yield f"  {', '.join(told)}"


def samples(scored: Sequence[Mapping[str, Json]]) -> Iterator[str]:
    """Give prompt, answer, the base model's answer if there is one, and ground truth of each scored row."""
    for each in scored:
        yield ""
        for turn in each["prompt"]:
            yield _indented(f"{turn['role']:<12} {turn['content']}")
        yield _indented(f"{'answer':<12} {each['answer']}")
        if "base_answer" in each:
            yield _indented(f"{'base model':<12} {each['base_answer']}")
        yield _indented(f"{'ground truth':<12} {each['ground_truth']}")


def answered(question: Question, answer: str) -> Iterator[str]:
    """Give what was asked, what was answered and, where it is known, what should have been."""
    yield ""
    for turn in question.messages:
        yield _indented(f"{turn['role']:<12} {turn['content']}")
    yield _indented(f"{'answer':<12} {answer}")
    if question.ground_truth is not None:
        yield _indented(f"{'ground truth':<12} {question.ground_truth}")


def samples_elsewhere(file: Path) -> Iterator[str]:
    """Say where the rows that were scored are, where they may not be shown."""
    if file.exists():
        yield ""
        yield f"prompts and answers are in no log: they are in {file}, and runner attach shows them"


def _indented(text: str) -> str:
    return "  " + safe(text).replace("\n", "\n" + " " * 15)


def exports(variables: Mapping[str, str]) -> Iterator[str]:
    """Give an environment as lines for `eval "$(runner emulator env)"`."""
    yield from (f"export {name}={shlex.quote(value)}" for name, value in variables.items())


def unfollowed(run_id: str) -> Iterator[str]:
    """Say that to leave a run does not stop it."""
    yield f"not followed any more; the run goes on: runner attach {run_id}"


def detached(folder: Path, pid: int) -> Iterator[str]:
    """Say where a run goes on, and how to come back to it."""
    run_id = folder.name
    yield f"{run_id} goes on in process {pid}, which writes to {folder / LOG_NAME}"
    yield f"  follow it with:  runner attach {run_id}"
    yield f"  look at it with: runner logs {run_id}"
    yield f"  end it with:     runner cancel {run_id}"


def service_logs(step: str, logs: Mapping[str, str]) -> Iterator[str]:
    """Give logs as their processes wrote them, each under its name."""
    if not logs:
        yield f"{step} has written no log yet"
    for name, text in logs.items():
        yield f"==> {name} <=="
        yield from text.splitlines()


def nothing_to_cancel(said: Manifest) -> Iterator[str]:
    """Say that a run has ended before it could be cancelled, and what it has left."""
    yield f"nothing to cancel: {said.run_id} has ended ({said.status.value})"
    yield from going_on.alive(said)
