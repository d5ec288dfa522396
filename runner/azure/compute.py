"""Compute clusters and the sizes a workspace's region offers."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from azure.ai.ml import MLClient
from azure.ai.ml.entities import AmlCompute, Compute

from runner import catalog, recipe
from runner.azure.quota import quota
from runner.azure.rest import cancelled, created, provisioning
from runner.azure.translate import translated, word
from runner.catalog import VmSize
from runner.errors import NotFound
from runner.facts import ComputeState, Quota, Resource, ResourceKind


class Computes:
    """Compute clusters of one workspace."""

    def __init__(self, workspace: MLClient) -> None:
        self._workspace = workspace

    def get(self, name: str) -> ComputeState | None:
        """Look at a cluster; None if there is none. A failed cluster answers too: read `provisioning`."""
        try:
            with translated(f"reading compute {name}"):
                compute = self._workspace.compute.get(name)
        except NotFound:
            return None
        return ComputeState(
            id=str(compute.id),
            name=str(compute.name),
            kind=word(compute.type),
            size=str(getattr(compute, "size", "") or ""),
            tier=word(getattr(compute, "tier", None)),
            max_instances=int(getattr(compute, "max_instances", 0) or 0),
            provisioning=provisioning(compute.provisioning_state),
            error=str(compute.provisioning_errors or "") or cancelled(compute.provisioning_state),
            tags=dict(compute.tags or {}),
        )

    def create(self, section: recipe.Compute, *, description: str | None, tags: Mapping[str, str]) -> None:
        """Ask for a cluster; whether it came is only known by `get`."""
        with translated(f"creating compute {section.name}"):
            self._workspace.compute.begin_create_or_update(
                AmlCompute(
                    name=section.name,
                    size=section.size,
                    tier=section.tier.value,
                    min_instances=section.min_instances,
                    max_instances=section.max_instances,
                    idle_time_before_scale_down=section.idle_time_before_scale_down,
                    description=description,
                    tags=dict(tags),
                )
            )

    def delete(self, name: str) -> None:
        """Ask for a cluster's deletion; one that is gone already is fine."""
        try:
            with translated(f"deleting compute {name}"):
                self._workspace.compute.begin_delete(name)
        except NotFound:
            return

    def listed(self, name: str) -> bool:
        """Tell from the workspace's list, page by page, whether a cluster is there."""
        return any(each.name.lower() == name.lower() for each in self.all())

    def all(self) -> tuple[Resource, ...]:
        """Give every compute of the workspace, whoever made it."""
        with translated("listing the computes"):
            return tuple(_resource(compute) for compute in self._workspace.compute.list())

    def sizes(self) -> Mapping[str, VmSize]:
        """Give the sizes of the workspace's region by lower-case name, with their GPU counts."""
        with translated("listing the compute sizes"):
            listed = [vars(size) for size in self._workspace.compute.list_sizes()]
        return {str(told["name"]).lower(): _size(told) for told in listed}

    def quota(self) -> tuple[Quota, ...]:
        """Read what the workspace's region has left of each family's cores."""
        with translated("reading the region's quota"):
            listed = [vars(usage) for usage in self._workspace.compute.list_usage()]
        return quota(listed, str(self._workspace.workspace_name))


def _resource(compute: Compute) -> Resource:
    return Resource(
        kind=ResourceKind.COMPUTE,
        name=str(compute.name),
        id=str(compute.id),
        status=word(compute.provisioning_state),
        created=created(compute),
        instance_type=str(getattr(compute, "size", "") or ""),
        instance_count=int(getattr(compute, "max_instances", 0) or 0),
        tags=dict(compute.tags or {}),
    )


def _size(told: Mapping[str, Any]) -> VmSize:
    """Take what the service tells, and what it does not from the catalog.

    The SDK (1.35.2) keeps the service's own spelling beside attributes of its own, which stay None; one that
    fills those is read, too.
    """
    name, megabytes = str(told["name"]), told.get("maxResourceVolumeMB")
    known = catalog.vm_size(name) or _unknown(name)
    return replace(
        known,
        name=name,
        family=str(told.get("family") or known.family),
        vcpus=int(told.get("vCPUs") or told.get("v_cp_us") or known.vcpus),
        memory_gb=told.get("memoryGB") or told.get("memory_gb") or known.memory_gb,
        gpus=_gpus(told, known),
        disk_gb=megabytes / 1024 if megabytes else known.disk_gb,
        low_priority=told.get("lowPriorityCapable"),
    )


def _gpus(told: Mapping[str, Any], known: VmSize) -> float:
    """Take the count that is told, but for a shared card: the service tells whole numbers only."""
    if 0 < known.gpus < 1:
        return known.gpus
    return float(told.get("gpus") or 0)


def _unknown(name: str) -> VmSize:
    return VmSize(
        name=name,
        family="",
        vcpus=0,
        memory_gb=None,
        gpus=0,
        gpu=None,
        gpu_memory_gb=None,
        retired=None,
    )
