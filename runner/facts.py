"""What is known of the target before anything is changed: the survey's answer, values only.

The classes for sizes, components and registry models are the catalog's; the states below are what a fresh
GET of a resource says, in the few fields the runner decides by.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from runner.catalog import Component, RegistryModel, VmSize
from runner.dataset import Size
from runner.errors import Diagnostic


class TargetKind(StrEnum):
    """Which cloud is meant."""

    AZURE = "azure"
    EMULATOR = "emulator"


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """One workspace of one cloud. `resource_manager` is the cloud's management address."""

    kind: TargetKind
    subscription_id: str
    resource_group: str
    workspace_name: str
    resource_manager: str = "https://management.azure.com"

    @property
    def workspace_id(self) -> str:
        """Give the workspace's ARM id."""
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{self.workspace_name}"
        )


# The name of the fine-tune job's one output.
TRAINED_MODEL = "trained_model"

# How the name of the node that trains ends, whatever the task.
_TRAINING = "_finetune"


class Provisioning(StrEnum):
    """Where a resource stands, whatever words its service uses for it."""

    IN_PROGRESS = "in progress"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class CorePool(StrEnum):
    """How cores are bought; each way has a quota of its own."""

    DEDICATED = "dedicated"
    LOW_PRIORITY = "low priority"


def family_key(name: str) -> str:
    """Spell a family in one way: `standard NCASv3_T4 Family` is `standardncasv3t4family`."""
    return "".join(character for character in name.lower() if character.isalnum())


@dataclass(frozen=True, kw_only=True, slots=True)
class Quota:
    """What one line of the region's quota leaves: cores of a family, or of all (`family` is then empty).

    `name` is what the portal calls it, `family` is spelled as `family_key` does. A line without a limit is
    not kept: it refuses nothing.
    """

    name: str
    family: str
    pool: CorePool
    limit: int
    used: int

    @property
    def free(self) -> int:
        """Give the cores that are left, never less than none."""
        return max(0, self.limit - self.used)


@dataclass(frozen=True, kw_only=True, slots=True)
class ComputeState:
    """A compute cluster as it stands. `size` comes back upper-cased."""

    id: str
    name: str
    kind: str
    size: str
    tier: str
    max_instances: int
    provisioning: Provisioning
    error: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class EndpointState:
    """An online endpoint as it stands; `identity_type` is empty where the service does not tell."""

    id: str
    name: str
    provisioning: Provisioning
    auth_mode: str = ""
    identity_type: str = ""
    user_assigned_identities: tuple[str, ...] = ()
    scoring_uri: str = ""
    traffic: Mapping[str, int] = field(default_factory=dict)
    error: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class DeploymentState:
    """A deployment as it stands; `model` is its model's id, in the workspace or in a registry."""

    id: str
    name: str
    provisioning: Provisioning
    model: str = ""
    instance_type: str = ""
    instance_count: int = 1
    error: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class AssetState:
    """A versioned asset (data, model) as it stands: it is there or not, without a state in between."""

    id: str
    name: str
    version: str
    path: str
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredFile:
    """A file in a datastore: its size, and its digests as far as they are known.

    `md5` is what blob storage keeps, in base64; `sha256` was counted from the content, in hex.
    """

    bytes: int
    md5: str = ""
    sha256: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class JobState:
    """A job as it stands; `status` is Azure ML's own word.

    `queued`: it was taken on, but does not compute yet (it waits for nodes, or they are being prepared).
    `preempted`: it has ended because its low-priority nodes were taken back; `reason` is the error that says
    so. Azure ML has no status for it. That such an error speaks of preemption is what users report
    (Azure/MachineLearningNotebooks#1242, 2020-11-18); one that does not looks like any other failure. A
    preempted job may also be queued again by the service itself, and has not ended then.
    """

    id: str
    name: str
    status: str
    provisioning: Provisioning
    queued: bool = False
    preempted: bool = False
    reason: str = ""
    studio: str = ""
    outputs: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)


class ResourceKind(StrEnum):
    """What a run may leave in a workspace that costs money."""

    COMPUTE = "compute"
    ENDPOINT = "endpoint"
    DEPLOYMENT = "deployment"
    JOB = "job"


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """One line of a list of the workspace: whose it is, and what it costs to leave it there.

    `parent` is a deployment's endpoint, `traffic` an endpoint's, by deployment. `created` is the service's
    own UTC time in ISO form, "" where it does not tell; a list may leave out what a look at the resource
    itself would tell.
    """

    kind: ResourceKind
    name: str
    id: str
    status: str
    parent: str = ""
    created: str = ""
    instance_type: str = ""
    instance_count: int = 0
    traffic: Mapping[str, int] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class ChildRun:
    """One node of a job's tree; `name` is the node's name in its pipeline."""

    run_id: str
    name: str
    status: str
    error: str = ""

    @property
    def trains(self) -> bool:
        """Tell the child that trains: the one that logs a fine-tuning's metrics."""
        return self.name.endswith(_TRAINING)


@dataclass(frozen=True, kw_only=True, slots=True)
class JobSpec:
    """What a fine-tune job is made of: the component's literals, and its data by the name of the port.

    `serverless`: whatever in it names no compute of its own runs on compute that no cluster was made for.
    """

    name: str
    display_name: str
    experiment: str
    description: str | None
    tags: Mapping[str, str]
    model_id: str
    files: Mapping[str, str]
    parameters: Mapping[str, str | int | float]
    serverless: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """Everything the plan and the checks are made of.

    `offline` facts come from the catalog alone: what exists in the workspace is then unknown, and absent
    here. `sizes` has lower-case names. `location` is empty offline. `today` is the day that retirements are
    held against. `splits` are the splits whose files lie here, by role, and `rows` counts those that a run
    would have of them for each role; `unusable` says of a role's file what is wrong with it.
    `quota` is None where it was not asked for or not told; `quota_refusal` then says why.
    """

    target: TargetKind
    today: date
    offline: bool
    model: RegistryModel | None
    component: Component | None
    sizes: Mapping[str, VmSize]
    endpoint_name: str | None = None
    location: str = ""
    compute: ComputeState | None = None
    endpoint: EndpointState | None = None
    baseline: DeploymentState | None = None
    deployment: DeploymentState | None = None
    splits: Mapping[str, Size] = field(default_factory=dict)
    rows: Mapping[str, int] = field(default_factory=dict)
    unusable: Mapping[str, Diagnostic] = field(default_factory=dict)
    quota: tuple[Quota, ...] | None = None
    quota_refusal: str = ""
