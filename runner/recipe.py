"""What a recipe says, as values: one frozen dataclass a section, with Azure ML's own field names.

The shape (types, ranges, required keys) is `schemas/recipe.schema.json`; `runner.load` makes these of a file.
A section that is left out is None, and what it would do does not happen.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

Scalar = str | int | float | bool

Section = TypeVar("Section")

# What the base model's deployment is called where the recipe does not say.
BASELINE = "base"

# What recipes meant before these keys were there, by which older locks and manifests are read.
MEANT_BEFORE: Mapping[str, Scalar] = {
    "dataset.sample": "head",
    "dataset.columns.messages": "messages",
    "dataset.max_bad_rows": 0,
}

# A share of the training rows in a split's place; no split's name ends so.
_SHARE = re.compile(r"([0-9]{1,2}(?:[.][0-9]{1,6})?)%")

# Azure ML's own name for compute that it finds for a job by itself.
SERVERLESS = "serverless"


class Cleanup(StrEnum):
    """When a run deletes what it created (data assets and models stay)."""

    NEVER = "never"
    ON_FAILURE = "on_failure"
    ALWAYS = "always"


class OnPreempt(StrEnum):
    """What becomes of a training whose low-priority nodes Azure took away."""

    FAIL = "fail"
    RERUN = "rerun"


class Tier(StrEnum):
    """How a compute cluster's nodes are bought."""

    DEDICATED = "dedicated"
    LOW_PRIORITY = "low_priority"


class Sampling(StrEnum):
    """Which rows of a split are taken."""

    HEAD = "head"
    RANDOM = "random"


class IdentityType(StrEnum):
    """Who makes the managed identity of an endpoint: Azure with it, or somebody beforehand."""

    SYSTEM_ASSIGNED = "system_assigned"
    USER_ASSIGNED = "user_assigned"


@dataclass(frozen=True, kw_only=True, slots=True)
class Workspace:
    """Where the run happens: three ids, or the `config.json` that the Azure portal offers."""

    subscription_id: str | None = None
    resource_group: str | None = None
    workspace_name: str | None = None
    config_file: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """The base model in a registry; `version` is a whole number as text, or `latest`."""

    registry: str = "azureml"
    name: str
    version: str = "latest"


