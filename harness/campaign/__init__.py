"""The protocol: from a scenario to a folder of audited runs (DESIGN: one run, eight steps)."""

from harness.campaign.conduct import Request, resume, run
from harness.campaign.observer import Observer

__all__ = ["Observer", "Request", "resume", "run"]
