"""summary.json: every number of the report, derived from the runs of a campaign.

It depends on nothing but the runs, their audits and the campaign's description: no clock, no random
numbers, no machine. Floats are rounded to nine digits, so that the same runs give the same bytes.
Its JSON Schema is `summary.schema.json` beside this file.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from harness.analysis.case_results import CaseRun, cases
from harness.analysis.comparability import has_one_seed
from harness.analysis.comparison import Side, compare
from harness.analysis.cost import cost
from harness.analysis.estimates import Estimate
from harness.analysis.fault_effects import effects
from harness.analysis.funnel import funnel, stage_table
from harness.analysis.growth import growth
from harness.analysis.growth import warnings as warnings_of_growth
from harness.analysis.laws import check_laws
from harness.analysis.laws.arrival_laws import laws_of
from harness.analysis.levels import levels
from harness.analysis.metrics import METRICS, estimate_all
from harness.analysis.payback import Costed
from harness.analysis.prices import Prices, load_prices
from harness.analysis.responses import responses
from harness.analysis.run_facts import RunFacts
from harness.analysis.validity import VALID, validity
from harness.errors import UsageError
from harness.results.findings import Finding, Law, Verdict, correctness, of_set_up, worst
from harness.results.store import RunData

SCHEMA_VERSION = 2
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
class _Variant:
    """The runs of one variant, and what they say."""

    name: str
    title: str
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

    @property
    def approach(self) -> str:
        return self.runs[0].facts.run.approach

    def as_costed(self, campaign: Mapping[str, Any]) -> Costed:
        stated: Mapping[str, Any] = next(
            (one for one in campaign.get("variants", ()) if one["name"] == self.name), {}
        )
        blocks = [run.block for run in self.runs]
        # A bill is that of an approach as it is by default: more replicas have another.
        billed = self.name if stated.get("scale") else self.approach
        return Costed(self.name, billed, self.facts, self.counts, blocks)

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
    without audit is UNKNOWN, and a variant with such a run is not ranked.
    """
    if not runs:
        raise UsageError("the campaign has no finished run", "continue it with --resume")
    judged = [_judge(run, audits or {}) for run in sorted(runs, key=lambda run: run.index)]
    order = variants_in_order(campaign, [one.facts.run for one in judged])
    variants = [_variant(name, title, judged) for name, title in order.items()]
    # Runs of cases differ by more than their variant: nothing about variants follows from them.
    found = cases([one.as_case() for one in judged])
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
        "funnel": {one.name: funnel([run.facts for run in one.counted]) for one in variants},
        "levels": {} if found else {one.name: levels(one.facts, one.counts) for one in variants},
        "cost": None
        if found
        else cost([one.as_costed(campaign) for one in variants], prices or load_prices()),
        "stages": {one.name: stage_table([run.facts for run in one.counted]) for one in variants},
        "responses": {one.name: responses([run.facts for run in one.counted]) for one in variants},
        "audit": {one.name: worst_findings(one.runs) for one in variants},
        "faults": [effect for one in judged for effect in one.effects],
        "cases": found,
        "growth": grown,
        "validity": [_validity(run) for run in judged],
        "warnings": [
            *_warnings(variants),
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


def variants_in_order(campaign: Mapping[str, Any], runs: Sequence[RunData]) -> dict[str, str]:
    """Return the titles of the variants that have runs, by name: the baseline first.

    The others are in the order in which they were asked for. Titles that are alike have
    the names beside them.
    """
    stated = {one["name"]: one for one in campaign.get("variants", ())}
    topologies = {run.variant: run.record.topology for run in reversed(runs)}
    rest = sorted(
        set(topologies) - set(stated), key=lambda name: int(topologies[name]["containers"])
    )
    names = [name for name in (*stated, *rest) if name in topologies]
    names.sort(key=lambda name: name != campaign.get("baseline"))
    titles = {
        name: str(stated.get(name, {}).get("title") or topologies[name]["title"]) for name in names
    }
    counted = Counter(titles.values())
    return {
        name: title if counted[title] == 1 else f"{title} ({name})"
        for name, title in titles.items()
    }


def _variant(name: str, title: str, judged: Sequence[_Judged]) -> _Variant:
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
    return _Variant(name, title, runs, counts, estimates, unranked)


def _describe(variant: _Variant) -> dict[str, Any]:
    topology = variant.runs[0].facts.topology
    clean = sum(run.audit is Verdict.PASS for run in variant.runs)
    return {
        "name": variant.name,
        "title": variant.title,
        "approach": variant.approach,
        "acknowledges": topology["acknowledges"],
        "containers": topology["containers"],
        "payment_slots": topology["payment_slots"],
        "ranked": not variant.unranked,
        "unranked_reasons": variant.unranked,
        "audit_verdict": worst(run.audit for run in variant.runs),
        "clean_runs": clean,
        "dirty_runs_upper_bound_pct": _upper_bound_pct(clean, len(variant.runs)),
        "runs": [
            {
                "index": run.index,
                "block": run.block,
                "valid": run.is_valid,
                "counted": counted,
                "reasons": run.validity["reasons"],
                "audit_verdict": run.audit,
            }
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
        "variant": run.facts.run.variant,
        **run.validity,
        "laws": [asdict(law) for law in run.laws],
    }


def _warnings(variants: Sequence[_Variant]) -> list[str]:
    warnings = []
    for variant in variants:
        if variant.unranked:
            warnings.append(f"{variant.name} is not ranked: {'; '.join(variant.unranked)}")
        for run, counted in zip(variant.runs, variant.counts, strict=True):
            where = f"run {run.index} ({variant.name})"
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
    fewest = min(sum(variant.counts) for variant in variants)
    if fewest < 3:
        warnings.append(f"only {fewest} run(s) of a variant count: 3 are the least, 5 are better")
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
