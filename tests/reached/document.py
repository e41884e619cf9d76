"""The coverage of states and answers in docs/reliability.md, counted from a campaign of chaos.

    python -m tests.reached.document results/<campaign>

What nothing reaches comes first, then what only tests reach, then every cell by case.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.analysis.coverage import Cell
from tests.reached.catalogue import APPROACHES, cells
from tests.support.edits import ROOT
from tests.support.tables import row, write_between

DOCUMENT = ROOT / "docs" / "reliability.md"
TITLES = {"queue": "Queue + workers", "sync": "Synchronous"}
MISSED = ("<!-- not reached: written by `make coverage` -->", "<!-- end of not reached -->")
COUNTED = ("<!-- reached: written by `make coverage` -->", "<!-- end of reached -->")

Counts = Mapping[str, Mapping[Cell, int]]
"""How often each case reached each cell."""


def write(summary: Mapping[str, Any], path: Path = DOCUMENT) -> None:
    """Write what a campaign reached, and what nothing reaches, into the document."""
    by_approach = {name: counts(summary, name) for name in APPROACHES}
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
