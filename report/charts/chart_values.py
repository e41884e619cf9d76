"""What a figure shows, as a small table: for those who do not see it, and for those who count."""

import pandas as pd

from report.charts import percentile_curves
from report.charts.interactive import measured
from report.charts.lines import LIVE_POINTS, bin_s, of_approach, of_window, peak_s
from report.charts.over_time import PERCENTILES, TimeKind
from report.charts.percentile_curves import WaitKind
from report.evidence import Evidence
from report.numbers import NOTHING, short
from report.tables.cells import Cell, Column, Row, Table


def over_time(kind: TimeKind, evidence: Evidence) -> Table:
    """Return the thick lines of a figure over time by stage, and their most.

    A percentile is that of the stage's requests, all else the median of the stage's points.
    """
    width_s = bin_s(evidence, LIVE_POINTS)
    rows = []
    for approach in evidence.approaches:
        for curve in kind.alone:
            line = of_approach(approach, curve.column, width_s)
            if line is None or not measured((approach,), curve):
                continue
            cells = [
                _value(
                    of_window(approach, curve.column, stage.start_s, stage.end_s)
                    if curve.column in PERCENTILES
                    else line[(line.index >= stage.start_s) & (line.index < stage.end_s)].median()
                )
                for stage in evidence.stages
            ]
            most = line.max()
            when = peak_s(line) if pd.notna(most) else float("nan")
            rows.append(
                Row((Cell(curve.label), *cells, _value(most), _value(when)), approach.named)
            )
    return Table(
        f"graph-{kind.id}",
        kind.title,
        f"{kind.title}, {kind.unit.removesuffix(' (log)')}, of the thick lines, by stage: "
        f"percentiles of its requests, else the median of its points; {evidence.workload}.",
        (
            Column("Line", numeric=False),
            *(Column(f"{stage.number} · {stage.name}") for stage in evidence.stages),
            Column("Most"),
            Column("at, s"),
        ),
        tuple(rows),
    )


def distribution(kind: WaitKind, evidence: Evidence) -> Table:
    """Return the percentiles of the merged curves of a figure, as far as they are supported."""
    rows = []
    for approach in evidence.approaches:
        found = percentile_curves.percentiles(kind, approach)
        cells = [_value(found.get(q, float("nan"))) for q in percentile_curves.MARKED]
        rows.append(Row((Cell(approach.named), *cells)))
    return Table(
        f"graph-{kind.id}",
        kind.title,
        f"{kind.title}, {kind.unit.removesuffix(' (log)')}: percentiles of the merged curves; "
        f"{evidence.workload}.",
        (
            Column("Approach", numeric=False),
            *(Column(f"p{q:g}") for q in percentile_curves.MARKED),
        ),
        tuple(rows),
    )


def _value(value: float) -> Cell:
    return Cell(NOTHING) if pd.isna(value) else Cell(short(float(value)), float(value))
