"""The protocol: from a scenario to a folder of audited runs (DESIGN: one run, eight steps)."""

from harness.campaign.conduct import Request, resume, run, summarise
from harness.campaign.observer import Observer
from harness.campaign.world import variables

__all__ = ["Observer", "Request", "resume", "run", "summarise", "variables"]
