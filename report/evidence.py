"""A stored campaign, reduced to what a report shows: read run by run, so that memory stays small.

Numbers come from summary.json alone; the runs are read only for what is drawn from them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from harness.analysis import is_outdated
from harness.analysis.columns import floats
from harness.analysis.estimates import Quantity, Sample
from harness.analysis.growth import SHORTEST_S, levels
from harness.analysis.latency import order_time_s, purchase_latency_ms
from harness.analysis.node_usage import NodeUsage, generator_cores, node_usages
from harness.analysis.run_facts import RunFacts, Stage, stages_of
from harness.analysis.series import Latencies, latencies, series
from harness.errors import UsageError
from harness.results.findings import Finding
from harness.results.record import RunRecord
from harness.results.store import Campaign, RunData, load_findings, load_run, read_json
from harness.scenario.sweeps import PEAK_USERS, RATE
from report import numbers
from report.charts import theme

AT_PURCHASES = "users_at_purchase"
KEPT_ANSWERS = "experiments/answers.json"
"""Beside a campaign: the answer of every kept experiment, by its name."""
MOST_NAMED = 3
"""The most variants that a caption names one by one."""

Floats = npt.NDArray[np.float64]
Levels = Mapping[tuple[str, str], "pd.Series[float]"]


@dataclass(frozen=True, slots=True)
class Durations:
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
    `latencies` are those of its requests by kind (`analysis.series`). A run of a contention test
    has no load over time: `purchase_ms` are all its answers, and the rest is empty.
    `nodes` are the machines of a shop on several.
    """

    index: int
    block: int
    counts: bool
    trouble: str
    seconds: pd.DataFrame
    purchase_ms: Durations
    order_time_s: Durations
    findings: tuple[Finding, ...]
    record: RunRecord
    held: Levels = field(default_factory=dict)
    latencies: Mapping[str, Latencies] = field(default_factory=dict)
    nodes: tuple[NodeUsage, ...] = ()
    generator_cores: float | None = None


@dataclass(frozen=True, slots=True)
class Variant:
    """One variant: its part of the summary, its runs, and its place among the variants."""

    name: str
    title: str
    position: int
    ranked: bool
    facts: dict[str, Any]
    runs: tuple[Run, ...]

    @property
    def tone(self) -> str:
        """Return the role of the variant's colour, which is its CSS class as well."""
        return theme.variant_role(self.position)

    @property
    def named(self) -> str:
        """Return the title as it stands in a legend."""
        return self.title if self.ranked else f"{self.title} (not ranked)"

    @property
    def counted(self) -> tuple[Run, ...]:
        """Return the runs that enter the estimates."""
        return tuple(run for run in self.runs if run.counts)

    def estimate(self, metric: str) -> dict[str, Any]:
        """Return what the summary says of a metric."""
        found: dict[str, Any] = self.facts["metrics"][metric]
        return found

    def value(self, metric: str) -> float | None:
        """Return the value of a metric, if there is one."""
        found: float | None = self.facts["metrics"].get(metric, {}).get("value")
        return found


