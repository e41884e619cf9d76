"""The page on which a campaign is watched while it runs: style, themes and charts of the report.

The page holds no data. What it shows comes as events from the server that it came from, which is
all that its policy lets it talk to; `watch.js` says what they hold.
"""

import json
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

from report.charts import over_time, theme
from report.charts.lines import Curve
from report.charts.time_chart import TimeChart
from report.page import web_page


@dataclass(frozen=True, slots=True)
class LiveFigure:
    """A figure of the live page: as a chart of the report, but fed with samples."""

    id: str
    title: str
    lead: str
    unit: str
    curves: tuple[Curve, ...]
    log: bool = False

    def layout(self) -> dict[str, Any]:
        """Return what the script draws it from."""
        curves = [
            {"column": curve.column, "label": curve.label, "second": curve.second}
            for curve in self.curves
        ]
        return {"id": self.id, "unit": self.unit, "log": self.log, "curves": curves}


def _live(chart: TimeChart) -> LiveFigure:
    return LiveFigure(chart.id, chart.title, chart.lead, chart.unit, chart.curves, chart.log)


FIGURES = (
    _live(over_time.THROUGHPUT),
    replace(
        _live(over_time.LATENCY),
        lead="How long the shop took to answer any request: p95 of the last five seconds, on a "
        "logarithmic scale.",
        curves=(Curve("api_p95_ms", "p95"),),
    ),
    replace(_live(over_time.STOCK), curves=(Curve("stock_left", "stock left"),)),
    replace(
        _live(over_time.BACKLOG),
        lead="Units that orders hold which have no outcome yet, by the ledger.",
        unit="units held by open orders",
        curves=(Curve("backlog", "held"),),
    ),
    _live(over_time.USERS),
    LiveFigure(
        "cores",
        "CPU per service over time",
        "How many cores each service keeps busy, all its replicas together; and the load generator "
        "and the harness, which have to come from the same machine.",
        "cores",
        curves=(),  # the services of the variant: they come with the samples
    ),
)
"""The figures of the report, as far as their values are known while a run goes on."""


def live_page() -> str:
    """Return the page; it is the same for every campaign."""
    looks = [
        (theme.variant_role(place), theme.DASHES[first], theme.DASHES[second])
        for place, (_, _, first, second) in enumerate(theme.VARIANTS)
    ]
    content = {"figures": [figure.layout() for figure in FIGURES], "looks": looks}
    layout = json.dumps(content, ensure_ascii=False).replace("<", "\\u003c")
    return (
        web_page.environment("page/watch.js")
        .get_template("watch.html.j2")
        .render(figures=FIGURES, layout=Markup(layout))  # noqa: S704
    )
