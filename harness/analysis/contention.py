"""What a contention test says: how many of its sales oversold, and how sure that makes us.

Zero oversold of 300 sales does not mean that it cannot happen; it means that, with 95 % confidence,
it happens in less than 1 % of such sales. The bound is that of Clopper and Pearson (Biometrika 26,
1934), exact for any number of oversold sales: the probability at which so few would be seen in only
5 % of such contention tests.

Nothing is ranked. Latencies here are those of buyers who start at once on one machine, which is
what is needed to provoke an oversell, not to compare shops.
"""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from harness.analysis import laws
from harness.analysis.run_facts import NANOSECONDS, RunFacts, integers, steps
from harness.analysis.summary import Audits, plain, variants_in_order, worst_findings
from harness.analysis.validity import VALID, validity
from harness.errors import UsageError
from harness.results.findings import Finding, Law, Verdict, correctness, of_set_up, worst
from harness.results.store import RunData

SCHEMA_VERSION = 2
SCHEMA_PATH = Path(__file__).with_name("contention.schema.json")
CONFIDENCE = 0.95
NO_OVERSELL = "I1"
EVERY_SALE = "every sale took place"
OFFENCES = {"lost": "I3", "duplicated": "I5", "wrongly_charged": "I6"}
"""The invariants whose offences stand beside the oversold sales."""


def upper_bound(oversold: int, sales: int, confidence: float = CONFIDENCE) -> float:
    """Return the one-sided upper bound on the probability of an oversell per sale.

    With none oversold it is 1 - (1 - confidence) ** (1 / sales).
    """
    if oversold >= sales:
        return 1.0
    return float(stats.beta.ppf(confidence, oversold + 1, sales - oversold))


def every_sale_took_place(facts: RunFacts) -> list[Law]:
    """In every sale, every buyer made one attempt and was waited for."""
    contention = facts.scenario["contention"]
    bought = facts.purchases_with("stage", "user", "key").drop_duplicates()
    attempts = bought.groupby("stage").agg(users=("user", "nunique"), keys=("key", "nunique"))
    complete = (attempts["users"] == contention["buyers"]) & (
        attempts["keys"] == contention["buyers"]
    )
    held, planned = int(complete.sum()), int(contention["sales"])
    detail = f"{held} of {planned} sales with an attempt of each of {contention['buyers']} buyers"
    verdict = Verdict.PASS if held == planned == len(attempts) else Verdict.FAIL
    missing = (planned - held) / planned
    return [Law(EVERY_SALE, verdict, missing, 0.0, detail, left=planned, right=held, unit="sales")]


LAWS: laws.Laws = ((EVERY_SALE, every_sale_took_place), *laws.IN_CONTENTION)


def sale_rows(run: RunData, findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Return what became of each sale of a run: units, attempts, the burst, and its verdicts."""
    facts = RunFacts(run)
    statuses = Counter(zip(run.orders["product_id"], run.orders["status"], strict=True))
    columns = ("stage", "key", "intended_ns", "sent_ns", "done_ns", "outcome")
    bought = dict(iter(facts.purchases_with(*columns).groupby("stage")))
    nobody = facts.purchases_with(*columns).iloc[:0]
    rows = []
    for sale in run.record.sales:
        number, product_id = sale.number, sale.product_id
        rows.append(
            {
                "run": run.index,
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


@dataclass(frozen=True, slots=True)
class _Judged:
    """A contention test with everything that decides what may be said of it."""

    run: RunData
    laws: list[Law]
    validity: dict[str, Any]
    findings: Sequence[Finding]
    sales: list[dict[str, Any]]

    @property
    def index(self) -> int:
        return self.run.index

    @property
    def is_valid(self) -> bool:
        return bool(self.validity["verdict"] == VALID)

    @property
    def audit(self) -> Verdict:
        return correctness(self.findings)


def summarise(
    campaign: Mapping[str, Any], runs: Sequence[RunData], audits: Audits | None = None
) -> dict[str, Any]:
    """Derive summary.json of contention tests; raise UsageError if there is no run."""
    if not runs:
        raise UsageError("the campaign has no finished run", "continue it with --resume")
    judged = [_judge(run, audits or {}) for run in sorted(runs, key=lambda run: run.index)]
    order = variants_in_order(campaign, [one.run for one in judged])
    by_variant = {name: [one for one in judged if one.run.variant == name] for name in order}
    contention = judged[0].run.record.scenario["contention"]
    summary = {
        "schema_version": SCHEMA_VERSION,
        "campaign": dict(campaign),
        "contention": {**contention, "confidence": CONFIDENCE},
        "variants": [
            _describe(name, order[name], of, contention) for name, of in by_variant.items()
        ],
        "sales": {
            name: [row for one in of for row in one.sales] for name, of in by_variant.items()
        },
        "audit": {name: worst_findings(of) for name, of in by_variant.items()},
        "validity": [
            {
                "index": one.index,
                "block": int(one.run.record.block),
                "variant": one.run.variant,
                **one.validity,
                "laws": [asdict(law) for law in one.laws],
            }
            for one in judged
        ],
        "warnings": _warnings(judged),
    }
    clean: dict[str, Any] = plain(summary)
    return clean


def schema() -> dict[str, Any]:
    """Return the JSON Schema of such a summary.json."""
    content: dict[str, Any] = json.loads(SCHEMA_PATH.read_text(encoding="utf-8"))
    return content


def _judge(run: RunData, audits: Audits) -> _Judged:
    found = laws.check_laws(run, LAWS)
    findings = audits.get(run.index, ())
    return _Judged(run, found, validity(run, found), findings, sale_rows(run, findings))


def _describe(
    name: str, title: str, runs: Sequence[_Judged], contention: Mapping[str, Any]
) -> dict[str, Any]:
    topology = runs[0].run.record.topology
    counted = [one for one in runs if one.is_valid]
    sales = [row for one in counted for row in one.sales]
    decided = [row for row in sales if row["oversold"] is not Verdict.UNKNOWN]
    oversold = sum(row["oversold"] is Verdict.FAIL for row in decided)
    bound = upper_bound(oversold, len(decided)) if decided else None
    return {
        "name": name,
        "title": title,
        "approach": runs[0].run.approach,
        "acknowledges": topology["acknowledges"],
        "containers": topology["containers"],
        "payment_slots": topology["payment_slots"],
        "audit_verdict": worst(one.audit for one in runs),
        "statement": _statement(name, contention, len(decided), oversold, bound),
        "sales": len(decided),
        "oversold_sales": oversold,
        "oversold_upper_bound": bound,
        **_totals(sales),
        "offences": {word: _offences(counted, id_) for word, id_ in OFFENCES.items()},
        "runs": [
            {
                "index": one.index,
                "block": one.run.record.block,
                "valid": one.is_valid,
                "counted": one.is_valid,
                "reasons": one.validity["reasons"],
                "audit_verdict": one.audit,
            }
            for one in runs
        ],
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


def _offences(runs: Sequence[_Judged], identifier: str) -> int | None:
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


def _warnings(judged: Sequence[_Judged]) -> list[str]:
    warnings = []
    for one in judged:
        where = f"run {one.index} ({one.run.variant})"
        if not one.is_valid:
            reasons = "; ".join(one.validity["reasons"])
            warnings.append(f"{where} is INVALID and left out: {reasons}")
        warnings += [f"{where}: {warning}" for warning in one.validity["warnings"]]
        warnings += [
            f"{where}: {found.category}: {found.id} {found.verdict}: {found.summary}"
            for found in of_set_up(one.findings)
        ]
    return warnings
