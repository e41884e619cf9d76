"""summary.json: every number of the report, derived from the runs of a campaign.

It depends on nothing but the runs, their audits and the campaign's description: no clock, no random
numbers, no machine. Floats are rounded to nine digits, so that the same runs give the same bytes.
Its JSON Schema is `summary.schema.json` beside this file.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from itertools import combinations
from pathlib import Path
from typing import Any, Protocol

from harness.analysis.arrivals import laws_of
from harness.analysis.cases import CaseRun, cases
from harness.analysis.comparability import has_one_seed
from harness.analysis.comparison import Side, compare
from harness.analysis.cost import cost
from harness.analysis.estimates import Estimate
from harness.analysis.facts import RunFacts
from harness.analysis.faults import effects
from harness.analysis.funnel import funnel, stage_table
from harness.analysis.growth import growth
from harness.analysis.growth import warnings as warnings_of_growth
from harness.analysis.laws import check_laws
from harness.analysis.levels import levels
from harness.analysis.metrics import METRICS, estimate_all
from harness.analysis.payback import Costed
from harness.analysis.prices import Prices, load_prices
from harness.analysis.responses import responses
from harness.analysis.validity import VALID, validity
from harness.errors import UsageError
from harness.results.findings import Finding, Law, Verdict, correctness, of_set_up, worst
from harness.results.store import RunData

SCHEMA_VERSION = 1
SCHEMA_PATH = Path(__file__).with_name("summary.schema.json")
DIGITS = 9

CASES_DIFFER = "its runs are of different cases, which differ by their faults or settings"

Audits = Mapping[int, Sequence[Finding]]
"""The audit's findings by index of the run."""


@dataclass(frozen=True, slots=True)
class _Judged:
    """A run with everything that decides whether it counts."""

    facts: RunFacts
    laws: list[Law]
    validity: dict[str, Any]
    findings: Sequence[Finding]
    effects: list[dict[str, Any]]

    def as_case(self) -> CaseRun:
        return CaseRun(self.facts, self.findings, self.is_valid, self.effects)

    @property
    def index(self) -> int:
        return self.facts.run.index

    @property
    def block(self) -> int:
        return self.facts.record.block

    @property
    def is_valid(self) -> bool:
        return bool(self.validity["verdict"] == VALID)

    @property
    def audit(self) -> Verdict:
        return correctness(self.findings)


@dataclass(frozen=True, slots=True)
class _Approach:
    """The runs of one approach, and what they say."""

    name: str
    runs: list[_Judged]
    counts: list[bool]
    estimates: dict[str, Estimate]
    unranked: list[str]

    @property
    def counted(self) -> list[_Judged]:
        return [run for run, counted in zip(self.runs, self.counts, strict=True) if counted]

    @property
    def facts(self) -> list[RunFacts]:
        return [run.facts for run in self.runs]

    def as_costed(self) -> Costed:
        return Costed(self.name, self.facts, self.counts, [run.block for run in self.runs])

    def side(self, metric_id: str) -> Side:
        estimate = self.estimates[metric_id]
        by_block = {
            run.block: value
            for run, counted, value in zip(self.runs, self.counts, estimate.per_run, strict=True)
            if counted
        }
        is_valid = any(run.is_valid for run in self.runs)
        return Side(self.name, by_block, estimate, is_ranked=not self.unranked, is_valid=is_valid)


def summarise(
    campaign: Mapping[str, Any],
    runs: Sequence[RunData],
    audits: Audits | None = None,
    prices: Prices | None = None,
) -> dict[str, Any]:
    """Derive summary.json from a campaign's runs and audits; raise UsageError if there is no run.

    Costs are those of the price table that comes with the harness, unless there is another. A run
    without audit is UNKNOWN, and an approach with such a run is not ranked.
    """
    if not runs:
        raise UsageError("the campaign has no finished run", "continue it with --resume")
    judged = [_judge(run, audits or {}) for run in sorted(runs, key=lambda run: run.index)]
    names = names_in_order(campaign, [one.facts.run for one in judged])
    approaches = [_approach(name, judged) for name in names]
    # Runs of cases differ by more than their approach: nothing about approaches follows from them.
    found = cases([one.as_case() for one in judged])
    pairs = [] if found else list(combinations(approaches, 2))
    grown = [row for one in judged for row in growth(one.facts)]
    summary = {
        "schema_version": SCHEMA_VERSION,
        "campaign": dict(campaign),
        "load": _load(judged[0].facts),
        "metrics": _metrics(),
        "approaches": [_describe(approach) for approach in approaches],
        "comparisons": _compare(*pairs[0]) if pairs else {},
        "further_comparisons": [
            {"baseline": one.name, "contender": other.name, "metrics": _compare(one, other)}
            for one, other in pairs[1:]
        ],
        "funnel": {a.name: funnel([run.facts for run in a.counted]) for a in approaches},
        "levels": {} if found else {a.name: levels(a.facts, a.counts) for a in approaches},
        "cost": None
        if found
        else cost([a.as_costed() for a in approaches], prices or load_prices()),
        "stages": {a.name: stage_table([run.facts for run in a.counted]) for a in approaches},
        "responses": {a.name: responses([run.facts for run in a.counted]) for a in approaches},
        "audit": {a.name: worst_findings(a.runs) for a in approaches},
        "faults": [effect for one in judged for effect in one.effects],
        "cases": found,
        "growth": grown,
        "validity": [_validity(run) for run in judged],
        "warnings": [
            *_warnings(approaches),
            *_warnings_of_seed(campaign, judged),
            *warnings_of_growth(grown),
        ],
    }
    clean: dict[str, Any] = plain(summary)
    return clean


