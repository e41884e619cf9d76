"""What a campaign tells of itself while it runs; the command line draws it."""

from typing import Protocol

from harness.analysis.looks import Look
from harness.campaign.plan import PlannedRun
from harness.findings import Verdict
from harness.load import Progress


class Observer(Protocol):
    """Receives the steps of a campaign. Called from the campaign's own thread."""

    def campaign_begins(self, planned: list[PlannedRun], done: int, load_s: float) -> None:
        """Tell how many runs there are, how many are done, and how long the load of one takes.

        A campaign that goes on until all is decided begins again after each look that did not.
        """

    def step(self, run: PlannedRun, step: str) -> None:
        """Tell which of the eight steps of a run begins."""

    def load(
        self, run: PlannedRun, progress: Progress, stock: float | None, backlog: float | None
    ) -> None:
        """Tell how the load goes, about once a second; stock and backlog are in units."""

    def fault(self, run: PlannedRun, news: str) -> None:
        """Tell in words that a fault began, or that what it hit is back."""

    def run_ends(self, run: PlannedRun, valid: bool, audit: Verdict, sold: int) -> None:
        """Tell that a run is saved, and what became of it."""

    def look(self, number: int, look: Look) -> None:
        """Tell what a look between the blocks has decided."""


class Silent:
    """An observer that says nothing."""

    def campaign_begins(self, planned: list[PlannedRun], done: int, load_s: float) -> None:
        """Ignore it."""

    def step(self, run: PlannedRun, step: str) -> None:
        """Ignore it."""

    def load(
        self, run: PlannedRun, progress: Progress, stock: float | None, backlog: float | None
    ) -> None:
        """Ignore it."""

    def fault(self, run: PlannedRun, news: str) -> None:
        """Ignore it."""

    def run_ends(self, run: PlannedRun, valid: bool, audit: Verdict, sold: int) -> None:
        """Ignore it."""

    def look(self, number: int, look: Look) -> None:
        """Ignore it."""