@dataclass(frozen=True, kw_only=True, slots=True)
class Compute:
    """The cluster to train on, `idle_time_before_scale_down` in seconds; or, with `serverless`, none.

    Without a cluster there is nothing that a name, counts of nodes, a tier or an idle time would be of.
    """

    serverless: bool = False
    name: str = SERVERLESS
    size: str
    gpus_per_node: int
    min_instances: int = 0
    max_instances: int = 1
    tier: Tier = Tier.DEDICATED
    idle_time_before_scale_down: int = 120


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """Which columns of a data set hold its conversations; `None` where the form has no use for one.

    One of three forms: `messages` (of `role` and `content`), `conversations` (ShareGPT's `from` and `value`),
    or `prompt` with `completion`. `system` opens the latter two.
    """

    messages: str | None = None
    conversations: str | None = None
    prompt: str | None = None
    completion: str | None = None
    system: str | None = None

    def names(self) -> tuple[str, ...]:
        """Give the columns that are read, in the order of the fields."""
        named = (self.messages, self.conversations, self.prompt, self.completion, self.system)
        return tuple(name for name in named if name is not None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """The rows to train on: exactly one of `huggingface`, `path` and `azureml` names the source.

    `huggingface`: a dataset on the Hub at `revision`, of its configuration `config`. `path`: a folder that
    holds each split as a file or as shards, relative to the recipe's folder. `azureml`: data assets
    `<azureml>-<split>` of the workspace (with `revision` as their version), or an `azureml://` folder.

    `train`, `validation` and `test` are split names; the latter two may be a share of the training rows
    instead (`10%`). `percent`, in (0, 100], or `rows` say how much of each split is taken, `sample` and
    `seed` which rows. At most `max_bad_rows` rows that cannot be trained on are left out.
    """

    huggingface: str | None = None
    path: str | None = None
    azureml: str | None = None
    config: str | None = None
    revision: str | None = None
    train: str
    validation: str | None = None
    test: str
    percent: float = 100.0
    rows: int | None = None
    sample: Sampling = Sampling.HEAD
    seed: int = 42
    columns: Columns = Columns(messages="messages")
    max_bad_rows: int = 0

    @property
    def source(self) -> str:
        """Give what the recipe names as the rows' source, as it is written there."""
        return self.huggingface or self.path or self.azureml or ""

    def splits(self) -> Mapping[str, str]:
        """Give the splits that are read: the role of each (train, validation, test) and its name."""
        return {role: split for role, split in self._roles().items() if share(split) is None}

    def carved(self) -> Mapping[str, Decimal]:
        """Give the roles whose rows are taken out of the training rows, each with its percent of them."""
        shares = {role: share(split) for role, split in self._roles().items()}
        return {role: percent for role, percent in shares.items() if percent is not None}

    def is_drawn(self) -> bool:
        """Tell whether which rows are taken, or which of them are held out, hangs on the seed."""
        return self.sample is Sampling.RANDOM or bool(self.carved())

    def _roles(self) -> Mapping[str, str]:
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {role: split for role, split in named.items() if split is not None}


def share(split: str) -> Decimal | None:
    """Give the percent of the training rows that stands in a split's place; None where a split is named."""
    found = _SHARE.fullmatch(split)
    return Decimal(found[1]) if found else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Finetune:
    """The training: a task's pipeline component and the inputs the recipe sets on it."""

    task: str
    component_version: str = "latest"
    parameters: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Register:
    """The name under which the fine-tuned model is registered in the workspace."""

    name: str
    description: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """The managed identity that an endpoint's containers act as; a user's own by its ARM resource id.

    A plain list of ids, as Azure ML's reference of the endpoint's YAML describes it (the CLI wants a mapping
    with the one key `resource_id` around each: more to write, nothing more said).
    """

    type: IdentityType
    user_assigned_identities: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """The online endpoint; without a name it is made of the recipe's name and a short hash."""

    name: str | None = None
    auth_mode: str = "key"
    description: str | None = None
    identity: Identity | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """How a container's liveness or readiness is asked for; times in seconds. Azure ML's defaults."""

    initial_delay: int = 10
    period: int = 10
    timeout: int = 2
    success_threshold: int = 1
    failure_threshold: int = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployment:
    """What serves the model behind the endpoint."""

    name: str
    instance_type: str
    instance_count: int = 1
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    request_timeout_ms: int = 5000
    max_concurrent_requests_per_instance: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Baseline(Deployment):
    """What serves the base model behind the same endpoint, for its answers to be held against the others."""

    name: str = BASELINE


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """How many rows of the test split are scored, and the generation parameters sent with each."""

    rows: int = 1
    parameters: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How long a run may take, in seconds; None is without a limit.

    `max_duration`: the whole run, from its opening, interruptions included. `queued_timeout`: how long a job
    may wait for nodes. `endpoint_ttl`: after this long `runner gc` takes the endpoint for forgotten.
    """

    max_duration: int | None = None
    queued_timeout: int | None = None
    endpoint_ttl: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Retries:
    """How many more times a training or a deployment is tried, each time under a new name.

    `failed`: after it ended in failure. `preempted`: after its nodes were taken away, with
    `on_preempt: rerun`.
    """

    failed: int = 0
    preempted: int = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """The points that a recipe is carried out for: each combination of the `grid`, then the `points`.

    Both are values by dotted key. At most `max_concurrent` points are trained at the same time.
    """

    grid: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict)
    points: tuple[Mapping[str, Scalar], ...] = ()
    max_concurrent: int = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """A whole recipe; `version` is the format's."""

    version: int
    name: str
    experiment: str
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    workspace: Workspace | None = None
    model: Model
    compute: Compute | None = None
    dataset: Dataset | None = None
    finetune: Finetune | None = None
    register: Register | None = None
    endpoint: Endpoint | None = None
    baseline: Baseline | None = None
    deployment: Deployment | None = None
    traffic: Mapping[str, int] | None = None
    sample: Sample | None = None
    sweep: Sweep | None = None
    limits: Limits = field(default_factory=Limits)
    on_preempt: OnPreempt = OnPreempt.FAIL
    retries: Retries = field(default_factory=Retries)
    cleanup: Cleanup = Cleanup.ON_FAILURE


# The sections that are steps, each after those it needs; `schemas/recipe.schema.json` marks the
# same ones and `runner/steps` has a class for each (a test holds the three together).
STEP_SECTIONS = (
    "dataset",
    "compute",
    "finetune",
    "register",
    "endpoint",
    "baseline",
    "deployment",
    "traffic",
    "sample",
)


def given(section: Section | None) -> Section:
    """Give a section that must be there: the loader has refused every recipe in which it is not."""
    assert section is not None, "a step was planned without its section"  # noqa: S101 - our own mistake
    return section
