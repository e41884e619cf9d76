"""The table in docs/ci.md: every regression, and what the gate answered in the last full run."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.edits import ROOT
from tests.regressions.bench import Answer
from tests.regressions.regression import Regression
from tests.tables import row, write_between

DOCUMENT = ROOT / "docs" / "ci.md"

BEGIN, END = "<!-- seeded regressions: begin -->", "<!-- seeded regressions: end -->"
_HEAD = (
    row("regression", "what it does", "measured", "expected", "answered", "blocks", "minutes")
    + "|---|---|---|---|---|---|---|\n"
)


def write(
    regressions: Iterable[Regression], answers: Mapping[str, Answer], path: Path = DOCUMENT
) -> None:
    """Write what a full run found into the table of the document."""
    rows = "".join(_row(one, answers[one.name]) for one in regressions)
    write_between(path, BEGIN, END, _HEAD + rows)


def _row(regression: Regression, answer: Answer) -> str:
    return row(
        f"`{regression.name}`{'*' if regression.short else ''}",
        regression.wrong,
        regression.approach or "both",
        " or ".join(str(int(code)) for code in regression.expected),
        f"**{int(answer.exit_code)}** {answer.statement}",
        ", ".join(f"{name} {blocks}" for name, blocks in answer.blocks.items()) or "none",
        f"{answer.seconds / 60:.1f}",
    )
