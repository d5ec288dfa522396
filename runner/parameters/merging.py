"""Who wins: what follows from other sections, the recipe, the model's defaults, the component's defaults."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from runner.catalog import Component
from runner.parameters.checks import check
from runner.parameters.effective import Effective, Origin, Parameter
from runner.parameters.values import normalise
from runner.recipe import Scalar


def merge(
    recipe_values: Mapping[str, Scalar],
    *,
    where: Callable[[str], str],
    model_defaults: Mapping[str, Scalar],
    component: Component,
    derived: Mapping[str, tuple[Scalar, str]],
) -> Effective:
    """Merge the four layers; `where` gives the line of a recipe key, `derived` a value and its reason.

    Recipe values are expected to have passed `check`; names that the component lacks are left out.
    """
    usable, dropped = _usable_defaults(model_defaults, component)
    layers = (
        {name: _parameter(name, value, Origin.DERIVED, why) for name, (value, why) in derived.items()},
        {name: _parameter(name, value, Origin.RECIPE, where(name)) for name, value in recipe_values.items()},
        usable,
        _component_defaults(component),
    )
    parameters = {}
    for name, accepted in component.inputs.items():
        winner = next((layer[name] for layer in layers if name in layer), None)
        if winner is not None:
            parameters[name] = replace(winner, value=normalise(winner.value, accepted))
    return Effective(
        parameters=MappingProxyType(parameters),
        dropped=MappingProxyType(dropped),
        overridden=MappingProxyType(
            {name: default for name, default in usable.items() if parameters[name].value != default.value}
        ),
    )


def _usable_defaults(
    defaults: Mapping[str, Scalar], component: Component
) -> tuple[Mapping[str, Parameter], dict[str, str]]:
    """Sort a model's defaults: a tag is not ours, so it may set no more than a recipe may."""
    usable, dropped = {}, {}
    for name, text in defaults.items():
        accepted = component.inputs.get(name)
        value = normalise(text, accepted) if accepted else text
        finding = check(name, value, component)
        if finding is None:
            usable[name] = _parameter(name, value, Origin.MODEL_DEFAULT, "model_specific_defaults")
        else:
            dropped[name] = "; ".join(filter(None, (finding.message, finding.expected)))
    return usable, dropped


def _component_defaults(component: Component) -> Mapping[str, Parameter]:
    detail = f"{component.name} {component.version}"
    return {
        name: _parameter(name, accepted.default, Origin.COMPONENT_DEFAULT, detail)
        for name, accepted in component.inputs.items()
        if accepted.default is not None
    }


def _parameter(name: str, value: Scalar, origin: Origin, detail: str) -> Parameter:
    return Parameter(name=name, value=value, origin=origin, detail=detail)
