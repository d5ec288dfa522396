"""The fine-tuning parameters: what the component takes, alone and together, and what the model advises."""

from collections.abc import Iterator, Mapping

from runner import parameters
from runner.errors import Diagnostic, Severity
from runner.parameters import Origin
from runner.preflight.case import Case


def component(case: Case) -> Iterator[Diagnostic]:
    """Check that the registry has what is to train."""
    section = case.loaded.recipe.finetune
    if section is not None and case.facts.component is None:
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


def _number(values: Mapping[str, object], name: str) -> float | None:
    try:
        return float(str(values[name]))
    except (KeyError, ValueError):
        return None