def schema() -> dict[str, Any]:
    """Return the JSON Schema of summary.json."""
    content: dict[str, Any] = json.loads(SCHEMA_PATH.read_text(encoding="utf-8"))
    return content


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


def _judge(run: RunData, audits: Audits) -> _Judged:
    facts, findings = RunFacts(run), audits.get(run.index, ())
    laws = check_laws(run, laws_of(run.record.scenario), facts)
    judged = validity(run, laws, facts)
    return _Judged(facts, laws, judged, findings, effects(facts, findings))


def names_in_order(campaign: Mapping[str, Any], runs: Sequence[RunData]) -> list[str]:
    """Return the approaches that have runs, the one with fewest containers, the baseline, first."""
    containers: dict[str, int] = {}
    for run in runs:
        containers.setdefault(run.variant, int(run.record.topology["containers"]))
    planned = [one["name"] for one in campaign["variants"] if one["name"] in containers]
    rest = sorted(set(containers) - set(planned))
    return sorted([*planned, *rest], key=lambda name: containers[name])


def _approach(name: str, judged: Sequence[_Judged]) -> _Approach:
    runs = [run for run in judged if run.facts.run.variant == name]
    valid = [run.is_valid for run in runs]
    counts = valid if any(valid) else [True] * len(runs)
    unranked = []
    for verdict in (Verdict.FAIL, Verdict.UNKNOWN):
        dirty = [
            str(run.index)
            for run, counted in zip(runs, counts, strict=True)
            if run.audit is verdict and (counted or verdict is Verdict.FAIL)
        ]
        if dirty:
            unranked.append(f"the audit is {verdict} in run {', '.join(dirty)}")
    if not any(valid):
        unranked.append("it has no valid run")
    if any(run.facts.record.case for run in runs):
        unranked.append(CASES_DIFFER)
    estimates = estimate_all([run.facts for run in runs], counts)
    return _Approach(name, runs, counts, estimates, unranked)


def _describe(approach: _Approach) -> dict[str, Any]:
    topology = approach.runs[0].facts.topology
    clean = sum(run.audit is Verdict.PASS for run in approach.runs)
    return {
        "name": approach.name,
        "title": topology["title"],
        "acknowledges": topology["acknowledges"],
        "containers": topology["containers"],
        "payment_slots": topology["payment_slots"],
        "ranked": not approach.unranked,
        "unranked_reasons": approach.unranked,
        "audit_verdict": worst(run.audit for run in approach.runs),
        "clean_runs": clean,
        "dirty_runs_upper_bound_pct": _upper_bound_pct(clean, len(approach.runs)),
        "runs": [
            {
                "index": run.index,
                "block": run.block,
                "valid": run.is_valid,
                "counted": counted,
                "reasons": run.validity["reasons"],
                "audit_verdict": run.audit,
            }
            for run, counted in zip(approach.runs, approach.counts, strict=True)
        ],
        "metrics": {metric: asdict(value) for metric, value in approach.estimates.items()},
    }


def _upper_bound_pct(clean: int, n: int) -> float | None:
    """Return the 95 % upper bound on the share of dirty runs if none of `n` was, else None.

    None of three dirty still allows that 63 % of all runs are: 1 - 0.05^(1/n).
    """
    return 100 * (1 - 0.05 ** (1 / n)) if clean == n else None


def _compare(one: _Approach, other: _Approach) -> dict[str, Any]:
    return {
        metric.id: asdict(compare(metric, one.side(metric.id), other.side(metric.id)))
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


class Audited(Protocol):
    """A run with what its audit found."""

    @property
    def index(self) -> int:
        """Return its place in the campaign."""

    @property
    def findings(self) -> Sequence[Finding]:
        """Return every finding."""


def worst_findings(runs: Sequence[Audited]) -> list[dict[str, Any]]:
    """Return each audited invariant as its worst run has it, and which runs had that verdict."""
    by_id: dict[str, list[tuple[int, Finding]]] = {}
    for run in runs:
        for finding in run.findings:
            by_id.setdefault(finding.id, []).append((run.index, finding))
    rows = []
    for found in by_id.values():
        verdict = worst(finding.verdict for _, finding in found)
        bad = [(index, finding) for index, finding in found if finding.verdict is verdict]
        rows.append({**asdict(bad[0][1]), "runs": [index for index, _ in bad]})
    return rows


def _validity(run: _Judged) -> dict[str, Any]:
    return {
        "index": run.index,
        "block": run.block,
        "approach": run.facts.run.approach,
        **run.validity,
        "laws": [asdict(law) for law in run.laws],
    }


def _warnings(approaches: Sequence[_Approach]) -> list[str]:
    warnings = []
    for approach in approaches:
        if approach.unranked:
            warnings.append(f"{approach.name} is not ranked: {'; '.join(approach.unranked)}")
        for run, counted in zip(approach.runs, approach.counts, strict=True):
            where = f"run {run.index} ({approach.name})"
            if not run.is_valid:
                kept = "counted only because none is valid" if counted else "left out"
                warnings.append(
                    f"{where} is INVALID and {kept}: {'; '.join(run.validity['reasons'])}"
                )
            warnings += [f"{where}: {warning}" for warning in run.validity["warnings"]]
            warnings += [
                f"{where}: {found.category}: {found.id} {found.verdict}: {found.summary}"
                for found in of_set_up(run.findings)
            ]
    fewest = min(sum(approach.counts) for approach in approaches)
    if fewest < 3:
        warnings.append(f"only {fewest} run(s) of an approach count: 3 are the least, 5 are better")
    return warnings


def _warnings_of_seed(campaign: Mapping[str, Any], runs: Sequence[_Judged]) -> Sequence[str]:
    if not has_one_seed(campaign) or len({run.block for run in runs}) < 2:
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
