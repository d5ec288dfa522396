"""Fine-tuning parameters: what the recipe, the model and the component say, merged into what is sent."""

from runner.parameters.checks import Finding, check, combination_findings
from runner.parameters.effective import Effective, Origin, Parameter, display_name
from runner.parameters.merging import merge
from runner.parameters.tags import DEFAULTS_TAG, model_specific_defaults, parse_tag
from runner.parameters.values import is_derived, normalise, wire_value

__all__ = [
    "DEFAULTS_TAG",
    "Effective",
    "Finding",
    "Origin",
    "Parameter",
    "check",
    "combination_findings",
    "display_name",
    "is_derived",
    "merge",
    "model_specific_defaults",
    "normalise",
    "parse_tag",
    "wire_value",
]
