"""The audit, invariant by invariant: its verdict in each variant, and what each run showed."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.results.findings import Finding, Verdict, worst
from report import numbers
from report.evidence import Evidence, Run
from report.tables.cells import Cell, Column, Row, Table
from report.tables.judgements import verdict_cell
from report.tables.metric_tables import each_run


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
    for _, run in each_run(evidence):
        titles |= {finding.id: finding.title for finding in run.findings}
    return tuple(_invariant(evidence, name, title) for name, title in titles.items())


def _invariant(evidence: Evidence, name: str, title: str) -> Invariant:
    found = [
        (f"Run {run.index}, {variant.title}", finding)
        for variant, run in each_run(evidence)
        for finding in run.findings
        if finding.id == name
    ]
    verdict = worst(finding.verdict for _, finding in found)
    where, worst_case = next(one for one in found if one[1].verdict is verdict)
    return Invariant(
        id=name,
        title=title,
        verdict=verdict,
        verdicts=tuple((a.title, _verdict(a.runs, name)) for a in evidence.variants),
        evidence=f"{where}: {worst_case.summary}",
        runs=Table(
            f"audit-{name}",
            title,
            f"{name} in every run; {evidence.workload}.",
            (
                Column("Run", numeric=False),
                Column("Verdict", numeric=False),
                Column("Offences"),
                Column("What was seen", numeric=False),
            ),
            tuple(_row(*one) for one in found),
        ),
        offences=tuple(one for one in found if one[1].verdict is not Verdict.PASS),
    )


def _verdict(runs: Sequence[Run], name: str) -> Cell:
    verdicts = [(run, f.verdict) for run in runs for f in run.findings if f.id == name]
    if not verdicts:
        return verdict_cell("UNKNOWN")
    verdict = worst(one for _, one in verdicts)
    return verdict_cell(
        verdict.value, [run.index for run, one in verdicts if one is verdict], len(verdicts)
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
