"""The figures of a comparison, put together: every kind with its drawings, caption and values."""

from report import captions, charts, distributions, funnel, kinds, live, values
from report.distributions import WaitKind
from report.evidence import Evidence
from report.kinds import TimeKind
from report.plates import Chart, Plate, Section

HERO = (kinds.CONFIRMED, kinds.PURCHASE)


def hero(evidence: Evidence) -> tuple[Plate, ...]:
    """Return the picture that stands beside the verdict: what was sold, and how long it took."""
    return tuple(
        _over_time(kind, evidence, (next(charts.time_charts(kind, evidence)),)) for kind in HERO
    )


def sections(evidence: Evidence) -> tuple[Section, ...]:
    """Return all figures but those of the verdict, in the order of the report."""
    return (
        _section(kinds.LATENCY, evidence),
        _section(kinds.THROUGHPUT, evidence),
        waits(distributions.PURCHASE, evidence),
        waits(distributions.ORDER_TIME, evidence),
        _section(kinds.USERS, evidence),
        _section(kinds.BACKLOG, evidence),
        _section(kinds.STOCK, evidence),
        _funnel(evidence),
    )


def waits(kind: WaitKind, evidence: Evidence) -> Section:
    """Return a figure of percentile curves."""
    plate = Plate(
        id=kind.id,
        title=kind.title,
        caption=captions.distribution(kind, evidence),
        charts=tuple(distributions.distribution_charts(kind, evidence)),
        live=distributions.live(kind, evidence),
        values=values.distribution(kind, evidence),
    )
    return Section(kind.id, kind.title, kind.lead, (plate,))


def _section(kind: TimeKind, evidence: Evidence) -> Section:
    drawn = tuple(charts.time_charts(kind, evidence))
    return Section(kind.id, kind.title, kind.lead, (_over_time(kind, evidence, drawn),))


def _over_time(kind: TimeKind, evidence: Evidence, drawn: tuple[Chart, ...]) -> Plate:
    end_s = charts.horizon_s(evidence, within_load=kind.within_load)
    return Plate(
        id=kind.id,
        title=kind.title,
        caption=captions.over_time(kind, evidence),
        charts=drawn,
        live=live.over_time(kind, evidence, end_s, _levels(kind, evidence)),
        values=values.over_time(kind, evidence),
    )


def _levels(kind: TimeKind, evidence: Evidence) -> tuple[tuple[float, str], ...]:
    if kind is not kinds.CONFIRMED:
        return ()
    stock = evidence.scenario["product"]["stock"]
    return ((float(stock), f"stock: {stock:,}"),)


def _funnel(evidence: Evidence) -> Section:
    lead = "Of all attempts to buy, how many came how far; each step is read from another store."
    drawn = tuple(funnel.funnel_charts(evidence))
    said = captions.funnel(evidence.summary["funnel"], evidence)
    return Section("funnel", "Order funnel", lead, (Plate("funnel", "Order funnel", said, drawn),))
