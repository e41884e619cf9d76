"""The protocol: from a scenario to a folder of audited runs."""

from harness.campaign.conduct import Blocks, begin, describe, reopen, resume, run
from harness.campaign.keeping import keep_up, reset_kept
from harness.campaign.looks import MOST_BLOCKS
from harness.campaign.observer import CompositeObserver, Observer
from harness.campaign.stored import compare, history, stored, summarise
from harness.campaign.systems import Request, systems

__all__ = [
    "MOST_BLOCKS",
    "Blocks",
    "CompositeObserver",
    "Observer",
    "Request",
    "begin",
    "compare",
    "describe",
    "history",
    "keep_up",
    "reopen",
    "reset_kept",
    "resume",
    "run",
    "stored",
    "summarise",
    "systems",
]
