"""What a campaign reports while it runs; the command line and the live page show it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from harness.analysis.looks import Look
from harness.campaign.schedule import PlannedRun
from harness.campaign.steps import Step
from harness.faults.events import FaultEvent
from harness.load import Progress
from harness.results.findings import Verdict
from harness.scenario.model import Scenario


@dataclass(frozen=True, slots=True)
class LiveSample:
    """How a deployment is, as far as it is known.

    `t_s` counts from the beginning of the load; stock and backlog are in units; `cores` is how many
    cores each service, the load and the harness have used of late.
    """

    t_s: float
    stock: float | None = None
    backlog: float | None = None
    cores: Mapping[str, float] = field(default_factory=dict)


class Observer(Protocol):
    """Receives the steps of a campaign. Called from the campaign's own thread."""

    def campaign_begins(self, planned: list[PlannedRun], done: int, scenario: Scenario) -> None:
        """Receive which runs there are, how many of them are done, and what the load of each is.

        A campaign that goes on until all is decided begins again after each look that did not.
        """

    def step(self, run: PlannedRun, step: Step) -> None:
        """Receive which step of a run begins."""

    def detail(self, run: PlannedRun, words: str) -> None:
        """Receive what is done, or was found, within a step."""

    def load(self, run: PlannedRun, progress: Progress, sample: LiveSample) -> None:
        """Receive how the load goes, about once a second, until nothing is open any more."""

    def fault(self, run: PlannedRun, event: FaultEvent) -> None:
        """Receive that a fault began, failed, or that what it hit is back."""

    def run_ends(self, run: PlannedRun, valid: bool, audit: Verdict, sold: int) -> None:
        """Receive that a run is saved, and what became of it."""

    def look(self, number: int, look: Look) -> None:
        """Receive what a look between the blocks has decided."""


def _passed_on(name: str) -> Callable[..., None]:
    def pass_on(self: "CompositeObserver", *news: object) -> None:
        for one in self.observers:
            getattr(one, name)(*news)

    return pass_on


@dataclass(frozen=True)
class CompositeObserver(Observer):
    """Passes everything on to several observers, one after the other."""

    observers: Sequence[Observer]

    campaign_begins = _passed_on("campaign_begins")
    step = _passed_on("step")
    detail = _passed_on("detail")
    load = _passed_on("load")
    fault = _passed_on("fault")
    run_ends = _passed_on("run_ends")
    look = _passed_on("look")
