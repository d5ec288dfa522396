"""Compute clusters and the sizes a workspace's region offers."""

from collections.abc import Mapping

from azure.ai.ml import MLClient
from azure.ai.ml.entities import AmlCompute

from runner import recipe
from runner.azure.rest import provisioning
from runner.azure.translate import NotFound, translated, word
from runner.catalog import VmSize
from runner.facts import ComputeState


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
            error=str(compute.provisioning_errors or ""),
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

    def sizes(self) -> Mapping[str, VmSize]:
        """Give the sizes of the workspace's region by lower-case name, with their GPU counts."""
        with translated("listing the compute sizes"):
            listed = list(self._workspace.compute.list_sizes())
        return {
            str(size.name).lower(): VmSize(
                name=str(size.name),
                family=str(size.family or ""),
                vcpus=int(size.v_cp_us or 0),
                memory_gb=float(size.memory_gb or 0),
                gpus=float(size.gpus or 0),
                gpu=None,
                gpu_memory_gb=None,
                retired=None,
            )
            for size in listed
        }
