"""The table of an experiment: each expectation, what was measured, and the answer."""

from collections.abc import Mapping
from typing import Any, Final

from harness.analysis import METRICS
from harness.analysis.hypothesis import Answer
from report.evidence import Evidence
from report.experiment import experiment_words
from report.tables.cells import Cell, Row, Table, numeric, texts

TONES: Final[Mapping[str, str]] = {
    Answer.SUPPORTED: "pass",
    Answer.CONTRADICTED: "fail",
    Answer.UNDECIDED: "unknown",
}


def expectations(evidence: Evidence, experiment: Mapping[str, Any]) -> Table:
    """Return every expectation with its answer."""
    rows = [
        Row(
            (
                Cell(one["says"]),
                Cell(_subject(one)),
                Cell(experiment_words.expected(one)),
                Cell(
                    experiment_words.number(one), one["value"], one["low"], one["high"], one["why"]
                ),
                Cell(str(one["n"]), one["n"]),
                Cell(one["answer"], tone=TONES[one["answer"]]),
            )
        )
        for one in experiment["expectations"]
    ]
    return Table(
        "expectations",
        "What is measured if the hypothesis is true, and what was measured; ratios are paired by "
        f"block; {evidence.workload}.",
        (
            *texts("Expectation", "Of what", "Expected"),
            *numeric("Measured", interval=True),
            *numeric("n"),
            *texts("Answer"),
        ),
        tuple(rows),
    )


def _subject(one: Mapping[str, Any]) -> str:
    """Return what is measured, and of which variants."""
    what = METRICS[one["metric"]].title if one["metric"] is not None else one["audit"]
    over = f" ÷ {one['over']}" if one["over"] is not None else ""
    return f"{what}, {one['of']}{over}"
