"""The tables of judgement: what the audit found, which laws hold, which runs count."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.results.findings import Category, Finding, Verdict, correctness, worst
from report import numbers
from report.evidence import Evidence, Variant
from report.tables.cells import Cell, Column, Row, Table, numeric, texts

EXACT = 1e-9
"""What stands for the tolerance of a law that has none."""

TONES = {
    "PASS": "pass",
    "VALID": "pass",
    "UNKNOWN": "unknown",
    "FAIL": "fail",
    "INVALID": "fail",
}


def verdict_cell(verdict: str, runs: Sequence[int] = (), of: int = 0) -> Cell:
    """Return a verdict as a cell, with the runs that have it if not all do."""
    where = "" if len(runs) in (0, of) else f" (run {', '.join(map(str, runs))})"
    return Cell(f"{verdict}{where}", tone=TONES.get(verdict, ""))


def audit(evidence: Evidence) -> Table:
    """Return every invariant with its verdict in each variant: the worst of its runs."""
    invariants: dict[str, Finding] = {}
    for run in evidence.runs:
        invariants |= {finding.id: finding for finding in run.findings}
    rows = []
    for invariant, found in invariants.items():
        about = "" if found.category is Category.CORRECTNESS else f" ({found.category})"
        cells = [Cell(f"{invariant} · {found.title}{about}")]
        for variant in evidence.variants:
            cells.append(audited(variant, invariant))
        rows.append(Row(tuple(cells)))
    columns = [*texts("Invariant")]
    for title in evidence.titles.values():
        columns.append(Column(title, numeric=False, below=numeric(f"{title}, offences")))
    return Table(
        "audit",
        "Every audited invariant and its worst verdict over the runs; offences are added up over "
        f"the runs; {evidence.workload}.",
        tuple(columns),
        tuple(rows),
    )


def audited(variant: Variant, invariant: str) -> Cell:
    """Return the worst verdict of a variant's runs, with the offences of all below it."""
    found = [(run, f) for run in variant.runs for f in run.findings if f.id == invariant]
    if not found:
        nothing = Cell(numbers.NOTHING, note="not audited")
        return replace(verdict_cell("UNKNOWN"), below=(nothing,))
    verdict = worst(finding.verdict for _, finding in found)
    runs = [run.index for run, finding in found if finding.verdict is verdict]
    count = sum(finding.count for _, finding in found)
    offences = Cell(f"{numbers.number(count)} offences" if count else "", float(count))
    return replace(verdict_cell(verdict.value, runs, len(found)), below=(offences,))


def audit_runs(evidence: Evidence) -> Table:
    """Return every finding of every run in the audit's own words."""
    rows = [
        Row(
            (
                Cell(f"{run.index} · {variant.title}"),
                Cell(finding.id),
                Cell(finding.title),
                verdict_cell(finding.verdict.value),
                Cell(numbers.number(finding.count), float(finding.count)),
                Cell(finding.summary),
            )
        )
        for variant, run in evidence.each_run
        for finding in run.findings
    ]
    return Table(
        "audit-runs",
        f"What the audit saw in each run; {evidence.workload}.",
        (*texts("Run", "Id", "Invariant", "Verdict"), *numeric("Offences"), *texts("Summary")),
        tuple(rows),
    )


def examples(finding: Finding) -> tuple[str, ...]:
    """Return the offences that the audit kept of a finding, as JSON."""
    return tuple(
        json.dumps(example, sort_keys=True, ensure_ascii=False) for example in finding.examples
    )


def badges(evidence: Evidence) -> list[tuple[str, str]]:
    """Return what a reader wants to know before any number, in a few words, each with its tone."""
    every = evidence.runs
    states = {s["index"]: s for a in evidence.summary["variants"] for s in a["runs"]}
    n, valid = len(every), sum(bool(states[run.index]["valid"]) for run in every)
    verdict = worst(correctness(run.findings) for run in every)
    clean = sum(correctness(run.findings) is Verdict.PASS for run in every)
    laws, outcome = (Verdict.PASS, "passed") if valid == n else (Verdict.FAIL, "failed")
    return [
        (TONES[verdict.value], f"audit {verdict.value}: {clean} of {n} runs clean"),
        (TONES[laws.value], f"self-checks {outcome}: {valid} of {n} runs valid"),
    ]


