"""A sweep carried out: one process, a run for each point; what is equal is made once and taken back once."""

from runner.sweeping.beginning import begin, plan, refuse_unconfirmed
from runner.sweeping.ending import cancel, down
from runner.sweeping.resuming import How, go_on

__all__ = ["How", "begin", "cancel", "down", "go_on", "plan", "refuse_unconfirmed"]
