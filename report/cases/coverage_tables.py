"""The table of what each case reached: states, transitions and answers, counted from the runs."""

from collections.abc import Mapping, Sequence
from typing import Any

from report.cases.case_tables import Case, cases_of
from report.document import Part
from report.evidence import Evidence, Variant
from report.tables.cells import Cell, Row, Table, numeric, texts

LEAD = (
    "How often each state of an order, each transition between states and each answer occurred, by "
    "case. Answers are those to the buyers of the load. Empty: the case did not reach it."
)


def parts(evidence: Evidence) -> tuple[Part, ...]:
    """Return what the cases of each variant reached; nothing if nothing is known of it."""
    known = [(variant, cases_of(evidence, variant)) for variant in evidence.variants]
    tables = [
        _table(evidence, variant, cases)
        for variant, cases in known
        if any(case.get("reached") for case in cases)
    ]
    return (Part("coverage", "Coverage", (LEAD, *tables)),) if tables else ()


def _table(evidence: Evidence, variant: Variant, cases: Sequence[Case]) -> Table:
    counts = {str(case["case"]): _counts(case) for case in cases}
    names = list(dict.fromkeys(cell for found in counts.values() for cell in found))
    kinds = [kind for kind, _ in names]
    ordered = sorted(names, key=lambda cell: (kinds.index(cell[0]), cell[1]))
    return Table(
        f"coverage-{variant.name}",
        f"{variant.title}: how often each was reached, in all runs of a case; {evidence.workload}.",
        (*texts("Reached"), *numeric(*counts)),
        tuple(
            Row((Cell(name), *(_cell(found.get((kind, name))) for found in counts.values())), kind)
            for kind, name in ordered
        ),
    )


def _counts(case: Case) -> dict[tuple[str, str], int]:
    reached: Sequence[Mapping[str, Any]] = case.get("reached") or ()
    return {(one["kind"], one["name"]): one["count"] for one in reached}


def _cell(count: int | None) -> Cell:
    return Cell("") if count is None else Cell(f"{count:,}", count)
