"""summary.json: every number of the report, derived from the runs of a campaign.

It depends on nothing but the runs, their audits and the campaign's description: no clock, no random
numbers, no machine. Floats are rounded to nine digits, so that the same runs give the same bytes.
Its JSON Schema is `summary.schema.json` beside this file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from enum import Enum
from functools import cached_property
from typing import Any

from harness.analysis.case_results import cases
from harness.analysis.comparability import has_one_seed
from harness.analysis.comparison import Side, compare
from harness.analysis.cost import cost
from harness.analysis.estimates import Estimate
from harness.analysis.failures import failures
from harness.analysis.funnel import funnel, stage_table
from harness.analysis.growth import growth
from harness.analysis.growth import warnings as warnings_of_growth
from harness.analysis.hypothesis import judge
from harness.analysis.judged_run import (
    Audits,
    JudgedRun,
    RunGroup,
    by_variant,
    judge_runs,
    worst_findings,
)
from harness.analysis.levels import levels
from harness.analysis.metric import Metric
from harness.analysis.metrics import METRICS, estimate_all
from harness.analysis.payback import Costed
from harness.analysis.prices import Prices, load_prices
from harness.analysis.responses import responses
from harness.analysis.run_facts import RunFacts
from harness.analysis.sweep import Measured, sweep
from harness.results.findings import Verdict
from harness.results.store import RunData

SCHEMA_VERSION = 2
DIGITS = 9

CASES_DIFFER = "its runs are of different cases, which differ by their faults or settings"


class _Variant(RunGroup):
    """The runs of one variant, and what they say."""

    @cached_property
    def estimates(self) -> dict[str, Estimate]:
        return estimate_all(self.facts, self.counts)

    @cached_property
    def unranked(self) -> list[str]:
        """Why it is not ranked."""
        reasons = []
        for verdict in (Verdict.FAIL, Verdict.UNKNOWN):
            dirty = [
                str(run.record.index)
                for run, counted in zip(self.runs, self.counts, strict=True)
                if run.audit is verdict and (counted or verdict is Verdict.FAIL)
            ]
            if dirty:
                reasons.append(f"the audit is {verdict} in run {', '.join(dirty)}")
        if not self.has_valid:
            reasons.append("it has no valid run")
        if any(run.record.case for run in self.runs):
            reasons.append(CASES_DIFFER)
        return reasons

    def as_costed(self, campaign: Mapping[str, Any]) -> Costed:
        stated: Mapping[str, Any] = next(
            (one for one in campaign.get("variants", ()) if one["name"] == self.name), {}
        )
        blocks = [run.record.block for run in self.runs]
        # A bill is that of an approach as it is by default: more replicas have another.
        billed = self.name if stated.get("scale") else self.runs[0].facts.record.approach
        return Costed(self.name, billed, self.facts, self.counts, blocks)

    def as_measured(self) -> Measured:
        return Measured(self, self.estimates, ranked=not self.unranked)

    def in_comparison(self, metric: Metric) -> Side:
        return self.side(self.estimates[metric.id], is_ranked=not self.unranked)


def summarise(
    campaign: Mapping[str, Any],
    runs: Sequence[RunData],
    audits: Audits | None = None,
    prices: Prices | None = None,
) -> dict[str, Any]:
    """Derive summary.json from a campaign's runs and audits; raise UsageError if there is no run.

    Costs are those of the price table that comes with the harness, unless there is another. A run
    without audit is UNKNOWN, and a variant with such a run is not ranked.
    """
    judged = judge_runs(runs, audits)
    groups = by_variant(campaign, judged)
    variants = [_Variant(one.name, one.title, one.runs) for one in groups]
    # Runs of cases differ by more than their variant: nothing about variants follows from them.
    found = cases(judged)
    baseline, *others = variants
    grown = [row for one in judged for row in growth(one.facts)]
    summary = {
        "schema_version": SCHEMA_VERSION,
        "campaign": dict(campaign),
        "load": _load(judged[0].facts),
        "metrics": _metrics(),
        "variants": [_describe(variant) for variant in variants],
        "baseline": baseline.name,
        "comparisons": [
            {
                "baseline": baseline.name,
                "contender": contender.name,
                "metrics": _compare(baseline, contender),
            }
            for contender in ([] if found else others)
        ],
        "funnel": {one.name: funnel(one.counted) for one in variants},
        "levels": {} if found else {one.name: levels(one.facts, one.counts) for one in variants},
        "cost": None
        if found
        else cost([one.as_costed(campaign) for one in variants], prices or load_prices()),
        "stages": {one.name: stage_table(one.counted) for one in variants},
        "responses": {one.name: responses(one.counted) for one in variants},
        "failures": {one.name: failures(one.counted) for one in variants},
        "audit": {one.name: worst_findings(one.runs) for one in variants},
        "faults": [effect for one in judged for effect in one.effects],
        "cases": found,
        "growth": grown,
        "validity": [run.judgement() for run in judged],
        "warnings": [
            *_warnings(variants),
            *_warnings_of_seed(campaign, judged),
            *warnings_of_growth(grown),
        ],
    }
    if not found:
        summary |= _asked(campaign, variants)
    clean: dict[str, Any] = plain(summary)
    return clean


def _asked(campaign: Mapping[str, Any], variants: Sequence[_Variant]) -> dict[str, Any]:
    """Return what only a campaign with a sweep has, and what only an experiment has."""
    scenario = campaign.get("scenario", {})
    asked: dict[str, Any] = {}
    if scenario.get("sweep"):
        asked["sweep"] = sweep(campaign, {one.name: one.as_measured() for one in variants})
    if scenario.get("expectations"):
        estimates = {one.name: one.estimates for one in variants}
        asked["experiment"] = judge(scenario, variants, estimates)
    return asked


def _metrics() -> dict[str, Any]:
    return {
        metric.id: {
            "title": metric.title,
            "unit": metric.unit,
            "better": metric.better,
            "group": metric.group,
            "digits": metric.digits,
            "description": metric.description,
            "order": order,
        }
        for order, metric in enumerate(METRICS.values(), start=1)
    }


def _describe(variant: _Variant) -> dict[str, Any]:
    clean = sum(run.audit is Verdict.PASS for run in variant.runs)
    return {
        **variant.describe(),
        "ranked": not variant.unranked,
        "unranked_reasons": variant.unranked,
        "clean_runs": clean,
        "dirty_runs_upper_bound_pct": _upper_bound_pct(clean, len(variant.runs)),
        "runs": [
            run.entry(counted=counted)
            for run, counted in zip(variant.runs, variant.counts, strict=True)
        ],
        "metrics": {metric: asdict(value) for metric, value in variant.estimates.items()},
    }


def _upper_bound_pct(clean: int, n: int) -> float | None:
    """Return the 95 % upper bound on the share of dirty runs if none of `n` was, else None.

    None of three dirty still allows that 63 % of all runs are: 1 - 0.05^(1/n).
    """
    return 100 * (1 - 0.05 ** (1 / n)) if clean == n else None


def _compare(one: _Variant, other: _Variant) -> dict[str, Any]:
    return {
        metric.id: asdict(compare(metric, one.in_comparison(metric), other.in_comparison(metric)))
        for metric in METRICS.values()
    }


def _load(facts: RunFacts) -> dict[str, Any]:
    load = facts.scenario["load"]
    arriving = facts.scenario.get("open")
    return {
        "model": "open" if arriving else "closed",
        "peak_users": max(stage.users for stage in facts.stages),
        "arrivals": sum(stage["buyers"] for stage in arriving["stages"]) if arriving else None,
        "seconds": facts.load_s,
        "buyer": load["buyer"],
        "think_min_s": load["think_min_s"],
        "think_max_s": load["think_max_s"],
        "request_timeout_s": load["request_timeout_s"],
    }


def _warnings(variants: Sequence[_Variant]) -> list[str]:
    warnings = []
    for variant in variants:
        if variant.unranked:
            warnings.append(f"{variant.name} is not ranked: {'; '.join(variant.unranked)}")
        for run, counted in zip(variant.runs, variant.counts, strict=True):
            warnings += run.warnings(
                "counted only because none is valid" if counted else "left out"
            )
    fewest = min(sum(variant.counts) for variant in variants)
    if fewest < 3:
        warnings.append(f"only {fewest} run(s) of a variant count: 3 are the least, 5 are better")
    return warnings


def _warnings_of_seed(campaign: Mapping[str, Any], runs: Sequence[JudgedRun]) -> Sequence[str]:
    if not has_one_seed(campaign) or len({run.record.block for run in runs}) < 2:
        return ()
    return ("all blocks have one seed: intervals leave out what another draw would change",)


def plain(value: Any) -> Any:
    """Return JSON values: floats of `DIGITS` digits, enums as text, tuples as lists."""
    match value:
        case Enum():
            return value.value
        case float():
            return float(f"{value:.{DIGITS}g}")
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case _:
            return value.item() if hasattr(value, "item") else value
