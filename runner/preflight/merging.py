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
    component = facts.component
    # What is wrong with a value is told; reckoned is with what would take its place.
    sound = {
        name: value
        for name, value in recipe.finetune.parameters.items()
        if parameters.check(name, value, component) is None
    }
    return parameters.merge(
        sound,
        where=lambda name: loaded.source.place_of(("finetune", "parameters", name)),
        model_defaults=parameters.model_specific_defaults(facts.model.tags) if facts.model else {},
        component=component,
        derived={
            **compute_inputs(recipe.compute),
            "number_of_gpu_to_use_finetuning": (recipe.compute.gpus_per_node, "compute.gpus_per_node"),
        },
    )
