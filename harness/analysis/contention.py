"""What a contention test says: how many of its sales oversold, and how sure that makes us.

Zero oversold of 300 sales does not mean that it cannot happen; it means that, with 95 % confidence,
it happens in less than 1 % of such sales. The bound is that of Clopper and Pearson (Biometrika 26,
1934), exact for any number of oversold sales: the probability at which so few would be seen in only
5 % of such contention tests.

Nothing is ranked. Latencies here are those of buyers who start at once on one machine, which is
what is needed to provoke an oversell, not to compare shops.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from harness.analysis.columns import integers
from harness.analysis.hypothesis import judge
from harness.analysis.judged_run import (
    Audits,
    JudgedRun,
    RunGroup,
    by_variant,
    judge_runs,
    worst_findings,
)
from harness.analysis.run_facts import NANOSECONDS, steps
from harness.analysis.summary import plain
from harness.results.findings import Finding, Verdict
from harness.results.store import RunData

SCHEMA_VERSION = 2
CONFIDENCE = 0.95
NO_OVERSELL = "I1"
OFFENCES = {"lost": "I3", "duplicated": "I5", "wrongly_charged": "I6"}
"""The invariants whose offences stand beside the oversold sales."""


def upper_bound(oversold: int, sales: int) -> float:
    """Return the one-sided upper bound on the probability of an oversell per sale.

    With none oversold it is 1 - (1 - `CONFIDENCE`) ** (1 / sales).
    """
    if oversold >= sales:
        return 1.0
    return float(special.betaincinv(oversold + 1, sales - oversold, CONFIDENCE))


def sale_rows(judged: JudgedRun) -> list[dict[str, Any]]:
    """Return what became of each sale of a run: units, attempts, the burst, and its verdicts."""
    facts, findings, run = judged.facts, judged.findings, judged.facts.run
    statuses = Counter(zip(run.orders["product_id"], run.orders["status"], strict=True))
    columns = ("stage", "key", "intended_ns", "sent_ns", "done_ns", "outcome")
    bought = dict(iter(facts.purchases_with(*columns).groupby("stage")))
    nobody = facts.purchases_with(*columns).iloc[:0]
    rows = []
    for sale in run.record.sales:
        number, product_id = sale.number, sale.product_id
        rows.append(
            {
                "run": run.record.index,
                "sale": number,
                "product_id": product_id,
                "stock": sale.stock,
                "sold": statuses[product_id, "confirmed"],
                "declined": statuses[product_id, "declined"],
                **_burst(bought.get(number, nobody)),
                "oversold": _verdict(number, [f for f in findings if f.id == NO_OVERSELL]),
                "verdict": _verdict(number, findings),
            }
        )
    return rows


def _burst(bought: pd.DataFrame) -> dict[str, Any]:
    """Return how the attempts of one sale ended, how long it took, and how dense it was."""
    ends = bought.sort_values("done_ns").drop_duplicates("key", keep="last")["outcome"]
    counted = Counter(ends.tolist())
    if bought.empty:
        return {"attempts": 0, "refused": 0, "indeterminate": 0, "seconds": 0.0, "in_flight": 0}
    sent_ns, done_ns = integers(bought, "sent_ns"), integers(bought, "done_ns")
    _, in_flight = steps(sent_ns, done_ns)
    begun_ns = int(integers(bought, "intended_ns").min())
    return {
        "attempts": len(ends),
        "refused": counted["sold_out"] + counted["limited"],
        "indeterminate": counted["indeterminate"],
        "seconds": (int(done_ns.max()) - begun_ns) / NANOSECONDS,
        "in_flight": int(in_flight.max()),
    }


def _verdict(number: int, findings: Sequence[Finding]) -> Verdict:
    """Return the verdict of one sale, from findings that name the sales they are about."""
    if not findings:
        return Verdict.UNKNOWN
    if any(number in finding.failed_sales for finding in findings):
        return Verdict.FAIL
    if any(number in finding.unknown_sales for finding in findings):
        return Verdict.UNKNOWN
    return Verdict.PASS


def summarise(
    campaign: Mapping[str, Any], runs: Sequence[RunData], audits: Audits | None = None
) -> dict[str, Any]:
    """Derive summary.json of contention tests; raise UsageError if there is no run."""
    judged = judge_runs(runs, audits)
    rows = {one.record.index: sale_rows(one) for one in judged}
    variants = by_variant(campaign, judged)
    contention = judged[0].facts.scenario["contention"]
    summary = {
        "schema_version": SCHEMA_VERSION,
        "campaign": dict(campaign),
        "contention": {**contention, "confidence": CONFIDENCE},
        "variants": [
            {
                **one.describe(),
                **_numbers(one, rows, contention),
                "runs": [run.entry(counted=run.is_valid) for run in one.runs],
            }
            for one in variants
        ],
        "sales": {
            one.name: [row for run in one.runs for row in rows[run.record.index]]
            for one in variants
        },
        "audit": {one.name: worst_findings(one.runs) for one in variants},
        "validity": [one.judgement() for one in judged],
        "warnings": [warning for one in judged for warning in one.warnings("left out")],
    }
    if campaign.get("scenario", {}).get("expectations"):
        summary["experiment"] = judge(campaign["scenario"], variants, {})
    clean: dict[str, Any] = plain(summary)
    return clean


def _numbers(
    variant: RunGroup,
    rows: Mapping[int, Sequence[Mapping[str, Any]]],
    contention: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what the valid runs of a variant come to; `rows` are the sales by run."""
    counted = [one for one in variant.runs if one.is_valid]
    sales = [row for one in counted for row in rows[one.record.index]]
    decided = [row for row in sales if row["oversold"] is not Verdict.UNKNOWN]
    oversold = sum(row["oversold"] is Verdict.FAIL for row in decided)
    bound = upper_bound(oversold, len(decided)) if decided else None
    return {
        "statement": _statement(variant.name, contention, len(decided), oversold, bound),
        "sales": len(decided),
        "oversold_sales": oversold,
        "oversold_upper_bound": bound,
        **_totals(sales),
        "offences": {word: _offences(counted, id_) for word, id_ in OFFENCES.items()},
    }


