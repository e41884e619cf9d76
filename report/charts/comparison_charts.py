"""The figures of a comparison in the order of the report, and the picture for a README."""

from dataclasses import replace
from typing import Final

from report.charts import fault_bands, funnel_chart, over_time, percentile_curves, plotting, theme
from report.charts.chart import Chart
from report.charts.figures import Figure, Picture, Section
from report.charts.plotting import LEFT_PX
from report.evidence import Evidence
from report.numbers import short

HERO: Final = (over_time.CONFIRMED, over_time.PURCHASE)
"""What stands beside the verdict: what was sold, and how long it took."""

CHARTS: Final[tuple[Chart, ...]] = (
    over_time.LATENCY,
    over_time.THROUGHPUT,
    percentile_curves.PURCHASE,
    percentile_curves.ORDER_TIME,
    over_time.USERS,
    over_time.BACKLOG,
    over_time.STOCK,
    funnel_chart.FUNNEL,
)


def hero(evidence: Evidence) -> tuple[Figure, ...]:
    """Return the figures that stand beside the verdict."""
    return tuple(chart.figure(evidence) for chart in HERO)


def sections(evidence: Evidence) -> tuple[Section, ...]:
    """Return all figures but those of the verdict."""
    return tuple(chart.section(evidence) for chart in CHARTS)


def headline(evidence: Evidence) -> Picture:
    """Draw the picture for a README: what was sold, and how long a purchase took, side by side."""
    width, plot_height, gap = 880, 230, 62
    rows = plotting.flow(plotting.variant_legend(evidence.variants), width)
    drawing = theme.figure(width, 352 + plotting.LEGEND_ROW_PX * len(rows))
    panel_width = (width - LEFT_PX - gap - 16) / 2
    question = theme.fitted(_question(evidence), width - 24, 15, "bold")
    theme.put_text(drawing, 12, 28, question, fontsize=15, fontweight="bold")
    marks = fault_bands.marks(evidence.runs)
    titles = ("Confirmed orders", "Purchase latency, median, ms (log)")
    for column, (declared, title) in enumerate(zip(HERO, titles, strict=True)):
        chart = declared.describe(evidence, declared.thick(evidence))
        left = LEFT_PX + column * (panel_width + gap)
        theme.put_text(drawing, left - 40, 54, title, theme.MUTED, fontsize=11.5)
        ax = theme.axes(drawing, left, 76, panel_width, plot_height)
        plotting.draw_lines(ax, chart, chart.traces)
        plotting.align([ax], chart)
        plotting.draw_spans(ax, chart, fault_bands.spans(marks, chart.end))
    plotting.draw_legend(drawing, rows)
    return replace(plotting.picture(drawing, "headline", _alt(evidence)), png=theme.png(drawing))


def _question(evidence: Evidence) -> str:
    product = evidence.scenario["product"]
    return f"{product['stock']:,} × {product['name']}, up to {evidence.peak_users:,} buyers at once"


def _alt(evidence: Evidence) -> str:
    parts = []
    for variant in evidence.variants:
        finals = [short(float(run.seconds["confirmed"].max())) for run in variant.runs]
        parts.append(f"{variant.title} confirmed {', '.join(finals)} orders in its runs")
    return f"Confirmed orders over time, and median purchase latency over time. {'; '.join(parts)}."
