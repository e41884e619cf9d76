"""What a campaign says about the subject of a claim, or why it says nothing."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from harness.results.findings import Verdict as Checked
from report import numbers
from report.claims.arithmetic import plain
from report.claims.claim_verdict import Ours
from report.claims.published import Claim
from report.conclusion import NO_OVERSELL
from report.evidence import Evidence, Run, Variant
from report.method import differences

NAMES: Final = {"sync": "synchronous", "queue": "queued"}
"""The approaches that the published report is about, and what they are called."""
NOT_COMPARED: Final = "neither of the two is the baseline of this campaign"


class NotMeasured(Exception):
    """There is nothing to check a claim with; the text says why."""


def subjects(evidence: Evidence) -> dict[str, Variant]:
    """Return the variants that speak for the published approaches, as they are by default."""
    stated = {one["name"]: one for one in evidence.campaign.get("variants", ())}
    found: dict[str, Variant] = {}
    for approach in NAMES:
        own = [one for one in evidence.variants if one.facts["approach"] == approach]
        own.sort(key=lambda one: bool(differences(stated.get(one.name, {}))))
        found |= {approach: own[0]} if own else {}
    return found


def find(claim: Claim, evidence: Evidence) -> Ours:
    """Return what the campaign measured of the subject of a claim; raise NotMeasured if nothing."""
    if claim.audit is not None:
        return _audited(claim.audit, evidence)
    of = subjects(evidence)
    for name in [claim.of] if claim.of else list(NAMES):
        if name not in of:
            raise NotMeasured(f"this campaign has no {NAMES[name]} approach")
        if not of[name].ranked:
            raise NotMeasured(f"{of[name].title} is not ranked: its runs are invalid or unclean")
    if claim.cost is not None:
        return _cost(claim.cost, claim.of, evidence)
    if claim.of is None:
        find_both = points if claim.unit == "points" else compared
        return find_both(str(claim.metric), evidence)
    return _of_variant(claim, of[claim.of], evidence.summary)


def _of_variant(claim: Claim, variant: Variant, summary: Mapping[str, Any]) -> Ours:
    if claim.level is not None:
        return _level(claim.level, summary["levels"][variant.name])
    if claim.metric is not None:
        digits = summary["metrics"][claim.metric]["digits"]
        return estimated(variant.estimate(claim.metric), digits)
    steps = {row["step"]: row for row in summary["funnel"][variant.name]}
    return _step(steps[str(claim.step or claim.share)], share=claim.share is not None)


def _level(up_to: int, rows: Sequence[Mapping[str, Any]]) -> Ours:
    """Return the share of failed requests on the level that ends at `up_to` users."""
    for row in rows:
        if row["up_to"] == up_to:
            return estimated(row["error_rate_pct"], 1)
    raise NotMeasured(f"no level ends at {up_to} users")


def _step(row: Mapping[str, Any], *, share: bool) -> Ours:
    """Return how many came to a step of the funnel, or which share of all attempts."""
    if not share:
        return _spanned(row["mean"], row["low"], row["high"], 0)
    if row["share_of_attempts"] is None:
        raise NotMeasured("nobody tried to buy")
    return _spanned(row["share_of_attempts"], row["share_low"], row["share_high"], 1, "%")


def _spanned(
    value: float, low: float | None, high: float | None, digits: int, unit: str = ""
) -> Ours:
    shown = {"value": value, "low": low, "high": high, "unit": unit}
    return Ours(numbers.estimate(shown, digits), value, low, high)


def estimated(estimate: Mapping[str, Any], digits: int) -> Ours:
    """Return an estimate of the summary as an answer."""
    value, low = estimate["value"], estimate["low"]
    warnings = "; ".join(map(numbers.remark, estimate["warnings"]))
    if value is None and low is None:
        raise NotMeasured(warnings)
    return Ours(numbers.estimate(estimate, digits), value, low, estimate["high"], warnings)


def comparison(metric: str, evidence: Evidence) -> Mapping[str, Any] | None:
    """Return the comparison of the queue with the synchronous variant, if there is one."""
    both = {one.name for one in subjects(evidence).values()}
    for pair in evidence.pairs:
        if {pair.baseline.name, pair.contender.name} == both:
            return pair.comparisons[metric]
    return None


def compared(metric: str, evidence: Evidence) -> Ours:
    """Return a metric of the queue ÷ that of the synchronous variant."""
    found = comparison(metric, evidence)
    if found is None:
        raise NotMeasured(NOT_COMPARED)
    if found["kind"] == "none":
        raise NotMeasured("; ".join(map(numbers.remark, found["warnings"])))
    if found["kind"] == "difference":
        return _without_factor(metric, found, evidence)
    factor, low, high = found["factor"], found["low"], found["high"]
    if found["contender"] == subjects(evidence)["sync"].name:
        factor, low, high = 1 / factor, numbers.inverse(high), numbers.inverse(low)
    return Ours(numbers.factor(factor, low, high), factor, low, high)


def _without_factor(metric: str, found: Mapping[str, Any], evidence: Evidence) -> Ours:
    """Return how two values compare of which one is zero, at least in a run.

    If one is zero in all runs, the other is more by every factor; else by an unknown one.
    """
    digits = evidence.summary["metrics"][metric]["digits"]
    of = subjects(evidence)
    sync, queue = of["sync"].estimate(metric), of["queue"].estimate(metric)
    text = f"{numbers.estimate(queue, digits)} against {numbers.estimate(sync, digits)}"
    low, high = found["low"], found["high"]
    if low is None or high is None:
        return Ours(text, None)
    if found["contender"] == of["sync"].name:
        low, high = -high, -low
    if low == high == 0:
        return Ours(text, None, 1.0, 1.0)
    if low > 0:
        return Ours(text, None, math.inf if sync["high"] == 0 else math.nextafter(1, 2), math.inf)
    if high < 0:
        return Ours(text, None, 0.0, 0.0 if queue["high"] == 0 else math.nextafter(1, 0))
    return Ours(text, None, 0.0, math.inf)


def points(metric: str, evidence: Evidence) -> Ours:
    """Return a share of the queue less that of the synchronous variant, in points.

    Its interval is that of two intervals at their worst, so it is on the safe side.
    """
    of = subjects(evidence)
    sync, queue = of["sync"].estimate(metric), of["queue"].estimate(metric)
    if sync["value"] is None or queue["value"] is None:
        raise NotMeasured("; ".join([*sync["warnings"], *queue["warnings"]]))
    value = queue["value"] - sync["value"]
    low = high = None
    if None not in (sync["low"], queue["low"]):
        low, high = queue["low"] - sync["high"], queue["high"] - sync["low"]
    shown = f"{numbers.signed(value, 1)} points {numbers.interval(low, high, 1)}".rstrip()
    return Ours(shown, value, low, high)


def _cost(name: str, approach: str | None, evidence: Evidence) -> Ours:
    cost, of = evidence.summary["cost"], subjects(evidence)
    if approach is not None:
        estimate = cost["variants"][of[approach].name][name]
        return estimated(estimate, _digits(cost["rows"], name))
    pair = cost_pair(cost, evidence)
    if pair is None:
        raise NotMeasured(NOT_COMPARED)
    if pair["dearer"] != of["queue"].name:
        raise NotMeasured("by this price table the queue is not the more expensive one")
    return estimated(pair["figures"][name], _digits(cost["figures"], name))


def cost_pair(cost: Mapping[str, Any], evidence: Evidence) -> Mapping[str, Any] | None:
    """Return how the two published approaches compare in cost, if they do."""
    both = {one.name for one in subjects(evidence).values()}
    pairs: Sequence[Mapping[str, Any]] = cost["pairs"]
    return next((one for one in pairs if {one["cheaper"], one["dearer"]} == both), None)


def _digits(described: Sequence[Mapping[str, Any]], id: str) -> int:
    return next(int(about["digits"]) for about in described if about["id"] == id)


def setting(paths: Sequence[str], evidence: Evidence) -> str | None:
    """Return settings of the campaign, multiplied; None if it has no such setting."""
    names = {approach: variant.name for approach, variant in subjects(evidence).items()}
    product = 1.0
    for path in paths:
        value: Any = evidence.summary
        keys = path.split(".")
        if keys[:2] == ["campaign", "topologies"]:
            keys[2] = names.get(keys[2], keys[2])
        for key in keys:
            if isinstance(value, list):
                value = value[int(key)] if int(key) < len(value) else None
            else:
                value = value.get(key)
            if value is None:
                return None
        product *= float(value)
    return plain(product)


def _audited(invariant: str, evidence: Evidence) -> Ours:
    """Return the offences against an invariant; an invalid run can only have some, never none."""
    found = [
        (run, finding)
        for run in evidence.runs
        for finding in run.findings
        if finding.id == invariant
    ]
    failed = sum(one.count for _, one in found if one.verdict is Checked.FAIL)
    valid = [run for run in evidence.runs if _is_valid(run)]
    passed = [run for run, one in found if one.verdict is Checked.PASS and _is_valid(run)]
    if not failed and (not valid or len(passed) < len(valid)):
        raise NotMeasured("not every run is valid and audited")
    runs = len({run.index for run, _ in found}) if failed else len(valid)
    what = "oversold" if invariant == NO_OVERSELL else f"against {invariant}"
    count = float(failed)
    said = f"{numbers.number(count)} {what} in {numbers.counted(runs, 'run')}"
    return Ours(said, count, count, count)


def _is_valid(run: Run) -> bool:
    return run.counts and "invalid" not in run.trouble
