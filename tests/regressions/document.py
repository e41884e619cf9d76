"""The table in docs/ci.md: every regression, and what the gate answered when it was last asked."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.regressions.bench import Answer
from tests.regressions.regression import Regression
from tests.support.edits import ROOT
from tests.support.tables import row, write_between

DOCUMENT = ROOT / "docs" / "ci.md"

BEGIN, END = "<!-- seeded regressions: begin -->", "<!-- seeded regressions: end -->"
_HEAD = (
    row("regression", "what it does", "measured", "expected", "answered", "blocks", "minutes")
    + "|---|---|---|---|---|---|---|\n"
)


def write(
    regressions: Iterable[Regression], answers: Mapping[str, Answer], path: Path = DOCUMENT
) -> None:
    """Write the answers into the table of the document; of the others the rows stay."""
    known = {line.split("`")[1]: line + "\n" for line in _table(path) if line.startswith("| `")}
    rows = (
        _row(one, answers[one.name]) if one.name in answers else known.get(one.name, "")
        for one in regressions
    )
    write_between(path, BEGIN, END, _HEAD + "".join(rows))


def _table(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0].splitlines()


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
