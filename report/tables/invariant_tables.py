"""The audit, invariant by invariant: its verdict in each variant, and what each run showed."""

from dataclasses import dataclass

from harness.results.findings import Finding, Verdict, worst
from report import numbers
from report.evidence import Evidence
from report.tables.cells import Cell, Row, Table, numeric, texts
from report.tables.judgements import audited, verdict_cell


@dataclass(frozen=True, slots=True)
class Invariant:
    """One invariant: `verdicts` by variant, `evidence` in a word, `runs` one by one.

    `offences` are the findings that are not a pass, with where they are from.
    """

    id: str
    title: str
    verdict: Verdict
    verdicts: tuple[tuple[str, Cell], ...]
    evidence: str
    runs: Table
    offences: tuple[tuple[str, Finding], ...]


def invariants(evidence: Evidence) -> tuple[Invariant, ...]:
    """Return every invariant that was audited, in the order of their numbers."""
    titles: dict[str, str] = {}
    for run in evidence.runs:
        titles |= {finding.id: finding.title for finding in run.findings}
    return tuple(_invariant(evidence, name, title) for name, title in titles.items())


def _invariant(evidence: Evidence, name: str, title: str) -> Invariant:
    found = [
        (f"Run {run.index}, {variant.title}", finding)
        for variant, run in evidence.each_run
        for finding in run.findings
        if finding.id == name
    ]
    verdict = worst(finding.verdict for _, finding in found)
    where, worst_case = next(one for one in found if one[1].verdict is verdict)
    return Invariant(
        id=name,
        title=title,
        verdict=verdict,
        verdicts=tuple((a.title, audited(a, name)) for a in evidence.variants),
        evidence=f"{where}: {worst_case.summary}",
        runs=Table(
            f"audit-{name}",
            f"{name} in every run; {evidence.workload}.",
            (*texts("Run", "Verdict"), *numeric("Offences"), *texts("What was seen")),
            tuple(_row(*one) for one in found),
        ),
        offences=tuple(one for one in found if one[1].verdict is not Verdict.PASS),
    )


def _row(where: str, finding: Finding) -> Row:
    return Row(
        (
            Cell(where),
            verdict_cell(finding.verdict.value),
            Cell(numbers.number(finding.count), float(finding.count)),
            Cell(finding.summary),
        )
    )
