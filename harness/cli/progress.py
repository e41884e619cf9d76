"""Draws a campaign while it runs: live lines on a terminal, plain lines elsewhere."""

import time

from rich.console import Console
from rich.live import Live
from rich.text import Text

from harness.analysis.looks import Look
from harness.campaign.eta import EtaEstimator
from harness.campaign.observer import LiveSample
from harness.campaign.schedule import PlannedRun
from harness.campaign.steps import Step
from harness.faults.events import FaultEvent
from harness.load import Progress
from harness.results.findings import Verdict
from harness.scenario.model import Scenario

PLAIN_PERIOD_S = 10.0
WIDTH = 100
"""No line about the load is longer, in characters."""


class ProgressLine:
    """An observer that shows a person how far the campaign is, and when it will be done."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=4, transient=True)
        self._terminal = console.is_terminal
        self._total = 0
        self._load_s: float | None = None
        self._eta = EtaEstimator(0, 0.0)
        self._plain_due_s = 0.0

    def __enter__(self) -> "ProgressLine":
        if self._terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._terminal:
            self._live.stop()

    def campaign_begins(self, planned: list[PlannedRun], done: int, scenario: Scenario) -> None:
        """Print what is ahead."""
        self._total = len(planned)
        self._load_s = None if scenario.contention else scenario.load_s
        self._eta = EtaEstimator(len(planned) - done, scenario.load_s)
        kept = f", {done} of them kept from before" if done else ""
        each = f"{scenario.load_s:g} s of load"
        runs = "1 run" if self._total == 1 else f"{self._total} runs"
        self._console.print(f"{runs} of {each}{kept}; {self._eta.words}")

    def step(self, run: PlannedRun, step: Step) -> None:
        """Show the step that a run is in."""
        if step.name == "up":
            self._eta.run_begins()
        self._plain_due_s = 0.0
        self._show(f"{self._label(run)}  {step.words} …", important=step.name in ("up", "load"))

    def load(self, run: PlannedRun, progress: Progress, vitals: LiveSample) -> None:
        """Show the load in two lines: what buyers get, and what it costs the shop."""
        of = "" if self._load_s is None else f"/{self._load_s:g}"
        buyers = [
            f"{self._label(run)}  {vitals.t_s:.0f}{of} s",
            f"stage {progress.stage}",
            f"{progress.active} users",
            f"{progress.requests_per_s:.0f} req/s",
            f"p95 {_known(progress.p95_ms)} ms",
            f"{progress.errors} errors",
        ]
        shop = [
            f"  stock {_known(vitals.stock)}",
            f"backlog {_known(vitals.backlog)}",
            self._eta.words,
            f"cores: {_busiest_first(vitals)}",
        ]
        self._show("\n".join(_fitting(" · ".join(parts)) for parts in (buyers, shop)))

    def fault(self, run: PlannedRun, event: FaultEvent) -> None:
        """Leave a lasting line for what happened to a service."""
        self._console.print(f"{self._label(run)}  fault: {event}")

    def run_ends(self, run: PlannedRun, valid: bool, audit: Verdict, sold: int) -> None:
        """Leave one lasting line for the run."""
        self._eta.run_ends()
        validity = "valid" if valid else "INVALID"
        self._console.print(f"{self._label(run)}  sold {sold} · audit {audit} · {validity}")

    def look(self, number: int, look: Look) -> None:
        """Leave a lasting line for what is decided, and what is not."""
        self._console.print(f"look {number}, after {look.blocks} blocks: {look.words}")

    def _label(self, run: PlannedRun) -> str:
        case = f" ({run.case})" if run.case else ""
        return f"run {run.index}/{self._total} {run.variant}{case}"

    def _show(self, lines: str, important: bool = False) -> None:
        if self._terminal:
            self._live.update(Text(lines, overflow="ellipsis", no_wrap=True))
        elif important or time.monotonic() >= self._plain_due_s:
            self._plain_due_s = time.monotonic() + PLAIN_PERIOD_S
            self._console.print(lines)


def _known(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"


def _busiest_first(vitals: LiveSample) -> str:
    busy = sorted(vitals.cores.items(), key=lambda item: -item[1])
    return ", ".join(f"{service} {cores:.2f}" for service, cores in busy) or "–"


def _fitting(line: str) -> str:
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…"
