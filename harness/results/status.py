"""The status of a stored campaign, from its small files alone: a list of many must be quick."""

from dataclasses import dataclass
from pathlib import Path

from harness.results.findings import Verdict, correctness, worst
from harness.results.store import Campaign, load_findings


@dataclass(frozen=True, slots=True)
class CampaignStatus:
    """A campaign by the number of its runs, and the worst verdict on their correctness."""

    title: str
    runtime: str
    planned: int
    finished: int
    invalid: int
    audit: Verdict

    @property
    def words(self) -> str:
        """Return it in a line."""
        runs = f"{self.finished}/{self.planned} runs"
        validity = f"{self.invalid} INVALID" if self.invalid else "all valid"
        judged = f"{validity}, audit {self.audit}" if self.finished else "none finished"
        return f"{self.title}, {self.runtime}, {runs}, {judged}"


def campaign_status(path: Path) -> CampaignStatus:
    """Return the status of a campaign; raise UsageError, naming the file, if one is broken."""
    campaign = Campaign(path)
    description, folders = campaign.description(), campaign.run_folders()
    judged = [one["verdict"] for one in campaign.validity().values()]
    return CampaignStatus(
        title=str(description["title"]),
        runtime=str(description["runtime"]),
        planned=len(description["order"]),
        finished=len(folders),
        invalid=judged.count("INVALID"),
        audit=worst(correctness(load_findings(folder)) for folder in folders),
    )
