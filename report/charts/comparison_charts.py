"""The figures of a comparison in the order of the report, and the picture for a README."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from report.charts import (
    fault_bands,
    funnel_chart,
    heat_map,
    legends,
    over_time,
    percentile_curves,
    plotting,
    theme,
    variant_charts,
)
from report.charts.chart import Chart
from report.charts.figures import Figure, Picture, Section
from report.charts.plotting import LEFT_PX
from report.evidence import Evidence
from report.numbers import moment, short

HERO: Final = (over_time.CONFIRMED, over_time.PURCHASE)
"""What stands beside the verdict: what was sold, and how long it took."""

CHARTS: Final[tuple[Chart, ...]] = (
    variant_charts.SALE,
    over_time.LATENCY,
    over_time.THROUGHPUT,
    percentile_curves.PURCHASE,
    percentile_curves.ORDER_TIME,
    heat_map.PURCHASE,
    over_time.USERS,
    over_time.BACKLOG,
    variant_charts.CPU,
    funnel_chart.FUNNEL,
)


def hero(evidence: Evidence) -> tuple[Figure, ...]:
    """Return the figures that stand beside the verdict."""
    return tuple(figure for chart in HERO for figure in chart.figures(evidence))


def sections(evidence: Evidence) -> tuple[Section, ...]:
    """Return all figures but those of the verdict."""
    return tuple(chart.section(evidence) for chart in CHARTS)


def headline(evidence: Evidence, shown: Sequence[Figure]) -> Picture:
    """Draw the picture for a README: the figures that stand beside the verdict, side by side."""
    width, plot_height, gap, right_px = 880, 230, 62, 16
    rows = legends.flow(legends.of_variants(evidence.variants), width)
    drawing = theme.figure(width, 374 + legends.ROW_PX * len(rows))
    panel_width = (width - LEFT_PX - gap - right_px) / 2
    question = theme.fitted(_question(evidence), width - 24, 15, "bold")
    theme.put_text(drawing, 12, 28, question, fontsize=15, fontweight="bold")
    source = theme.fitted(_source(evidence), width - 24, 11)
    theme.put_text(drawing, 12, 48, source, theme.MUTED, fontsize=11)
    marks = fault_bands.marks(evidence.runs)
    charts = [(one.title, one.interactive) for one in shown if one.interactive]
    for column, (title, chart) in enumerate(charts):
        left = LEFT_PX + column * (panel_width + gap)
        theme.put_text(drawing, left - 40, 76, f"{title} · {chart.unit}", fontsize=11.5)
        ax = theme.axes(drawing, left, 98, panel_width, plot_height)
        plotting.draw_lines(ax, chart, chart.traces)
        plotting.align([ax], chart)
        plotting.draw_spans(ax, chart, fault_bands.spans(marks, chart.end))
    legends.draw(drawing, rows)
    return replace(plotting.picture(drawing, "headline", _alt(evidence)), png=theme.png(drawing))


def _question(evidence: Evidence) -> str:
    product = evidence.scenario["product"]
    crowd = f", up to {evidence.peak_users:,} buyers at once" if evidence.peak_users else ""
    return f"{product['stock']:,} × {product['name']}{crowd}"


def _source(evidence: Evidence) -> str:
    """Return of which campaign the picture is."""
    day = moment(str(evidence.campaign.get("created_at", ""))).partition(" ")[0]
    each = sorted({len(variant.counted) for variant in evidence.variants})
    runs = f"{' to '.join(map(str, each))} run{'' if each == [1] else 's'} of each variant"
    return " · ".join(part for part in (evidence.campaign["title"], day, runs) if part)


def _alt(evidence: Evidence) -> str:
    parts = []
    for variant in evidence.variants:
        finals = [short(float(run.seconds["confirmed"].max())) for run in variant.runs]
        parts.append(f"{variant.title} confirmed {', '.join(finals)} orders in its runs")
    return f"Confirmed orders over time, and median purchase latency over time. {'; '.join(parts)}."
