"""The rules within a section about keys that another key of it makes a must, or leaves nothing to say."""

from collections.abc import Iterator

from runner.load.source import Mistake
from runner.load.tree import Tree, mapping_at
from runner.recipe import SERVERLESS, IdentityType

_NO_CLUSTER = "serverless compute is no cluster"
OF_A_CLUSTER = {
    "name": _NO_CLUSTER,
    "min_instances": _NO_CLUSTER,
    "max_instances": _NO_CLUSTER,
    "idle_time_before_scale_down": _NO_CLUSTER,
    # A job asks for spot machines in its queue settings; neither the component's nodes nor the settings of
    # a pipeline job (azure-ai-ml 1.35.2, PipelineJobSettings) have them.
    "tier": "a pipeline job cannot ask serverless compute for low priority",
}


def serverless_mistakes(tree: Tree) -> Iterator[Mistake]:
    """Check that the compute section is about a cluster, or about none."""
    serverless = mapping_at(tree, "compute").get("serverless", False)
    if serverless is True:
        yield from _beside_serverless(tree)
    elif serverless is False and isinstance(tree.get("compute"), dict):
        yield from _of_a_cluster(tree)


def identity_mistakes(tree: Tree) -> Iterator[Mistake]:
    """Check that an identity of the user's own is named, and only such a one."""
    identity = mapping_at(tree, "endpoint", "identity")
    key = ("endpoint", "identity", "user_assigned_identities")
    given = "user_assigned_identities" in identity
    if identity.get("type") == IdentityType.USER_ASSIGNED.value and not given:
        expected = "with type user_assigned the id of the identity is needed"
        yield Mistake(key=key, code="missing-key", message="is missing", expected=expected)
    if identity.get("type") == IdentityType.SYSTEM_ASSIGNED.value and given:
        yield _needless(key, "not-with-system-assigned", "Azure makes a system-assigned identity by itself")


def _beside_serverless(tree: Tree) -> Iterator[Mistake]:
    given = mapping_at(tree, "compute")
    for name, reason in OF_A_CLUSTER.items():
        if name in given:
            yield _needless(("compute", name), "not-with-serverless", reason)


def _of_a_cluster(tree: Tree) -> Iterator[Mistake]:
    key, given = ("compute", "name"), mapping_at(tree, "compute")
    name = given.get("name")
    if "name" not in given:
        mend = "name the cluster, or write serverless: true"
        yield Mistake(key=key, code="missing-key", message="is missing", mend=mend)
    elif isinstance(name, str) and name.lower() == SERVERLESS:
        message, mend = "Azure ML calls compute without a cluster so", "write serverless: true instead"
        yield Mistake(key=key, code="reserved-name", message=message, mend=mend)


def _needless(key: tuple[str, ...], code: str, message: str) -> Mistake:
    return Mistake(key=key, code=code, message=message, mend="delete it", at_key=True)
