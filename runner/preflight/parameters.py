"""The fine-tuning parameters: what the component takes, alone and together, and what the model advises."""

from collections.abc import Iterator, Mapping

from runner import parameters
from runner.errors import Diagnostic, Severity
from runner.parameters import Origin
from runner.preflight.case import Case
from runner.recipe import Scalar


def component(case: Case) -> Iterator[Diagnostic]:
    """Check that the registry has what is to train; offline the loader tells of versions it does not know."""
    section = case.loaded.recipe.finetune
    if section is not None and case.facts.component is None and not case.facts.offline:
        yield case.loaded.source.diagnostic(
            ("finetune", "component_version"),
            code="component-not-found",
            message=f"the registry has no pipeline component for {section.task} {section.component_version}",
            mend="check finetune.task and finetune.component_version",
        )


def accepted(case: Case) -> Iterator[Diagnostic]:
    """Hold the recipe's parameters against the component's inputs, one by one and together."""
    section, component = case.loaded.recipe.finetune, case.facts.component
    if section is None or component is None:
        return
    findings = [parameters.check(name, value, component) for name, value in section.parameters.items()]
    if case.effective is not None:
        findings += parameters.combination_findings(case.effective)
    for finding in findings:
        if finding is not None:
            yield case.loaded.source.diagnostic(
                ("finetune", "parameters", finding.name),
                code=finding.code,
                message=finding.message,
                expected=finding.expected,
                mend=finding.mend,
            )


def dropped_defaults(case: Case) -> Iterator[Diagnostic]:
    """Tell which of the model's own defaults cannot be used."""
    for name, reason in case.effective.dropped.items() if case.effective else ():
        yield case.loaded.source.diagnostic(
            ("model", "name"),
            code="default-dropped",
            message=f"the model's default for {name} is not used: {reason}",
            severity=Severity.NOTICE,
        )


def overridden_defaults(case: Case) -> Iterator[Diagnostic]:
    """Tell which of the model's own defaults the recipe sets to something else."""
    if case.effective is None:
        return
    for name, default in case.effective.overridden.items():
        yield case.loaded.source.diagnostic(
            ("finetune", "parameters", name),
            code="default-overridden",
            message=_wins(case, name, case.effective.parameters[name].value, default.value),
            severity=Severity.NOTICE,
        )


def _wins(case: Case, name: str, chosen: Scalar, default: Scalar) -> str:
    """Say both values, unless the input takes any text: what someone pasted there is not ours to repeat."""
    component = case.facts.component
    accepted = component.inputs.get(name) if component else None
    if accepted is None or (accepted.type == "string" and not accepted.enum):
        return f"the recipe's {name} wins over the model's default"
    if name == "num_train_epochs":
        return f"the recipe's {chosen} epochs win over the model's default of {default}"
    own, other = parameters.wire_value(chosen), parameters.wire_value(default)
    return f"the recipe's {own} wins over the model's default of {other}"


def learning_rate(case: Case) -> Iterator[Diagnostic]:
    """Warn outside the range that the model's author gives."""
    rate = case.effective.parameters.get("learning_rate") if case.effective else None
    if rate is None or rate.origin is not Origin.RECIPE or case.facts.model is None:
        return
    defaults = parameters.model_specific_defaults(case.facts.model.tags)
    low, high = (_number(defaults, f"learning_rate_{end}") for end in ("min", "max"))
    value = float(rate.value)
    if (low is not None and value < low) or (high is not None and value > high):
        yield case.loaded.source.diagnostic(
            ("finetune", "parameters", "learning_rate"),
            code="learning-rate-range",
            message=f"{value:g} is outside the range the model's author gives",
            expected=f"{low:g} to {high:g}" if low is not None and high is not None else "",
            severity=Severity.WARNING,
        )


def nodes(case: Case) -> Iterator[Diagnostic]:
    """Refuse a cluster that cannot grow to what the model's own default asks for; the recipe's is checked."""
    section, given = case.loaded.recipe.compute, case.effective
    asked = given.parameters.get("num_nodes_finetune") if given else None
    if section is None or section.serverless or asked is None or asked.origin is Origin.RECIPE:
        return
    if case.nodes > section.max_instances:
        yield case.loaded.source.diagnostic(
            ("compute", "max_instances"),
            code="compute-too-few-nodes",
            message=f"must be at least {case.nodes}, the model's own num_nodes_finetune",
            mend="raise it, or set finetune.parameters.num_nodes_finetune",
        )


def few_bits(case: Case) -> Iterator[Diagnostic]:
    """Tell what the training does on its own at 8 and 4 bits, and which models it takes at all.

    Azure/azureml-assets, assets/training/finetune_acft_hf_nlp/src/finetune/finetune.py@4b41f8cc.
    """
    given, model = case.effective, case.facts.model
    precision = str(given.value("precision")) if given else ""
    if given is None or precision not in {"8", "4"}:
        return
    if model is not None and not any(family in model.name.lower() for family in _FEW_BIT_FAMILIES):
        yield _few_bits(
            case, "precision", f"{precision} bits train only {', '.join(_FEW_BIT_FAMILIES)} models"
        )
    if given.value("apply_deepspeed") is True:
        yield _few_bits(case, "apply_deepspeed", f"is turned off by precision {precision}")
    if given.value("apply_lora") is not True:
        yield _few_bits(case, "apply_lora", f"is turned on by precision {precision}")


def _few_bits(case: Case, name: str, message: str) -> Diagnostic:
    return case.loaded.source.diagnostic(
        ("finetune", "parameters", name),
        code="few-bits",
        message=message,
        mend="set precision: 16, or say the same",
        severity=Severity.WARNING,
    )


_FEW_BIT_FAMILIES = ("llama", "falcon", "mixtral", "gpt-oss")


def _number(values: Mapping[str, object], name: str) -> float | None:
    try:
        return float(str(values[name]))
    except (KeyError, ValueError):
        return None
