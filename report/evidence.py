"""A stored campaign, reduced to what a report shows: read run by run, so that memory stays small.

Numbers come from summary.json alone; the runs are read only for what is drawn from them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from harness.analysis.estimates import Quantity, Sample
from harness.analysis.facts import RunFacts, Stage, stages_of
from harness.analysis.growth import SHORTEST_S, levels
from harness.analysis.latency import order_time_s, purchase_latency_ms
from harness.analysis.series import Latencies, latencies, series
from harness.results.findings import Finding
from harness.results.record import RunRecord
from harness.results.store import Campaign, RunData, load_findings, load_run, read_json
from report import theme

AT_PURCHASES = "users_at_purchase"

Floats = npt.NDArray[np.float64]
Levels = Mapping[tuple[str, str], "pd.Series[float]"]


@dataclass(frozen=True, slots=True)
class Waits:
    """Sorted durations of one kind, and how many more were still unfinished at the end."""

    values: Floats
    unfinished: int = 0

    @property
    def size(self) -> int:
        """Return the number of durations, the unfinished ones included."""
        return len(self.values) + self.unfinished


@dataclass(frozen=True, slots=True)
class Run:
    """One run as it is shown.

    `counts` says whether it enters the estimates; `trouble` what is wrong with it, if anything is.
    `held` is what its services held over the load, by service and quantity (`analysis.growth`);
    `latencies` are those of its requests by kind (`analysis.series`).
    """

    index: int
    block: int
    counts: bool
    trouble: str
    seconds: pd.DataFrame
    purchase_ms: Waits
    order_time_s: Waits
    findings: tuple[Finding, ...]
    record: RunRecord
    held: Levels = field(default_factory=dict)
    latencies: Mapping[str, Latencies] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Approach:
    """One approach: its part of the summary, its runs, and its place among the approaches."""

    name: str
    title: str
    position: int
    ranked: bool
    facts: dict[str, Any]
    runs: tuple[Run, ...]

    @property
    def tone(self) -> str:
        """Return the CSS class of the approach's colour."""
        return f"approach-{self.position % len(theme.APPROACHES) + 1}"

    @property
    def named(self) -> str:
        """Return the title as it stands in a legend."""
        return self.title if self.ranked else f"{self.title} (not ranked)"

    @property
    def counted(self) -> tuple[Run, ...]:
        """Return the runs that enter the estimates."""
        return tuple(run for run in self.runs if run.counts)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two approaches and how the second compares with the first, metric by metric."""

    first: Approach
    second: Approach
    comparisons: dict[str, dict[str, Any]]

    @property
    def both(self) -> tuple[Approach, Approach]:
        """Return the two approaches."""
        return self.first, self.second

    @property
    def ranked(self) -> bool:
        """Say whether one of the two may win."""
        return self.first.ranked and self.second.ranked


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything a report is made of."""

    campaign: dict[str, Any]
    summary: dict[str, Any]
    approaches: tuple[Approach, ...]
    stages: tuple[Stage, ...]

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """Return every pair of approaches, that of the first two first; none if there is one."""
        if len(self.approaches) < 2 or self.summary.get("cases"):
            return ()
        by_name = {approach.name: approach for approach in self.approaches}
        further = (
            Pair(by_name[pair["baseline"]], by_name[pair["contender"]], pair["metrics"])
            for pair in self.summary["further_comparisons"]
        )
        first, second = self.approaches[:2]
        return (Pair(first, second, self.summary["comparisons"]), *further)

    @property
    def scenario(self) -> dict[str, Any]:
        """Return the scenario as resolved."""
        scenario: dict[str, Any] = self.campaign["scenario"]
        return scenario

    @property
    def peak_users(self) -> int:
        """Return the most users that any stage plans."""
        return max(stage.users for stage in self.stages)

    @property
    def workload(self) -> str:
        """Return what every table says of its load and its number of runs."""
        cases = {case["n"] for case in self.summary.get("cases") or ()}
        if cases:
            n = str(min(cases)) if len(cases) == 1 else f"{min(cases)} to {max(cases)}"
            plural = "" if cases == {1} else "s"
            return f"{self._crowd}, n = {n} run{plural} of each case"
        counts = [len(approach.counted) for approach in self.approaches]
        per_approach = " per approach" if len(counts) > 1 else ""
        if len(set(counts)) == 1:
            plural = "" if counts[0] == 1 else "s"
            runs = f"n = {counts[0]} run{plural}{per_approach}"
        else:
            runs = "n = " + ", ".join(
                f"{count} ({approach.title})"
                for count, approach in zip(counts, self.approaches, strict=True)
            )
            runs += " runs"
        return f"{self._crowd}, {runs}"

    @property
    def _crowd(self) -> str:
        """Return what kind of load it is, and how large."""
        if (arriving := self.scenario.get("open")) is not None:
            buyers = sum(stage["buyers"] for stage in arriving["stages"])
            return f"open workload, {buyers:,} buyers arrive"
        return f"closed workload, up to {self.peak_users:,} users{self._at_purchases}"

    @property
    def _at_purchases(self) -> str:
        """Return how many users there were when purchases were sent, of each approach."""
        found = [
            (approach.title, approach.facts["metrics"].get(AT_PURCHASES, {}).get("value"))
            for approach in self.approaches
        ]
        known = [(title, value) for title, value in found if value is not None]
        if not known:
            return ""
        each = ", ".join(
            f"{value:,.0f}" if len(found) == 1 else f"{value:,.0f} {title}"
            for title, value in known
        )
        return f" (at a purchase, median: {each})"


def read(campaign_dir: Path) -> Evidence:
    """Read a campaign's folder; raise UsageError naming the file that is missing or broken."""
    campaign = Campaign.open(campaign_dir)
    summary = read_json(campaign_dir / "summary.json")
    states = {state["index"]: state for entry in summary["approaches"] for state in entry["runs"]}
    runs: dict[str, list[Run]] = {}
    for folder in campaign.run_folders():
        data = load_run(folder)
        if data.index in states:
            findings = tuple(load_findings(folder))
            runs.setdefault(data.approach, []).append(_run(data, states[data.index], findings))
    description = campaign.description()
    approaches = tuple(
        Approach(
            name=entry["name"],
            title=entry["title"],
            position=position,
            ranked=bool(entry["ranked"]),
            facts=entry,
            runs=tuple(runs.get(entry["name"], ())),
        )
        for position, entry in enumerate(summary["approaches"])
    )
    return Evidence(description, summary, approaches, tuple(stages_of(description["scenario"])))


def _run(data: RunData, state: dict[str, Any], findings: tuple[Finding, ...]) -> Run:
    facts = RunFacts(data)
    return Run(
        index=data.index,
        block=data.record.block,
        counts=bool(state["counted"]),
        trouble=_trouble(state),
        seconds=series(data, facts),
        purchase_ms=_waits(purchase_latency_ms(facts)),
        order_time_s=_waits(order_time_s(facts)),
        findings=findings,
        record=data.record,
        held={(service, kind.id): line for (service, kind), line in levels(facts).items()}
        if facts.load_s >= SHORTEST_S
        else {},
        latencies=latencies(facts),
    )


def _trouble(state: dict[str, Any]) -> str:
    troubles = [] if state["valid"] else ["invalid"]
    if state["audit_verdict"] != "PASS":
        troubles.append(f"audit {state['audit_verdict']}")
    return ", ".join(troubles)


def _waits(quantity: Quantity) -> Waits:
    if not isinstance(quantity, Sample):
        return Waits(np.empty(0))
    return Waits(np.sort(quantity.values), len(quantity.waited))
