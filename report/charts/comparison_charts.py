"""The figures of a comparison, put together: every kind with its drawings, caption and values."""

from report.charts import (
    captions,
    chart_values,
    funnel_chart,
    interactive,
    over_time,
    percentile_curves,
    plotting,
)
from report.charts.figures import Chart, Plate, Section
from report.charts.over_time import TimeKind
from report.charts.percentile_curves import WaitKind
from report.evidence import Evidence

HERO = (over_time.CONFIRMED, over_time.PURCHASE)


def hero(evidence: Evidence) -> tuple[Plate, ...]:
    """Return the picture that stands beside the verdict: what was sold, and how long it took."""
    return tuple(
        _over_time(kind, evidence, (next(plotting.time_charts(kind, evidence)),)) for kind in HERO
    )


def sections(evidence: Evidence) -> tuple[Section, ...]:
    """Return all figures but those of the verdict, in the order of the report."""
    return (
        _section(over_time.LATENCY, evidence),
        _section(over_time.THROUGHPUT, evidence),
        waits(percentile_curves.PURCHASE, evidence),
        waits(percentile_curves.ORDER_TIME, evidence),
        _section(over_time.USERS, evidence),
        _section(over_time.BACKLOG, evidence),
        _section(over_time.STOCK, evidence),
        _funnel(evidence),
    )


def waits(kind: WaitKind, evidence: Evidence) -> Section:
    """Return a figure of percentile curves."""
    plate = Plate(
        id=kind.id,
        title=kind.title,
        caption=captions.distribution(kind, evidence),
        charts=tuple(percentile_curves.distribution_charts(kind, evidence)),
        live=percentile_curves.live(kind, evidence),
        values=chart_values.distribution(kind, evidence),
    )
    return Section(kind.id, kind.title, kind.lead, (plate,))


def _section(kind: TimeKind, evidence: Evidence) -> Section:
    drawn = tuple(plotting.time_charts(kind, evidence))
    return Section(kind.id, kind.title, kind.lead, (_over_time(kind, evidence, drawn),))


def _over_time(kind: TimeKind, evidence: Evidence, drawn: tuple[Chart, ...]) -> Plate:
    end_s = plotting.horizon_s(evidence, within_load=kind.within_load)
    return Plate(
        id=kind.id,
        title=kind.title,
        caption=captions.over_time(kind, evidence),
        charts=drawn,
        live=interactive.over_time(kind, evidence, end_s, _levels(kind, evidence)),
        values=chart_values.over_time(kind, evidence),
    )


def _levels(kind: TimeKind, evidence: Evidence) -> tuple[tuple[float, str], ...]:
    if kind is not over_time.CONFIRMED:
        return ()
    stock = evidence.scenario["product"]["stock"]
    return ((float(stock), f"stock: {stock:,}"),)


def _funnel(evidence: Evidence) -> Section:
    lead = "Of all attempts to buy, how many came how far; each step is read from another store."
    drawn = tuple(funnel_chart.funnel_charts(evidence))
    said = captions.funnel(evidence.summary["funnel"], evidence)
    return Section("funnel", "Order funnel", lead, (Plate("funnel", "Order funnel", said, drawn),))
