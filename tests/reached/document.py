"""What a campaign of chaos found, written into docs/reliability.md.

    python -m tests.reached.document results/<campaign>

The sum of all cases comes first, then the states and answers that nothing reaches, then the worst
of each case, then what each case reached, counted from its runs.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.analysis.coverage import Cell
from harness.analysis.fault_effects import HARM_KINDS
from tests.reached.catalogue import APPROACHES, cells
from tests.support.edits import ROOT
from tests.support.tables import row, write_between

DOCUMENT = ROOT / "docs" / "reliability.md"
TITLES = {"queue": "Queue + workers", "sync": "Synchronous"}
SUM = ("<!-- sum: written by `make coverage` -->", "<!-- end of sum -->")
WORST = ("<!-- worst: written by `make coverage` -->", "<!-- end of worst -->")
MISSED = ("<!-- not reached: written by `make coverage` -->", "<!-- end of not reached -->")
COUNTED = ("<!-- reached: written by `make coverage` -->", "<!-- end of reached -->")

MANY = 50
"""Orders in flight at a fault that surely meets some."""

Counts = Mapping[str, Mapping[Cell, int]]
"""How often each case reached each cell."""


def write(summary: Mapping[str, Any], path: Path = DOCUMENT) -> None:
    """Write what a campaign reached, and what nothing reaches, into the document."""
    by_approach = {name: counts(summary, name) for name in APPROACHES}
    write_between(path, *SUM, _sum(summary["cases"]))
    worst = [_in_flight(summary["faults"]), *(_worst(summary["cases"], n) for n in APPROACHES)]
    write_between(path, *WORST, "\n".join(worst))
    write_between(path, *MISSED, "".join(map(_missed, APPROACHES, by_approach.values())))
    write_between(path, *COUNTED, "\n".join(map(_counted, APPROACHES, by_approach.values())))


def counts(summary: Mapping[str, Any], approach: str) -> Counts:
    """Return how often each case of an approach reached each cell."""
    return {
        case["case"]: {(one["kind"], one["name"]): one["count"] for one in case["reached"]}
        for case in summary["cases"]
        if case["variant"] == approach
    }


def not_reached(approach: str, found: Counts) -> list[Cell]:
    """Return the cells that neither a case nor a test reaches."""
    reached = {cell for case in found.values() for cell in case}
    return [cell for cell, test in cells(approach).items() if cell not in reached and not test]


def _sum(cases: Sequence[Mapping[str, Any]]) -> str:
    runs = sum(case["n"] for case in cases)
    faults = sum(case["faults"] for case in cases)
    invalid = sum(len(case["invalid_runs"]) for case in cases)
    dirty = sum(case["verdict"] != "PASS" for case in cases)
    harm = ", ".join(
        f"{_total(cases, name)} {name.replace('_', ' ')}" for name in (*HARM_KINDS, "unsettled")
    )
    return (
        f"**{runs} sales, {faults} faults: {harm}. {runs - invalid} of {runs} runs are valid; "
        f"the audit of {len(cases) - dirty} of {len(cases)} cases is clean in every run.**\n"
    )


def _total(cases: Sequence[Mapping[str, Any]], name: str) -> str:
    counts = [case[name] for case in cases]
    return "an unknown number of" if None in counts else f"{sum(counts):,}"


def _in_flight(faults: Sequence[Mapping[str, Any]]) -> str:
    """Return how many orders the faults met: one that meets none proves nothing."""
    counts = [fault["in_flight"] or 0 for fault in faults]
    many = sum(count >= MANY for count in counts)
    return (
        f"Of the {len(counts)} faults {many} struck with {MANY} or more orders in flight, "
        f"each with at least {min(counts)}.\n"
    )


def _worst(cases: Sequence[Mapping[str, Any]], approach: str) -> str:
    head = _lines(
        [
            *("case", "runs", "faults", "orders in flight, least", "recovery, worst"),
            *("5xx or no answer, longest", "requests that failed, most", "harm"),
        ]
    )
    body = (_worst_row(case) for case in cases if case["variant"] == approach)
    return f"### {TITLES[approach]}\n\n{head}{''.join(body)}"


def _worst_row(case: Mapping[str, Any]) -> str:
    harm = [
        f"{'unknown' if case[name] is None else case[name]} {name.replace('_', ' ')}"
        for name in (*HARM_KINDS, "unsettled")
        if case[name] != 0
    ]
    return row(
        case["case"],
        str(case["n"]),
        str(case["faults"]),
        "–" if case["in_flight_min"] is None else str(case["in_flight_min"]),
        "–" if case["recovery_s"] is None else f"{case['recovery_s']:.1f} s",
        f"{case['failing_s'] or 0:.1f} s",
        f"{case['failed_requests']:,}",
        ", ".join(harm) or "0",
    )


def _missed(approach: str, found: Counts) -> str:
    names = ", ".join(f"`{name}`" for _, name in not_reached(approach, found))
    return f"- {TITLES[approach]}: {names or 'nothing'}.\n"


def _counted(approach: str, found: Counts) -> str:
    cases = list(found)
    numbers = "; ".join(f"{number} {name}" for number, name in enumerate(cases, start=1))
    known = cells(approach)
    reached = {cell for case in found.values() for cell in case}
    unlisted = sorted(reached - known.keys())
    listed = [cell for cell in known if cell in reached]
    head = _lines(["state, transition or answer", *map(str, range(1, len(cases) + 1))])
    body = [_row(cell, [found[case].get(cell) for case in cases]) for cell in listed + unlisted]
    tests = "".join(
        row(f"`{cell[1]}`", f"`{test}`")
        for cell, test in known.items()
        if test and cell not in reached
    )
    return (
        f"#### {TITLES[approach]}\n\nCases: {numbers}.\n\n{head}{''.join(body)}\n"
        f"Reached by a test and by no case:\n\n{_lines(['answer', 'test'])}{tests}"
    )


def _lines(titles: Sequence[str]) -> str:
    return row(*titles) + "|---|" + "---:|" * (len(titles) - 1) + "\n"


def _row(cell: Cell, found: Sequence[int | None]) -> str:
    return row(f"`{cell[1]}`", *("" if count is None else f"{count:,}" for count in found))


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    write(json.loads((folder / "summary.json").read_text(encoding="utf-8")))
