"""The parameters in force: the recipe and the facts brought to what `parameters` merges."""

from runner import parameters
from runner.facts import Facts
from runner.load import Loaded
from runner.parameters import Effective
from runner.steps.compute import compute_inputs


def merge(loaded: Loaded, facts: Facts) -> Effective | None:
    """Merge the parameters in force; None without a finetune section or a component to merge for."""
    recipe = loaded.recipe
    if recipe.finetune is None or recipe.compute is None or facts.component is None:
        return None
    return parameters.merge(
        recipe.finetune.parameters,
        where=lambda name: loaded.source.place_of(("finetune", "parameters", name)),
        model_defaults=parameters.model_specific_defaults(facts.model.tags) if facts.model else {},
        component=facts.component,
        derived={
            **compute_inputs(recipe.compute),
            "number_of_gpu_to_use_finetuning": (recipe.compute.gpus_per_node, "compute.gpus_per_node"),
        },
    )
