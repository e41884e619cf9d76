"""Draws a campaign while it runs: one live line on a terminal, plain lines elsewhere."""

import time

from rich.console import Console
from rich.live import Live
from rich.text import Text

from harness.analysis.looks import Look
from harness.campaign.plan import PlannedRun
from harness.findings import Verdict
from harness.load import Progress

OVERHEAD_GUESS_S = 25.0
"""Guess of what a run takes beside its load, until the first run has shown it."""
PLAIN_PERIOD_S = 10.0


class ProgressLine:
    """An observer that tells a person how far the campaign is, and when it will be done."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=4, transient=True)
        self._terminal = console.is_terminal
        self._total = 0
        self._load_s = 0.0
        self._left = 0
        self._run_begun_s = time.monotonic()
        self._run_durations_s: list[float] = []
        self._plain_due_s = 0.0

    def __enter__(self) -> "ProgressLine":
        if self._terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._terminal:
            self._live.stop()

    def campaign_begins(self, planned: list[PlannedRun], done: int, load_s: float) -> None:
        """Say what is ahead."""
        self._total, self._left, self._load_s = len(planned), len(planned) - done, load_s
        kept = f", {done} of them kept from before" if done else ""
        self._console.print(f"{self._total} runs of {load_s:g} s of load{kept}; {self._eta(0.0)}")

    def step(self, run: PlannedRun, step: str) -> None:
        """Show the step that a run is in."""
        if step == "bring up":
            self._run_begun_s = time.monotonic()
        self._plain_due_s = 0.0
        self._show(f"{self._label(run)}  {step} …", important=step in ("bring up", "load"))

    def load(
        self, run: PlannedRun, progress: Progress, stock: float | None, backlog: float | None
    ) -> None:
        """Show the load: stage, users, rate, tail, stock, backlog, time left."""
        spent_s = time.monotonic() - self._run_begun_s
        parts = [
            f"{progress.t_s:4.0f}/{self._load_s:g} s",
            f"stage {progress.stage}",
            f"{progress.active} users",
            f"{progress.requests_per_s:.0f} req/s",
            "p95 –" if progress.p95_ms is None else f"p95 {progress.p95_ms:.0f} ms",
            f"stock {'–' if stock is None else f'{stock:.0f}'}",
            f"backlog {'–' if backlog is None else f'{backlog:.0f}'}",
            self._eta(spent_s),
        ]
        self._show(f"{self._label(run)}  " + " · ".join(parts))

    def fault(self, run: PlannedRun, news: str) -> None:
        """Leave a lasting line for what happened to a service."""
        self._console.print(f"{self._label(run)}  fault: {news}")

    def run_ends(self, run: PlannedRun, valid: bool, audit: Verdict, sold: int) -> None:
        """Leave one lasting line for the run."""
        self._left -= 1
        self._run_durations_s.append(time.monotonic() - self._run_begun_s)
        validity = "valid" if valid else "INVALID"
        self._console.print(f"{self._label(run)}  sold {sold} · audit {audit} · {validity}")

    def look(self, number: int, look: Look) -> None:
        """Leave a lasting line for what is decided, and what is not."""
        self._console.print(f"look {number}, after {look.blocks} blocks: {look.words}")

    def _label(self, run: PlannedRun) -> str:
        case = f" ({run.case})" if run.case else ""
        return f"run {run.index}/{self._total} {run.approach}{case}"

    def _eta(self, spent_s: float) -> str:
        known = self._run_durations_s
        each_s = sum(known) / len(known) if known else self._load_s + OVERHEAD_GUESS_S
        left_s = max(0.0, self._left * each_s - spent_s)
        return f"about {left_s / 60:.0f} min left" if left_s >= 90 else f"about {left_s:.0f} s left"

    def _show(self, line: str, important: bool = False) -> None:
        if self._terminal:
            self._live.update(Text(line, overflow="ellipsis", no_wrap=True))
        elif important or time.monotonic() >= self._plain_due_s:
            self._plain_due_s = time.monotonic() + PLAIN_PERIOD_S
            self._console.print(line)