def runs(evidence: Evidence) -> Table:
    """Return the runs in the order in which they ran, and whether each counts."""
    states = {s["index"]: s for a in evidence.summary["variants"] for s in a["runs"]}
    has_cases = any(run.record.case for run in evidence.runs)
    rows = []
    for variant, run in evidence.each_run:
        state = states[run.index]
        rows.append(
            Row(
                (
                    Cell(f"{run.index}", float(run.index)),
                    Cell(f"{run.block}", float(run.block)),
                    Cell(variant.title),
                    *([Cell(f"{run.record.case} (seed {run.record.seed})")] * has_cases),
                    Cell(numbers.moment(run.record.started_at)),
                    verdict_cell("VALID" if state["valid"] else "INVALID"),
                    verdict_cell(state["audit_verdict"]),
                    Cell("yes" if run.counts else "no"),
                    Cell("yes" if run.record.drained else "no"),
                    Cell("; ".join(state["reasons"])),
                )
            )
        )
    about = ("Started", "Validity", "Audit", "In estimates", "Drained", "Reasons")
    return Table(
        "runs",
        f"All runs in the order in which they were made; {evidence.workload}.",
        (
            *texts("Run"),
            *numeric("Block"),
            *texts("Variant", *["Case"] * has_cases, *about),
        ),
        tuple(rows),
    )


def laws(evidence: Evidence) -> Table:
    """Return every law with its residual and tolerance: the worst case of each variant."""
    rows = []
    judged = evidence.summary["validity"]
    names = dict.fromkeys(law["name"] for run in judged for law in run["laws"])
    for name in names:
        for variant in evidence.variants:
            checked = [
                (run["index"], law)
                for run in judged
                if run["variant"] == variant.name
                for law in run["laws"]
                if law["name"] == name
            ]
            if checked:
                rows.append(_law_row(name, variant, checked))
    return Table(
        "laws",
        "What the numbers of a run must obey: both sides, and the residual of the run and stage "
        f"that came closest to breaking it; {evidence.workload}.",
        (
            *texts("Law", "Variant", "Verdict"),
            *numeric("Left side", "Right side"),
            *texts("In"),
            *numeric("Residual", "Tolerance"),
            *texts("Where", "Detail"),
        ),
        tuple(rows),
    )


def _law_row(name: str, variant: Variant, checked: list[tuple[int, dict[str, object]]]) -> Row:
    verdict = worst(Verdict(str(law["verdict"])) for _, law in checked)
    same = [(index, law) for index, law in checked if law["verdict"] == verdict.value]
    index, law = max(same, key=lambda pair: _nearness(pair[1]))
    stage = f", stage {law['stage']}" if law["stage"] else ""
    residual, tolerance = _number(law["residual"]), _number(law["tolerance"])
    return Row(
        (
            Cell(name),
            Cell(variant.title),
            verdict_cell(verdict.value),
            *(_side(_number(law.get(side))) for side in ("left", "right")),
            Cell(str(law.get("unit") or "")),
            Cell(numbers.number(residual, 4), residual),
            Cell(numbers.number(tolerance, 2), tolerance),
            Cell(f"run {index}{stage}"),
            Cell(str(law["detail"])),
        )
    )


def _nearness(law: Mapping[str, object]) -> float:
    """Return how much of its tolerance a law has used up."""
    residual, tolerance = _number(law["residual"]), _number(law["tolerance"])
    return abs(residual or 0.0) / max(tolerance or 0.0, EXACT)


def _side(value: float | None) -> Cell:
    """Return one side of a law: whole if it is, else with digits enough to distinguish it."""
    if value is None:
        return Cell(numbers.NOTHING)
    digits = 0 if value == round(value) else 1 if abs(value) >= 1000 else 3
    return Cell(numbers.number(value, digits), value)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