@dataclass(frozen=True, slots=True)
class Pair:
    """The baseline and a contender, and how the contender compares with it, metric by metric."""

    baseline: Variant
    contender: Variant
    comparisons: dict[str, dict[str, Any]]

    @property
    def both(self) -> tuple[Variant, Variant]:
        """Return the two variants."""
        return self.baseline, self.contender

    @property
    def ranked(self) -> bool:
        """Return True if one of the two may win."""
        return self.baseline.ranked and self.contender.ranked


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything a report is made of; `answers` are those of the experiments kept beside it."""

    campaign: dict[str, Any]
    summary: dict[str, Any]
    variants: tuple[Variant, ...]
    stages: tuple[Stage, ...]
    answers: Mapping[str, str] = field(default_factory=dict)

    @property
    def titles(self) -> dict[str, str]:
        """Return the titles of the variants by their name."""
        return {variant.name: variant.title for variant in self.variants}

    @property
    def each_run(self) -> list[tuple[Variant, Run]]:
        """Return every run with its variant, in the order in which they ran."""
        found = [(variant, run) for variant in self.variants for run in variant.runs]
        return sorted(found, key=lambda pair: pair[1].index)

    @property
    def runs(self) -> list[Run]:
        """Return every run, in the order in which they ran."""
        return [run for _, run in self.each_run]

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """Return every other variant with the baseline; none of a campaign of cases."""
        by_name = {variant.name: variant for variant in self.variants}
        return tuple(
            Pair(by_name[found["baseline"]], by_name[found["contender"]], found["metrics"])
            for found in self.summary["comparisons"]
        )

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
        if contention := self.summary.get("contention"):
            each = [len(variant.runs) for variant in self.variants]
            n = " + ".join(map(str, each)) if len(set(each)) > 1 else each[0]
            return (
                f"contention test: {contention['sales']} sales of {contention['stock_min']} to "
                f"{contention['stock_max']} units per run, {contention['buyers']} buyers at once, "
                f"n = {n} run{'' if n == 1 else 's'} per variant"
            )
        cases = {case["n"] for case in self.summary.get("cases") or ()}
        if cases:
            n = min(cases) if len(cases) == 1 else f"{min(cases)} to {max(cases)}"
            plural = "" if cases == {1} else "s"
            return f"{self._crowd}, n = {n} run{plural} of each case"
        counts = {variant.title: len(variant.counted) for variant in self.variants}
        first = next(iter(counts.values()))
        if any(count != first for count in counts.values()):
            each_n = ", ".join(f"{count} ({title})" for title, count in counts.items())
            return f"{self._crowd}, n = {each_n} runs"
        per_variant = " per variant" if len(counts) > 1 else ""
        return f"{self._crowd}, n = {numbers.counted(first, 'run')}{per_variant}"

    @property
    def _crowd(self) -> str:
        """Return what kind of load it is, and how large."""
        if (arriving := self.scenario.get("open")) is not None:
            if rates := self._swept(RATE):
                return f"open workload, {min(rates):,g} to {max(rates):,g} arrivals per second"
            buyers = sum(stage["buyers"] for stage in arriving["stages"])
            return f"open workload, {buyers:,} buyers arrive"
        return f"closed workload, up to {self._peaks} users{self._at_purchases}"

    @property
    def _peaks(self) -> str:
        """Return the users at the peak, or the least and the most that a sweep makes of them."""
        swept = self._swept(PEAK_USERS)
        return f"{min(swept):,} to {max(swept):,}" if swept else f"{self.peak_users:,}"

    def _swept(self, key: str) -> list[float]:
        """Return the values that the variants of a sweep, or of a search, have of a key."""
        points = [one.get("scenario") or {} for one in self.campaign.get("variants", ())]
        return [point[key] for point in points if key in point]

    @property
    def _at_purchases(self) -> str:
        """Return how many users there were when purchases were sent, of each variant."""
        found = [(variant.title, variant.value(AT_PURCHASES)) for variant in self.variants]
        known = [(title, value) for title, value in found if value is not None]
        if not known:
            return ""
        if len(known) > MOST_NAMED:
            values = [value for _, value in known]
            each = f"{min(values):,.0f} to {max(values):,.0f}"
        else:
            each = ", ".join(
                f"{value:,.0f}" if len(found) == 1 else f"{value:,.0f} {title}"
                for title, value in known
            )
        return f" (at a purchase, median: {each})"


def read(campaign_dir: Path) -> Evidence:
    """Read a campaign's folder; raise UsageError naming the file that is missing or broken."""
    campaign = Campaign.open(campaign_dir)
    path = campaign_dir / "summary.json"
    summary = read_json(path)
    if is_outdated(summary):
        raise UsageError(
            f"{path} is of another version of the harness",
            f"make it anew from the runs: harness report {campaign_dir}",
        )
    states = {state["index"]: state for entry in summary["variants"] for state in entry["runs"]}
    runs: dict[str, list[Run]] = {}
    for folder in campaign.run_folders():
        data = load_run(folder)
        if data.index in states:
            findings = tuple(load_findings(folder))
            runs.setdefault(data.variant, []).append(_run(data, states[data.index], findings))
    description = campaign.description()
    variants = tuple(
        Variant(
            name=entry["name"],
            title=entry["title"],
            position=position,
            ranked=bool(entry.get("ranked", True)),  # nobody is, or left out, in a contention test
            facts=entry,
            runs=tuple(runs.get(entry["name"], ())),
        )
        for position, entry in enumerate(summary["variants"])
    )
    stages = [] if summary.get("contention") else stages_of(description["scenario"])
    kept = campaign_dir.resolve().parent / KEPT_ANSWERS
    answers = read_json(kept) if kept.exists() else {}
    return Evidence(description, summary, variants, tuple(stages), answers)


def _run(data: RunData, state: dict[str, Any], findings: tuple[Finding, ...]) -> Run:
    facts = RunFacts(data)
    run = Run(
        index=data.index,
        block=data.record.block,
        counts=bool(state["counted"]),
        trouble=_trouble(state),
        seconds=pd.DataFrame(),
        purchase_ms=_answers(facts),
        order_time_s=Durations(np.empty(0)),
        findings=findings,
        record=data.record,
        nodes=node_usages(facts),
        generator_cores=generator_cores(facts),
    )
    if data.record.scenario.get("contention"):
        return run
    is_long = facts.load_s >= SHORTEST_S
    return replace(
        run,
        seconds=series(facts),
        purchase_ms=_durations(purchase_latency_ms(facts)),
        order_time_s=_durations(order_time_s(facts)),
        held={(service, kind.id): line for (service, kind), line in levels(facts).items()}
        if is_long
        else {},
        latencies=latencies(facts),
    )


def _trouble(state: dict[str, Any]) -> str:
    troubles = [] if state["valid"] else ["invalid"]
    if state["audit_verdict"] != "PASS":
        troubles.append(f"audit {state['audit_verdict']}")
    return ", ".join(troubles)


def _durations(quantity: Quantity) -> Durations:
    if not isinstance(quantity, Sample):
        return Durations(np.empty(0))
    return Durations(np.sort(quantity.values), len(quantity.waited))


def _answers(facts: RunFacts) -> Durations:
    """Return how long each request to buy took, and how many had no answer."""
    bought = facts.purchases
    answered = bought["answered"].to_numpy(dtype=np.bool_)
    return Durations(np.sort(floats(bought[answered], "latency_ms")), int((~answered).sum()))
