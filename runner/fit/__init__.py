"""How much memory a fine-tuning needs on each GPU and beside it, and on which VM sizes it fits; pure."""

from runner.fit.component import setup_of
from runner.fit.host import Host, host
from runner.fit.memory import Memory, estimate
from runner.fit.ranking import GIGABYTE, Candidate, fitting
from runner.fit.serving import Serving, serving
from runner.fit.setup import Optimizer, Precision, Projection, Setup, Stage

__all__ = [
    "GIGABYTE",
    "Candidate",
    "Host",
    "Memory",
    "Optimizer",
    "Precision",
    "Projection",
    "Serving",
    "Setup",
    "Stage",
    "estimate",
    "fitting",
    "host",
    "serving",
    "setup_of",
]
