"""The cases of a campaign, each by itself: what its faults did at worst, and its headline numbers.

Runs of different cases are different experiments: nothing is averaged over them, and no variant
wins by them. Cases without faults differ by their settings alone and meet the same draws, so they
are compared with the first of them, paired by block.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from harness.analysis.comparison import Side, compare
from harness.analysis.coverage import reached
from harness.analysis.fault_effects import HARM_KINDS, count_harm
from harness.analysis.judged_run import JudgedRun, RunGroup
from harness.analysis.metric import Listing
from harness.analysis.metrics import METRICS, estimate_all, listed
from harness.results.findings import correctness

_METRICS = [METRICS[name] for name in listed(Listing.MAIN)]


def cases(runs: Sequence[JudgedRun]) -> list[dict[str, Any]]:
    """Return every case of every variant, in the order in which they first ran; [] if none has."""
    groups: dict[tuple[str, str], list[JudgedRun]] = {}
    for run in runs:
        if run.record.case:
            groups.setdefault((run.record.variant, run.record.case), []).append(run)
    rows = []
    baselines: dict[str, dict[str, Side]] = {}
    for (variant, name), found in groups.items():
        group = RunGroup(name, name, found)
        estimates = estimate_all(group.facts, group.counts, _METRICS)
        row = {"variant": variant, "case": name, **_worst(found)}
        row["reached"] = reached(run.facts.run for run in found)
        row["metrics"] = {metric: asdict(value) for metric, value in estimates.items()}
        row |= {"compared_with": None, "ratios": {}}
        if not row["faults"]:
            sides = {m: group.side(value) for m, value in estimates.items()}
            first = baselines.setdefault(variant, sides)
            if first is not sides:
                row["compared_with"] = next(iter(first.values())).name
                row["ratios"] = {m: _ratio(m, first[m], side) for m, side in sides.items()}
        rows.append(row)
    return sorted(rows, key=lambda row: row["variant"])


def _worst(runs: Sequence[JudgedRun]) -> dict[str, Any]:
    """Return the worst of every effect over the runs of a case, and what was found in all."""
    effects = [effect for run in runs for effect in run.effects]

    def known_of(name: str) -> list[Any]:
        return [effect[name] for effect in effects if effect[name] is not None]

    failing = zip(known_of("failing_from_s"), known_of("failing_to_s"), strict=True)
    unsettled = sum(effect["unsettled"] or 0 for effect in effects)
    found = [count_harm(run.findings) for run in runs]
    totals = {}
    for name in HARM_KINDS:
        counts = [counted[name] for counted in found]
        known = sum(count or 0 for count in counts)
        totals[name] = None if None in counts and not known else known
    return {
        "n": len(runs),
        "runs": [run.record.index for run in runs],
        "invalid_runs": [run.record.index for run in runs if not run.is_valid],
        "verdict": correctness(f for run in runs for f in run.findings),
        "faults": len(effects),
        "recovery_s": None if unsettled else max(known_of("recovery_s"), default=None),
        "unsettled": unsettled,
        "failing_s": max((to_s - from_s for from_s, to_s in failing), default=None),
        "failed_requests": max((e["failed_requests"] or 0 for e in effects), default=None),
        "slowest_purchase_ms": max(known_of("slowest_purchase_ms"), default=None),
        **totals,
        "in_flight_min": min(known_of("in_flight"), default=None),
    }


def _ratio(metric: str, first: Side, other: Side) -> dict[str, Any]:
    return asdict(replace(compare(METRICS[metric], first, other), winner=None))
