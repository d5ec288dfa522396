"""The steps of a run, written out: one class each, one recipe section each."""

from collections.abc import Mapping

from runner.steps.baseline import BaselineStep
from runner.steps.compute import ComputeStep
from runner.steps.dataset import DatasetStep
from runner.steps.deployment import DeploymentStep
from runner.steps.endpoint import EndpointStep
from runner.steps.finetune import FinetuneStep
from runner.steps.register import RegisterStep
from runner.steps.sample import SampleStep
from runner.steps.step import Step
from runner.steps.traffic import TrafficStep

STEPS: Mapping[str, Step] = {
    "dataset": DatasetStep(),
    "compute": ComputeStep(),
    "finetune": FinetuneStep(),
    "register": RegisterStep(),
    "endpoint": EndpointStep(),
    "baseline": BaselineStep(),
    "deployment": DeploymentStep(),
    "traffic": TrafficStep(),
    "sample": SampleStep(),
}
