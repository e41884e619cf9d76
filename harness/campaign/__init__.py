"""The protocol: from a scenario to a folder of audited runs."""

from harness.campaign.conduct import resume, run
from harness.campaign.observer import Observer
from harness.campaign.stored import compare, summarise
from harness.campaign.systems import Request, systems
from harness.campaign.world import variables

__all__ = [
    "Observer",
    "Request",
    "compare",
    "resume",
    "run",
    "summarise",
    "systems",
    "variables",
]
