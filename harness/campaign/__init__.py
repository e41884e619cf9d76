"""From a scenario and its variants to a folder of audited runs."""

from harness.campaign.blocks import Blocks, begin, check, describe, reopen, resume, run
from harness.campaign.by_hand import keep_up, reset_kept
from harness.campaign.interim_looks import MOST_BLOCKS
from harness.campaign.observer import CompositeObserver, Observer
from harness.campaign.sweeps import points
from harness.campaign.topologies import Request, topologies
from harness.campaign.variants import Choice, Variant, choose

__all__ = [
    "MOST_BLOCKS",
    "Blocks",
    "Choice",
    "CompositeObserver",
    "Observer",
    "Request",
    "Variant",
    "begin",
    "check",
    "choose",
    "describe",
    "keep_up",
    "points",
    "reopen",
    "reset_kept",
    "resume",
    "run",
    "topologies",
]
