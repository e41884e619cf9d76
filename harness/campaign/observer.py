"""What a campaign reports while it runs; the command line and the live page show it."""

from collections.abc import Mapping, Sequence
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

    def load(self, run: PlannedRun, progress: Progress, sample: LiveSample) -> None:
        """Receive how the load goes, about once a second, until nothing is open any more."""

    def fault(self, run: PlannedRun, event: FaultEvent) -> None:
        """Receive that a fault began, failed, or that what it hit is back."""

    def run_ends(self, run: PlannedRun, valid: bool, audit: Verdict, sold: int) -> None:
        """Receive that a run is saved, and what became of it."""

    def look(self, number: int, look: Look) -> None:
        """Receive what a look between the blocks has decided."""


class CompositeObserver:
    """Passes everything on to several observers, one after the other."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = observers

    def campaign_begins(self, planned: list[PlannedRun], done: int, scenario: Scenario) -> None:
        """Pass it on."""
        for one in self._observers:
            one.campaign_begins(planned, done, scenario)

    def step(self, run: PlannedRun, step: Step) -> None:
        """Pass it on."""
        for one in self._observers:
            one.step(run, step)

    def load(self, run: PlannedRun, progress: Progress, sample: LiveSample) -> None:
        """Pass it on."""
        for one in self._observers:
            one.load(run, progress, sample)

    def fault(self, run: PlannedRun, event: FaultEvent) -> None:
        """Pass it on."""
        for one in self._observers:
            one.fault(run, event)

    def run_ends(self, run: PlannedRun, valid: bool, audit: Verdict, sold: int) -> None:
        """Pass it on."""
        for one in self._observers:
            one.run_ends(run, valid, audit, sold)

    def look(self, number: int, look: Look) -> None:
        """Pass it on."""
        for one in self._observers:
            one.look(number, look)
