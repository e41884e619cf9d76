"""What the page shows of a running campaign: an observer that remembers, in bounded memory.

Readers ask for what is new to them and wait until there is something; who cannot follow misses no
more than the samples that have left the board meanwhile.
"""

import json
import threading
from collections import deque
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from harness.analysis.looks import Look
from harness.campaign.eta import EtaEstimator
from harness.campaign.observer import LiveSample
from harness.campaign.schedule import PlannedRun
from harness.campaign.steps import STEPS, Step
from harness.faults.events import FaultEvent
from harness.load import Progress
from harness.results.findings import Verdict
from harness.scenario.model import Scenario, Stage
from harness.scenario.open_load import ArrivalStage

KEPT_SAMPLES: Final = 3600
"""Samples of one run that are kept: an hour of them, at one a second."""


@dataclass(frozen=True, slots=True)
class Seen:
    """How far a reader has read: the last change, and the last sample of a run."""

    change: int = 0
    run: int = 0
    sample: int = 0


@dataclass(slots=True)
class _Fault:
    """A fault on the charts; it goes on as long as `to_s` is None."""

    name: str
    words: str
    from_s: float
    to_s: float | None


@dataclass(slots=True)
class _Run:
    """The run that is being made."""

    planned: PlannedRun
    number: int
    step: Step = STEPS[0]
    stage: str = ""
    requests: int = 0
    errors: int = 0
    taken: int = 0
    samples: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=KEPT_SAMPLES))
    faults: list[_Fault] = field(default_factory=list)


class Board:
    """An observer whose knowledge can be read from other threads, as JSON."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._changed = threading.Condition()
        self._change = 0
        self._campaign: dict[str, Any] = {}
        self._plans_users = True
        self._eta = EtaEstimator(0, 0.0)
        self._run: _Run | None = None
        self._runs_begun = 0
        self._finished: list[dict[str, Any]] = []
        self._look = ""
        self._over, self._broken = "", False
        self._closed = False

    # -- what a campaign reports

    def campaign_begins(self, planned: list[PlannedRun], done: int, scenario: Scenario) -> None:
        """Note what is ahead."""
        with self._changed:
            self._eta = EtaEstimator(len(planned) - done, scenario.load_s)
            self._campaign = {
                "title": scenario.title,
                "workload": scenario.workload,
                "folder": str(self._folder),
                "runs": len(planned),
                "kept": done,
                "variants": sorted({run.variant for run in planned}),
                "load_s": None if scenario.contention else scenario.load_s,
                "stages": _stages(scenario),
            }
            self._plans_users = bool(scenario.stages)
            self._notify()

    def step(self, run: PlannedRun, step: Step) -> None:
        """Note the step; the first of a run begins new charts."""
        with self._changed:
            if self._run is None or self._run.planned != run:
                self._runs_begun += 1
                self._run = _Run(run, self._runs_begun)
                self._eta.run_begins()
            self._run.step = step
            self._notify()

    def detail(self, run: PlannedRun, words: str) -> None:
        """Leave what is done within a step to the terminal."""

    def load(self, run: PlannedRun, progress: Progress, vitals: LiveSample) -> None:
        """Note one sample."""
        with self._changed:
            current = self._current(run)
            before = current.samples[-1] if current.samples else None
            errors = progress.errors - current.errors
            since_s = vitals.t_s - (before["t_s"] if before else 0.0)
            current.stage, current.requests = progress.stage, progress.requests
            current.errors = progress.errors
            current.taken += 1
            current.samples.append(
                {
                    "t_s": round(vitals.t_s, 2),
                    "planned": round(progress.planned, 1) if self._plans_users else None,
                    "active": progress.active,
                    "requests": round(progress.requests_per_s, 2),
                    "errors": round(errors / since_s, 2) if since_s > 0 else None,
                    "api_p95_ms": progress.p95_ms,
                    "stock_left": vitals.stock,
                    "backlog": vitals.backlog,
                    "cores": {name: round(used, 3) for name, used in vitals.cores.items()},
                }
            )
            self._notify()

    def fault(self, run: PlannedRun, event: FaultEvent) -> None:
        """Note when a fault began, and when it was over."""
        with self._changed:
            faults = self._current(run).faults
            begun = [one for one in faults if one.name == event.name and one.to_s is None]
            if not begun:
                to_s = event.t_s if event.is_over else None
                faults.append(_Fault(event.name, event.words, event.t_s, to_s))
            elif event.is_over:
                begun[0].words, begun[0].to_s = event.words, event.t_s
            self._notify()

    def run_ends(self, run: PlannedRun, valid: bool, audit: Verdict, sold: int) -> None:
        """Note what became of a run."""
        with self._changed:
            self._eta.run_ends()
            self._finished.append(
                {
                    "index": run.index,
                    "variant": run.variant,
                    "case": run.case,
                    "sold": sold,
                    "audit": audit,
                    "validity": "VALID" if valid else "INVALID",
                }
            )
            self._notify()

    def look(self, number: int, look: Look) -> None:
        """Note what is decided, and what is not."""
        with self._changed:
            self._look = f"look {number}, after {look.blocks} blocks: {look.words}"
            self._notify()

    def ends(self, words: str, *, broken: bool) -> None:
        """Note in words that all is over, or was broken off."""
        with self._changed:
            self._over, self._broken = words, broken
            self._notify()

    def close(self) -> None:
        """Let every reader go once it has received everything."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    # -- what readers ask

    def updates(self, seen: Seen) -> tuple[Seen, str] | None:
        """Wait until there is more than was seen, and return it as JSON; None once it is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._change > seen.change or self._closed)
            if self._change == seen.change:
                return None
            run = self._run
            if run is None:
                return Seen(self._change), json.dumps(self._state() | {"run": None})
            is_new = seen.run != run.number
            missing = run.taken - (0 if is_new else seen.sample)
            samples = list(run.samples)[-missing:] if missing else []
            update = {"run": self._run_state(run), "is_new": is_new, "samples": samples}
            seen = Seen(self._change, run.number, run.taken)
            return seen, json.dumps(self._state() | update)

    def _state(self) -> dict[str, Any]:
        return {
            "campaign": self._campaign,
            "left": " · ".join(filter(None, (self._eta.words, self._look))),
            "finished": self._finished,
            "over": self._over,
            "broken": self._broken,
            "kept_samples": KEPT_SAMPLES,
        }

    def _run_state(self, run: _Run) -> dict[str, Any]:
        return {
            "index": run.planned.index,
            "variant": run.planned.variant,
            "case": run.planned.case,
            "step": run.step.words,
            "step_number": STEPS.index(run.step) + 1,
            "steps": len(STEPS),
            "stage": run.stage,
            "requests": run.requests,
            "errors": run.errors,
            "faults": [asdict(fault) for fault in run.faults],
        }

    def _current(self, run: PlannedRun) -> _Run:
        if self._run is None or self._run.planned != run:
            raise ValueError(f"run {run.index} has begun no step")
        return self._run

    def _notify(self) -> None:
        self._change += 1
        self._changed.notify_all()


def _stages(scenario: Scenario) -> list[tuple[float, float, str]]:
    """Return the stages as spans of time, named as in the report; a contention test has none."""
    arriving = () if scenario.open is None else scenario.open.stages
    named: list[Stage | ArrivalStage] = [*scenario.stages, *arriving]
    edges_s = pairwise((0.0, *scenario.schedule.ends_s))
    return [
        (begins_s, ends_s, f"{number} {stage.name}")
        for number, (stage, (begins_s, ends_s)) in enumerate(zip(named, edges_s, strict=True), 1)
    ]
