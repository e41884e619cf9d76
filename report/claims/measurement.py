"""What a campaign says about the subject of a claim, or why it says nothing."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.results.findings import Verdict as Checked
from report import numbers
from report.claims.arithmetic import plain
from report.claims.claim_verdict import Ours
from report.claims.published import Claim
from report.conclusion import NO_OVERSELL
from report.evidence import Approach, Evidence, Run

NAMES: Final = {"sync": "synchronous", "queue": "queued"}
OLD: Final = "the summary is older than this number: rebuild it with `harness report`"


@dataclass(frozen=True, slots=True)
class Nothing:
    """Why there is nothing to hold a claim against."""

    reason: str


Answer = Ours | Nothing


def find(claim: Claim, evidence: Evidence) -> Answer:
    """Return what the campaign says of what a claim speaks of."""
    if claim.audit is not None:
        return _audited(claim.audit, evidence)
    by_name = {approach.name: approach for approach in evidence.approaches}
    for name in [claim.of] if claim.of else ["sync", "queue"]:
        if name not in by_name:
            return Nothing(f"this campaign has no {NAMES[name]} approach")
        if not by_name[name].ranked:
            return Nothing(f"{by_name[name].title} is not ranked: its runs are invalid or unclean")
    if claim.cost is not None:
        return _cost(claim.cost, claim.of, evidence.summary)
    if claim.of is None:
        find_both = points if claim.unit == "points" else compared
        return find_both(str(claim.metric), evidence)
    return _of_approach(claim, by_name[claim.of], evidence.summary)


def _of_approach(claim: Claim, approach: Approach, summary: Mapping[str, Any]) -> Answer:
    if claim.level is not None:
        return _level(claim.level, summary.get("levels", {}).get(approach.name))
    if claim.metric is not None:
        if claim.metric not in approach.facts["metrics"]:
            return Nothing(OLD)
        digits = summary["metrics"][claim.metric]["digits"]
        return estimated(approach.facts["metrics"][claim.metric], digits)
    steps = {row["step"]: row for row in summary["funnel"][approach.name]}
    return _step(steps[str(claim.step or claim.share)], share=claim.share is not None)


def _level(up_to: int, rows: Sequence[Mapping[str, Any]] | None) -> Answer:
    """Return the share of failed requests on the level that ends at so many users."""
    if rows is None:
        return Nothing(OLD)
    for row in rows:
        if row["up_to"] == up_to:
            return estimated(row["error_rate_pct"], 1)
    return Nothing(f"no level ends at {up_to} users")


def _step(row: Mapping[str, Any], *, share: bool) -> Answer:
    """Return how many came to a step of the funnel, or which share of all attempts."""
    if "share_low" not in row:
        return Nothing(OLD)
    if not share:
        return _spanned(row["mean"], row["low"], row["high"], 0)
    if row["share_of_attempts"] is None:
        return Nothing("nobody tried to buy")
    return _spanned(row["share_of_attempts"], row["share_low"], row["share_high"], 1, "%")


def _spanned(
    value: float, low: float | None, high: float | None, digits: int, unit: str = ""
) -> Ours:
    shown = {"value": value, "low": low, "high": high, "unit": unit}
    return Ours(numbers.estimate(shown, digits), value, low, high)


def estimated(estimate: Mapping[str, Any], digits: int) -> Answer:
    """Return an estimate of the summary as an answer."""
    value, low = estimate["value"], estimate["low"]
    warnings = "; ".join(estimate["warnings"])
    if value is None and low is None:
        return Nothing(warnings)
    return Ours(numbers.estimate(estimate, digits), value, low, estimate["high"], warnings)


def comparison(metric: str, evidence: Evidence) -> Mapping[str, Any] | None:
    """Return the comparison of the queue with the synchronous approach, if there is one."""
    for pair in evidence.pairs:
        if {pair.first.name, pair.second.name} == {"sync", "queue"}:
            return pair.comparisons.get(metric)
    return None


def compared(metric: str, evidence: Evidence) -> Answer:
    """Return a metric of the queue ÷ that of the synchronous approach."""
    found = comparison(metric, evidence)
    if found is None:
        return Nothing(OLD)
    if found["kind"] == "none":
        return Nothing("; ".join(found["warnings"]))
    if found["kind"] == "difference":
        return _without_factor(metric, found, evidence)
    factor, low, high = found["factor"], found["low"], found["high"]
    if found["contender"] == "sync":
        factor, low, high = 1 / factor, numbers.inverse(high), numbers.inverse(low)
    return Ours(numbers.factor(factor, low, high), factor, low, high)


def _without_factor(metric: str, found: Mapping[str, Any], evidence: Evidence) -> Answer:
    """Return how two values compare of which one is zero, at least in a run.

    If one is zero in all runs, the other is more by every factor; else by an unknown one.
    """
    digits = evidence.summary["metrics"][metric]["digits"]
    sync, queue = (_metric(metric, name, evidence) for name in ("sync", "queue"))
    text = f"{numbers.estimate(queue, digits)} against {numbers.estimate(sync, digits)}"
    low, high = found["low"], found["high"]
    if low is None or high is None:
        return Ours(text, None)
    if found["contender"] == "sync":
        low, high = -high, -low
    if low == high == 0:
        return Ours(text, None, 1.0, 1.0)
    if low > 0:
        return Ours(text, None, math.inf if sync["high"] == 0 else math.nextafter(1, 2), math.inf)
    if high < 0:
        return Ours(text, None, 0.0, 0.0 if queue["high"] == 0 else math.nextafter(1, 0))
    return Ours(text, None, 0.0, math.inf)


def points(metric: str, evidence: Evidence) -> Answer:
    """Return a share of the queue less that of the synchronous approach, in points.

    Its interval is that of two intervals at their worst, so it is on the safe side.
    """
    sync, queue = (_metric(metric, name, evidence) for name in ("sync", "queue"))
    if sync["value"] is None or queue["value"] is None:
        return Nothing("; ".join([*sync["warnings"], *queue["warnings"]]))
    value = queue["value"] - sync["value"]
    low = high = None
    if None not in (sync["low"], queue["low"]):
        low, high = queue["low"] - sync["high"], queue["high"] - sync["low"]
    shown = f"{numbers.signed(value, 1)} points {numbers.interval(low, high, 1)}".rstrip()
    return Ours(shown, value, low, high)


def _metric(metric: str, name: str, evidence: Evidence) -> Mapping[str, Any]:
    facts = next(one.facts for one in evidence.approaches if one.name == name)
    found: Mapping[str, Any] = facts["metrics"][metric]
    return found


def _cost(name: str, of: str | None, summary: Mapping[str, Any]) -> Answer:
    cost = summary.get("cost")
    if not cost:
        return Nothing(OLD)
    if of is not None:
        return estimated(cost["approaches"][of][name], _digits(cost["rows"], name))
    pair = next(
        pair for pair in cost["pairs"] if {pair["cheaper"], pair["dearer"]} == {"sync", "queue"}
    )
    if pair["dearer"] != "queue":
        return Nothing("by this price table the queue is not the dearer one")
    return estimated(pair["figures"][name], _digits(cost["figures"], name))


def _digits(described: Sequence[Mapping[str, Any]], id: str) -> int:
    return next(int(about["digits"]) for about in described if about["id"] == id)


def setting(paths: Sequence[str], summary: Mapping[str, Any]) -> str | None:
    """Return settings of the campaign, multiplied; None if it has no such setting."""
    product = 1.0
    for path in paths:
        value: Any = summary
        for key in path.split("."):
            if isinstance(value, list):
                value = value[int(key)] if int(key) < len(value) else None
            else:
                value = value.get(key)
            if value is None:
                return None
        product *= float(value)
    return plain(product)


def _audited(invariant: str, evidence: Evidence) -> Answer:
    """Return the offences against an invariant; an invalid run can only have some, never none."""
    found = [
        (run, finding)
        for approach in evidence.approaches
        for run in approach.runs
        for finding in run.findings
        if finding.id == invariant
    ]
    failed = sum(one.count for _, one in found if one.verdict is Checked.FAIL)
    valid = [run for approach in evidence.approaches for run in approach.runs if _is_valid(run)]
    passed = [run for run, one in found if one.verdict is Checked.PASS and _is_valid(run)]
    if not failed and (not valid or len(passed) < len(valid)):
        return Nothing("not every run is valid and audited")
    runs = len({run.index for run, _ in found}) if failed else len(valid)
    what = "oversold" if invariant == NO_OVERSELL else f"against {invariant}"
    plural = "run" if runs == 1 else "runs"
    count = float(failed)
    return Ours(f"{numbers.number(count)} {what} in {runs} {plural}", count, count, count)


def _is_valid(run: Run) -> bool:
    return run.counts and "invalid" not in run.trouble
