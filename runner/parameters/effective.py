"""The parameters in force, each with who gave it; what is sent of them, and the job's name made of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from runner.parameters.values import wire_value
from runner.recipe import Scalar


class Origin(StrEnum):
    """Who gave a parameter its value."""

    RECIPE = "recipe"
    MODEL_DEFAULT = "model_default"
    COMPONENT_DEFAULT = "component_default"
    DERIVED = "derived"


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """A value the component will work with; `detail` names the line, section or component it is from."""

    name: str
    value: Scalar
    origin: Origin
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Effective:
    """The merged parameters in the component's order.

    `dropped` gives for each of the model's defaults that cannot be used the reason; `overridden` holds the
    model's defaults that the recipe, or what follows from it, set to something else.
    """

    parameters: Mapping[str, Parameter]
    dropped: Mapping[str, str]
    overridden: Mapping[str, Parameter]

    def value(self, name: str) -> Scalar | None:
        """Give the value in force, None where the component is left without one."""
        parameter = self.parameters.get(name)
        return parameter.value if parameter else None

    def wire(self) -> Mapping[str, str | int | float]:
        """Give what has to be passed to the SDK's component: all but the component's own defaults."""
        return {
            parameter.name: wire_value(parameter.value)
            for parameter in self.parameters.values()
            if parameter.origin is not Origin.COMPONENT_DEFAULT
        }


def display_name(
    model_name: str, dataset_name: str, effective: Effective, *, gpus_per_node: int, nodes: int
) -> str:
    """Name the job by what tells trainings apart; the batch is that of one step over all GPUs."""
    value = effective.value
    per_gpu = int(value("per_device_train_batch_size") or 1) * int(value("gradient_accumulation_steps") or 1)
    parts = (
        model_name,
        dataset_name,
        f"bs{per_gpu * gpus_per_node * nodes}",
        str(value("lr_scheduler_type") or "linear"),
        f"ds{value('deepspeed_stage')}" if value("apply_deepspeed") is True else "nods",
        "lora" if value("apply_lora") is True else "nolora",
        f"save_limit{_or_unlimited(value('save_total_limit'))}",
        f"seqlen{_or_unlimited(value('max_seq_length'))}",
    )
    return "-".join(parts)


def _or_unlimited(value: Scalar | None) -> Scalar:
    return -1 if value is None else value
