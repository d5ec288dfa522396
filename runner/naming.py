"""The names and tags of everything a run makes: each follows from the recipe and the run, none from chance.

| resource | name |
|---|---|
| run | UTC time, recipe name, 4 hex digits |
| sweep | UTC time, recipe name, `sweep`, 4 hex digits: it is listed after its first runs |
| job | run id and attempt |
| data asset | recipe name and split; its version is the content's digest |
| endpoint | the recipe's, else recipe name and a hash of the workspace |
"""

import hashlib
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from runner.facts import Target
from runner.recipe import Recipe

TAG_RECIPE = "runner.recipe"
TAG_RUN = "runner.run"
TAG_INTENT = "runner.intent"
# On an endpoint that the recipe gives a time to live: the UTC moment after which it counts as forgotten.
TAG_EXPIRES = "runner.expires"

_ENDPOINT_LENGTH = 32
_HASH_LENGTH = 6
_VERSION_LENGTH = 16


def run_id(recipe: Recipe, moment: datetime) -> str:
    """Name a run; it is also a job name, so no dots or colons."""
    return f"{moment:%Y%m%dT%H%M%SZ}-{recipe.name}-{secrets.token_hex(2)}"


def sweep_id(recipe: Recipe, moment: datetime) -> str:
    """Name a sweep."""
    return f"{moment:%Y%m%dT%H%M%SZ}-{recipe.name}-sweep-{secrets.token_hex(2)}"


def began(run: str) -> datetime | None:
    """Give the moment that a run's id begins with; None where the text is no id of a run."""
    try:
        return datetime.strptime(run.partition("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def expiry(recipe: Recipe, run: str) -> Mapping[str, str]:
    """Give the tag by which an endpoint's time to live is known, none where the recipe sets no such time.

    It counts from the run's beginning: the same however often the step is tried.
    """
    moment, seconds = began(run), recipe.limits.endpoint_ttl
    if moment is None or seconds is None:
        return {}
    return {TAG_EXPIRES: f"{moment + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"}


def job(run: str, attempt: int = 1) -> str:
    """Name the fine-tune job of a run."""
    return f"{run}-{attempt}"


def data_asset(recipe: Recipe, role: str) -> str:
    """Name the data asset of a split's role (train, validation, test)."""
    return f"{recipe.name}-{role}"


def data_version(sha256: str) -> str:
    """Give the version of a data asset: equal content has an equal version and is uploaded once."""
    return sha256[:_VERSION_LENGTH]


def endpoint(recipe: Recipe, target: Target) -> str:
    """Name the endpoint. Endpoints are unique in a region, so a name of ours carries the workspace's hash."""
    if recipe.endpoint and recipe.endpoint.name:
        return recipe.endpoint.name
    digest = hashlib.sha256(f"{target.workspace_id.lower()}/{recipe.name}".encode()).hexdigest()
    stem = recipe.name[: _ENDPOINT_LENGTH - _HASH_LENGTH - 1].rstrip("-")
    return f"{stem}-{digest[:_HASH_LENGTH]}"


def intent_id(run: str, step: str, attempt: int = 1) -> str:
    """Name what a run means to do in a step, and at which attempt."""
    return f"{run}/{step}/{attempt}"


def tags(recipe: Recipe, run: str, step: str, attempt: int = 1) -> Mapping[str, str]:
    """Give the tags of everything a step makes: the recipe's own, and the three by which we know it again."""
    ours = {TAG_RECIPE: recipe.name, TAG_RUN: run, TAG_INTENT: intent_id(run, step, attempt)}
    return dict(recipe.tags) | ours


def step_of(found: Mapping[str, str]) -> str:
    """Tell which step made a resource, by its tags; "" where they do not say."""
    parts = found.get(TAG_INTENT, "").split("/")
    return parts[1] if len(parts) > 1 else ""


def is_ours(recipe_name: str, found: Mapping[str, str]) -> bool:
    """Tell whether a resource was made by a run of this recipe."""
    return found.get(TAG_RECIPE) == recipe_name
