"""The report of a campaign of cases: what each fault did, and what it must never do.

Runs of different cases are different experiments, so nothing is averaged over them, no variant is
ranked, and the graphs over time are one per case. It is a page of its own; its parts are those of
the other page.
"""

from typing import Any

from harness.results.findings import Verdict
from report import conclusion, growth_section
from report.cases import case_charts, case_tables, coverage_tables
from report.conclusion import Headline
from report.document import Document, Part, closing
from report.evidence import Evidence, Variant
from report.numbers import counted
from report.reproduce import RawRun
from report.tables import fault_table

__all__ = ["compose"]

NO_RANKING = (
    "No variant is ranked: the runs of a campaign of cases differ by what is done to them, and "
    "each variant has cases of its own."
)
ALWAYS_TOLD = ("oversold", "lost", "duplicated", "double_charged")
"""What the title counts even if there is none; the rest only where there is some."""

THREATS = (
    (
        "What recovery means.",
        "An order is due at its acceptance plus the latency drawn for its payment, but not before "
        "the fault. It was held up for as long as it was settled after that. Queueing that has "
        "nothing to do with the fault is part of it.",
    ),
    (
        "None seen is not none possible.",
        "Every fault hits one moment in every run, drawn from the seed. A moment that was not hit "
        "proves nothing; more seeds hit more moments.",
    ),
    (
        "Processes die, the machine does not.",
        "SIGKILL loses what a process holds in memory, not what the kernel holds for it. A power "
        "failure is another experiment, and rests on the settings that the audit reads back "
        "(fsync, appendfsync).",
    ),
    (
        "One host.",
        "Client, services and stores share cores and a disk, so a restart also costs those who "
        "were not hit.",
    ),
)


def compose(evidence: Evidence, raw: tuple[RawRun, ...]) -> Document:
    """Return what the report says; its figures are drawn here."""
    return Document(
        evidence=evidence,
        said=headline(evidence),
        before=(
            Part(
                "cases",
                "Cases",
                (
                    "Each case by itself, the worst of its runs. “–”: not measured, or nothing to "
                    "measure. Nothing is ranked.",
                    case_tables.cases(evidence),
                    *case_tables.side_by_side(evidence),
                ),
            ),
            *coverage_tables.parts(evidence),
            *fault_table.parts(evidence),
        ),
        graphs_lead="Every case by itself; bands with a label are its faults.",
        sections=(*case_charts.sections(evidence), *growth_section.sections(evidence)),
        audit_lead="What the client's ledger, the database, Redis and the payment gateway say of "
        "the same runs must agree, whatever was killed meanwhile. What could not be checked is "
        "UNKNOWN, never a pass.",
        after=closing(
            evidence,
            "A run whose own numbers contradict each other, or whose fault did not happen as "
            "planned, is INVALID: it is kept and shown.",
            growth_section.parts(evidence),
            THREATS,
        ),
        raw=raw,
    )


def headline(evidence: Evidence) -> Headline:
    """Return in words what the cases came to."""
    return Headline(
        title=_title(evidence),
        problems=tuple(conclusion.troubles(evidence)),
        sentences=(
            *(_recovered(evidence, variant) for variant in evidence.variants),
            *growth_section.sentences(evidence),
            NO_RANKING,
        ),
    )


def _title(evidence: Evidence) -> str:
    """Return the verdict: how much was done to the variants, and what the audit found of it."""
    cases, faults = evidence.summary["cases"], evidence.summary["faults"]
    struck = sum(fault["begun_s"] is not None for fault in faults)
    runs = sum(case["n"] for case in cases)
    done = f"{runs} runs, {struck} faults" if faults else f"{runs} runs of {len(cases)} cases"
    totals = {name: (_total(cases, name), title.lower()) for title, name in fault_table.FOUND}
    counted = [
        f"{total}\N{NO-BREAK SPACE}{title}"
        for name in (*ALWAYS_TOLD, *(name for name in totals if name not in ALWAYS_TOLD))
        for total, title in [totals[name]]
        if name in ALWAYS_TOLD or total != "0"
    ]
    verdicts = {case["verdict"] for case in cases}
    found = f"{done}: {', '.join(counted)}"
    if Verdict.FAIL in verdicts:
        return f"The audit failed. {found}"
    if Verdict.UNKNOWN in verdicts:
        return f"Not everything was audited. {found}"
    return found


def _total(cases: list[dict[str, Any]], name: str) -> str:
    counts = [case.get(name) for case in cases]
    known = sum(count or 0 for count in counts)
    return "an unknown number" if None in counts and not known else f"{known:,}"


def _recovered(evidence: Evidence, variant: Variant) -> str:
    """Return how long a variant took to recover at worst, and where."""
    cases = case_tables.cases_of(evidence, variant)
    hit = [case for case in cases if case["faults"]]
    if not hit:
        return f"{variant.title}: {counted(len(cases), 'case')} without faults."
    stuck = [case["case"] for case in hit if case["unsettled"]]
    timed = [case for case in hit if case["recovery_s"] is not None]
    said = f"{variant.title}, {counted(len(hit), 'case')} with faults"
    if timed:
        worst = max(timed, key=lambda case: case["recovery_s"])
        said += f": recovered in {worst['recovery_s']:.1f} s at the most ({worst['case']})"
    if stuck:
        said += f"; orders were never settled in {', '.join(stuck)}"
    failing = [case for case in hit if case["failing_s"]]
    if failing:
        longest = max(failing, key=lambda case: case["failing_s"])
        said += (
            f"; requests failed for {longest['failing_s']:.1f} s at the most ({longest['case']})"
        )
    in_flight = [case["in_flight_min"] for case in hit if case["in_flight_min"] is not None]
    if in_flight:
        said += f"; at least {min(in_flight)} orders were in flight at every fault"
    return f"{said}."
