"""The rules between sections, and within one, that a schema cannot say."""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping

from runner.errors import Severity
from runner.load.choices import identity_mistakes, serverless_mistakes
from runner.load.dataset import dataset_mistakes
from runner.load.inputs import parameter_mistakes
from runner.load.points import sweep_mistakes
from runner.load.source import Mistake, short
from runner.load.tree import Tree, mapping_at
from runner.recipe import BASELINE

# What each section works on, and why it cannot do without.
_NEEDS: Mapping[str, Mapping[str, str]] = {
    "finetune": {"compute": "a cluster to train on", "dataset": "rows to train on"},
    "register": {"finetune": "a model that was fine-tuned"},
    "baseline": {
        "endpoint": "an endpoint to stand behind",
        "deployment": "a deployment of the fine-tuned model to stand beside",
        "traffic": "traffic that leads to that deployment",
        "sample": "rows that both models are asked",
    },
    "deployment": {"endpoint": "an endpoint to stand behind", "register": "a registered model to serve"},
    "traffic": {"deployment": "a deployment to lead to"},
    "sweep": {"finetune": "a training to carry out at each point"},
    "sample": {
        "dataset": "a test split to take prompts from",
        "deployment": "a deployment that answers",
        "traffic": "traffic that leads to the deployment",
    },
}
_WORKSPACE_IDS = ("subscription_id", "resource_group", "workspace_name")
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ALL_TRAFFIC = 100
_LONGEST_COMPARED = 64
# The sections that are deployments, each with the name that is meant where it gives none.
_DEPLOYMENTS: Mapping[str, str | None] = {"baseline": BASELINE, "deployment": None}


def rule_mistakes(tree: Tree) -> Iterator[Mistake]:
    """Apply every rule to a tree that may still be of any shape."""
    for rule in _RULES:
        yield from rule(tree)


def _needed_sections(tree: Tree) -> Iterator[Mistake]:
    for section, needs in _NEEDS.items():
        for needed, reason in needs.items():
            if section in tree and needed not in tree:
                yield Mistake(
                    key=(section,),
                    code="needs-section",
                    message=f"needs the section {needed}: {reason}",
                    mend=f"add {needed}, or leave {section} out",
                    at_key=True,
                )


def _whole_workspace(tree: Tree) -> Iterator[Mistake]:
    workspace = mapping_at(tree, "workspace")
    if "workspace" not in tree or not isinstance(tree["workspace"], dict):
        return
    given = [name for name in _WORKSPACE_IDS if name in workspace]
    absent = [name for name in _WORKSPACE_IDS if name not in workspace]
    if "config_file" in workspace:
        for name in given:
            message = "config_file says this already"
            yield Mistake(
                key=("workspace", name), code="two-workspaces", message=message, mend="keep one", at_key=True
            )
    elif absent:
        message = f"lacks {', '.join(absent)}"
        mend = "give all three ids or config_file; leave the section out for the emulator"
        yield Mistake(key=("workspace",), code="workspace-incomplete", message=message, mend=mend)


def _subscription(tree: Tree) -> Iterator[Mistake]:
    value = mapping_at(tree, "workspace").get("subscription_id")
    if isinstance(value, str) and "${" not in value and not _GUID.fullmatch(value):
        yield Mistake(
            key=("workspace", "subscription_id"),
            code="unusual-subscription",
            message="is no subscription id as Azure gives them (is it the name?)",
            expected="8-4-4-4-12 hexadecimal digits",
            severity=Severity.WARNING,
        )


def _instances(tree: Tree) -> Iterator[Mistake]:
    compute = mapping_at(tree, "compute")
    least, most = compute.get("min_instances", 0), compute.get("max_instances", 1)
    if not isinstance(least, int) or not isinstance(most, int):
        return
    if least > most:
        message = f"must be at most max_instances, which is {most}"
        yield Mistake(key=("compute", "min_instances"), code="out-of-range", message=message)
    nodes = mapping_at(tree, "finetune", "parameters").get("num_nodes_finetune")
    bounded = bool(compute) and compute.get("serverless") is not True
    if isinstance(nodes, int) and nodes > most and bounded:
        message = f"must be at most compute.max_instances, which is {most}: the job would wait forever"
        yield Mistake(
            key=("finetune", "parameters", "num_nodes_finetune"), code="out-of-range", message=message
        )