def _totals(sales: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    added = ("stock", "sold", "declined", "attempts", "refused", "indeterminate")
    totals: dict[str, Any] = {name: sum(row[name] for row in sales) for name in added}
    totals["units"] = totals.pop("stock")
    seconds = sum(row["seconds"] for row in sales)
    in_flight = [row["in_flight"] for row in sales]
    return totals | {
        "attempts_per_s": totals["attempts"] / seconds if seconds else None,
        "in_flight_max": max(in_flight, default=None),
        "in_flight_median": float(np.median(in_flight)) if in_flight else None,
    }


def _offences(runs: Sequence[JudgedRun], identifier: str) -> int | None:
    """Return how many offences against an invariant were found, or None if nobody can know."""
    found = [f for one in runs for f in one.findings if f.id == identifier]
    if len(found) < max(len(runs), 1) or any(f.verdict is Verdict.UNKNOWN for f in found):
        return None
    return sum(finding.count for finding in found)


def _statement(
    name: str, contention: Mapping[str, Any], sales: int, oversold: int, bound: float | None
) -> str:
    """Return in one sentence what the contention tests of a variant say."""
    if bound is None:
        return f"{name}: nothing can be said, because no valid run was audited"
    units = f"{contention['stock_min']}–{contention['stock_max']} units"
    return (
        f"{name}: {sales} sales of {units}, {contention['buyers']} buyers each: "
        f"{oversold} oversold; "
        f"with {100 * CONFIDENCE:g} % confidence the probability of an oversell per sale is "
        f"below {bound_pct(bound)} %"
    )


def bound_pct(bound: float) -> str:
    """Return an upper bound in percent with three digits that count, rounded up as a bound must."""
    percent = 100 * bound
    digits = 2 - math.floor(math.log10(percent))
    return f"{math.ceil(percent * 10**digits - 1e-9) / 10**digits:.{max(digits, 0)}f}"
