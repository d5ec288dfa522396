"""How much memory a fine-tuning needs on each GPU, and on which VM sizes it fits; pure arithmetic."""

from runner.fit.component import setup_of
from runner.fit.memory import Memory, estimate
from runner.fit.ranking import GIGABYTE, Candidate, fitting
from runner.fit.serving import Serving, serving
from runner.fit.setup import Optimizer, Precision, Projection, Setup, Stage

__all__ = [
    "GIGABYTE",
    "Candidate",
    "Memory",
    "Optimizer",
    "Precision",
    "Projection",
    "Serving",
    "Setup",
    "Stage",
    "estimate",
    "fitting",
    "serving",
    "setup_of",
]