def _liveness(tree: Tree) -> Iterator[Mistake]:
    for section in _DEPLOYMENTS:
        if mapping_at(tree, section, "liveness_probe").get("success_threshold", 1) != 1:
            yield Mistake(
                key=(section, "liveness_probe", "success_threshold"),
                code="not-allowed-value",
                message="must be 1 for the liveness probe",
            )


def _lower_case(tree: Tree) -> Iterator[Mistake]:
    for section in _DEPLOYMENTS:
        name = mapping_at(tree, section).get("name")
        if isinstance(name, str) and name != name.lower():
            yield Mistake(
                key=(section, "name"),
                code="lower-cased",
                message="Azure ML turns deployment names to lower case",
                severity=Severity.NOTICE,
            )


def _deployment_name(tree: Tree, section: str) -> str:
    """Give the name of a deployment as the service has it; "" where there is none."""
    name = mapping_at(tree, section).get("name", _DEPLOYMENTS[section]) if section in tree else None
    return name.lower() if isinstance(name, str) else ""


def _same_deployment(tree: Tree) -> Iterator[Mistake]:
    name = _deployment_name(tree, "baseline")
    if name and name == _deployment_name(tree, "deployment"):
        yield Mistake(
            key=("baseline", "name"),
            code="same-deployment",
            message="is the name of the fine-tuned model's deployment, too",
            mend="give one of them another name",
        )


def _traffic_names(tree: Tree) -> Iterator[Mistake]:
    """Check names without regard to case: the service turns them to lower case."""
    traffic, name = mapping_at(tree, "traffic"), mapping_at(tree, "deployment").get("name")
    base = _deployment_name(tree, "baseline")
    if isinstance(name, str):
        for stranger in traffic:
            if stranger.lower() != name.lower():
                message = "is not the recipe's deployment"
                if stranger.lower() == base:
                    message = "is the base model's deployment, which gets no traffic"
                yield Mistake(
                    key=("traffic", stranger),
                    code="unknown-deployment",
                    message=message,
                    expected=f"must be {short(name)}",
                    at_key=True,
                )


def _traffic_sum(tree: Tree) -> Iterator[Mistake]:
    traffic = mapping_at(tree, "traffic")
    shares = [share for share in traffic.values() if isinstance(share, int) and not isinstance(share, bool)]
    if shares and len(shares) == len(traffic) and sum(shares) not in {0, _ALL_TRAFFIC}:
        message = "must add up to 100, or to 0"
        yield Mistake(key=("traffic",), code="traffic-sum", message=message)
    elif "sample" in tree and shares and not any(shares):
        message = "no traffic leads to the deployment"
        yield Mistake(
            key=("sample",),
            code="sample-without-traffic",
            message=message,
            mend="give it 100 percent, or leave sample out",
            at_key=True,
        )


# What transformers and vLLM, of which Azure's containers are made, call the settings of an answer.
_OF_GENERATION = (
    "do_sample", "early_stopping", "frequency_penalty", "length_penalty", "max_length", "max_new_tokens",
    "max_tokens", "min_length", "min_new_tokens", "min_p", "no_repeat_ngram_size", "num_beams",
    "num_return_sequences", "presence_penalty", "repetition_penalty", "return_full_text", "seed", "stop",
    "temperature", "top_k", "top_p", "typical_p", "use_cache",
)  # fmt: skip


def _generation_names(tree: Tree) -> Iterator[Mistake]:
    """Warn of a likely slip: a container may take more than is known here, or refuse the request."""
    for name in mapping_at(tree, "sample", "parameters"):
        if name in _OF_GENERATION:
            continue
        close = difflib.get_close_matches(name[:_LONGEST_COMPARED], _OF_GENERATION, n=1, cutoff=0.75)
        if close:
            yield Mistake(
                key=("sample", "parameters", name),
                code="unknown-generation-parameter",
                message="is no generation parameter that is known here",
                mend=f"did you mean {close[0]}?",
                severity=Severity.WARNING,
                at_key=True,
            )


_RULES: tuple[Callable[[Tree], Iterator[Mistake]], ...] = (
    _needed_sections,
    dataset_mistakes,
    _whole_workspace,
    _subscription,
    serverless_mistakes,
    _instances,
    identity_mistakes,
    _liveness,
    _lower_case,
    _same_deployment,
    _traffic_names,
    _traffic_sum,
    _generation_names,
    parameter_mistakes,
    sweep_mistakes,
)
