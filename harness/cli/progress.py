"""Draws a campaign while it runs: a few lines and a bar on a terminal, plain lines elsewhere.

No line is cut: a service that does not fit into its line is left out as a whole.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from harness.analysis.looks import Look
from harness.campaign.eta import EtaEstimator
from harness.campaign.observer import LiveSample, Observer
from harness.campaign.schedule import PlannedRun
from harness.campaign.steps import Step
from harness.cli.application import console as terminal
from harness.cli.options import Detail
from harness.errors import Interrupted
from harness.faults.events import FaultEvent
from harness.load import Progress
from harness.results.findings import Verdict
from harness.scenario.model import Scenario

PLAIN_PERIOD_S = 10.0
WIDTH = 80
"""No line about the load is longer, in characters."""
_REDRAWN_PER_S = 2
_INDENT = "  "


@contextmanager
def progress_shown(console: Console, detail: Detail) -> Iterator[list[Observer]]:
    """Yield who shows the campaign in the terminal; nobody, if the result alone is wanted."""
    if detail is Detail.RESULT:
        yield []
        return
    with ProgressLine(console, detail) as line:
        yield [line]


@contextmanager
def resumable(command: str, folder: Path, detail: Detail) -> Iterator[list[Observer]]:
    """Show runs while they are made into `folder`, which `harness COMMAND --resume` continues.

    Raises Interrupted at Ctrl-C, with how to go on.
    """
    try:
        with progress_shown(terminal, detail) as observers:
            yield observers
    except KeyboardInterrupt as error:
        kept = sum(1 for _ in folder.glob("**/runs/[!.]*/run.json"))
        raise Interrupted(
            f"interrupted; everything is down; finished runs that are kept: {kept}",
            f"continue with: harness {command} --resume {folder}",
        ) from error


class ProgressLine:
    """An observer that shows a person how far the campaign is, and when it will be done."""

    def __init__(self, console: Console, detail: Detail = Detail.STEPS) -> None:
        self._console = console
        self._tells_all = detail is Detail.EVERYTHING
        self._redraws = console.is_terminal and not console.is_dumb_terminal
        self._live = Live(console=console, refresh_per_second=_REDRAWN_PER_S, transient=True)
        self._width = min(WIDTH, console.width) if self._redraws else WIDTH
        self._total = 0
        self._done = 0
        self._load_s: float | None = None
        self._eta = EtaEstimator(0, 0.0)
        self._plain_due_s = 0.0
        self._step: tuple[Step, float] | None = None
        self._lines: list[str] = []

    @property
    def drawn(self) -> Group:
        """Return what a terminal shows: the lines of the present run, and the bar of them all."""
        return Group(Text("\n".join(self._lines), overflow="fold"), self._bar())

    def __enter__(self) -> "ProgressLine":
        if self._redraws:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._redraws:
            self._live.stop()

    def campaign_begins(self, planned: list[PlannedRun], done: int, scenario: Scenario) -> None:
        """Print what is ahead."""
        self._total, self._done = len(planned), done
        self._load_s = None if scenario.contention else scenario.load_s
        self._eta = EtaEstimator(len(planned) - done, scenario.load_s)
        kept = f", {done} of them kept from before" if done else ""
        each = f"{scenario.load_s:g} s of load"
        runs = "1 run" if self._total == 1 else f"{self._total} runs"
        self._print(f"{runs} of {each}{kept}; {self._eta.words}")

    def step(self, run: PlannedRun, step: Step) -> None:
        """Show the step that a run is in."""
        self._step_ends(run)
        self._step = step, time.monotonic()
        if step.name == "up":
            self._eta.run_begins()
        self._plain_due_s = 0.0
        if self._tells_all:
            self._print(f"{self._label(run)}  {step.what}")
        is_told = step.name in ("up", "load") and not self._tells_all
        self._show([f"{self._label(run)}  {step.words}"], important=is_told)

    def detail(self, run: PlannedRun, words: str) -> None:
        """Leave a lasting line for what is done within a step, if it is asked for."""
        if self._tells_all:
            self._print(f"{self._label(run)}    {words}")

    def load(self, run: PlannedRun, progress: Progress, sample: LiveSample) -> None:
        """Show the load: what buyers get, and what it costs the shop."""
        of = "" if self._load_s is None else f"/{self._load_s:g}"
        where = f"{self._label(run)}  {sample.t_s:.0f}{of} s · stage {progress.stage}"
        buyers = (
            f"{_INDENT}{progress.active} users · {progress.requests_per_s:.0f} req/s · "
            f"p95 {_duration(progress.p95_ms)} · {progress.errors} errors"
        )
        shop = f"{_INDENT}stock {_known(sample.stock)} · backlog {_known(sample.backlog)}"
        if not self._redraws:  # else it is beside the bar
            shop += f" · {self._eta.words}"
        self._show([where, buyers, _with_cores(shop, sample, self._width)])

    def fault(self, run: PlannedRun, event: FaultEvent) -> None:
        """Leave a lasting line for what happened to a service."""
        self._print(f"{self._label(run)}  fault: {event}")

    def run_ends(self, run: PlannedRun, valid: bool, audit: Verdict, sold: int) -> None:
        """Leave one lasting line for the run."""
        self._step_ends(run)
        self._eta.run_ends()
        self._done += 1
        validity = "valid" if valid else "INVALID"
        self._print(f"{self._label(run)}  sold {sold} · audit {audit} · {validity}")

    def look(self, number: int, look: Look) -> None:
        """Leave a lasting line for what is decided, and what is not."""
        self._print(f"look {number}, after {look.blocks} blocks: {look.words}")

    def _step_ends(self, run: PlannedRun) -> None:
        if self._step is not None and self._tells_all:
            step, begun_s = self._step
            took_s = time.monotonic() - begun_s
            self._print(f"{self._label(run)}  {step.words} took {took_s:.1f} s")
        self._step = None

    def _label(self, run: PlannedRun) -> str:
        case = f" ({run.case})" if run.case else ""
        return f"run {run.index}/{self._total} {run.variant}{case}"

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False)

    def _show(self, lines: list[str], important: bool = False) -> None:
        """Show what is so for a moment: redrawn on a terminal, and elsewhere now and then."""
        if self._redraws:
            self._lines = lines
            self._live.update(self.drawn)
        elif important or time.monotonic() >= self._plain_due_s:
            self._plain_due_s = time.monotonic() + PLAIN_PERIOD_S
            for line in lines:
                self._print(line)

    def _bar(self) -> Table:
        """Return a bar of the whole campaign, with how many runs are done and when all will be."""
        words = f"{self._done} of {self._total} runs done · {self._eta.words}"
        share = (self._done + self._eta.part_of_run()) / max(1, self._total)
        bar = ProgressBar(1.0, min(1.0, share), width=max(10, self._width - len(words) - 1))
        grid = Table.grid(padding=(0, 1))
        grid.add_row(bar, Text(words, no_wrap=True, overflow="ignore"))
        return grid


def _known(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"


def _duration(value_ms: float | None) -> str:
    """Return a duration in ms, and from one second on in s."""
    if value_ms is None or value_ms < 999.5:
        return f"{_known(value_ms)} ms"
    value_s = value_ms / 1_000
    return f"{value_s:.{2 if value_s < 9.995 else 1}f} s"


def _with_cores(line: str, sample: LiveSample, width: int) -> str:
    """Add how many cores services use, the busiest first, as many as the line has room for."""
    busy = sorted(sample.cores.items(), key=lambda item: -item[1])
    for number, (service, cores) in enumerate(busy):
        longer = f"{line}{', ' if number else ' · cores: '}{service} {cores:.2f}"
        if len(longer) > width:
            break
        line = longer
    return line
