"""The kinds of limits that APIs keep, each a pure function of the requests before and the time that is handed in."""

from datasync.simulator.rules.base import Allowance, Rule, Standing
from datasync.simulator.rules.bucket import LeakyBucket
from datasync.simulator.rules.concurrency import Concurrency
from datasync.simulator.rules.counter import SlidingCounter
from datasync.simulator.rules.fixed import AlignedWindow, AnchoredWindow
from datasync.simulator.rules.nodes import Nodes
from datasync.simulator.rules.penalty import PenaltyBox
from datasync.simulator.rules.sliding import SlidingLog

__all__ = [
    "AlignedWindow",
    "Allowance",
    "AnchoredWindow",
    "Concurrency",
    "LeakyBucket",
    "Nodes",
    "PenaltyBox",
    "Rule",
    "SlidingCounter",
    "SlidingLog",
    "Standing",
]
