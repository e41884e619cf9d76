"""The page on which a campaign is watched while it runs: style, themes and charts of the report.

The page holds no data. What it shows comes as events from the server that it came from, which is
all that its policy lets it talk to; `watch.js` says what they hold.
"""

import json
from dataclasses import replace

from markupsafe import Markup

from report.charts import over_time, theme
from report.charts.lines import Curve
from report.charts.time_chart import TimeChart
from report.page import web_page

CHARTS = (
    over_time.THROUGHPUT,
    replace(
        over_time.LATENCY,
        lead="How long the shop took to answer any request: p95 of the last five seconds, on a "
        "logarithmic scale.",
        curves=(Curve("api_p95_ms", "p95"),),
    ),
    over_time.STOCK,
    replace(
        over_time.BACKLOG,
        lead="Units that orders hold which have no outcome yet, by the ledger.",
        unit="units held by open orders",
        curves=(Curve("backlog", "held"),),
    ),
    over_time.USERS,
    TimeChart(
        id="cores",
        title="CPU per service over time",
        lead="How many cores each service keeps busy, all its replicas together; and the load "
        "generator and the harness, which have to come from the same machine.",
        unit="cores",
        curves=(),  # the services of the variant: they come with the samples
        caption=lambda _: "",
    ),
)
"""The charts of the report, as far as their values are known while a run goes on."""


def live_page() -> str:
    """Return the page; it is the same for every campaign."""
    looks = [
        (theme.variant_role(place), theme.DASHES[first], theme.DASHES[second])
        for place, (_, _, first, second) in enumerate(theme.VARIANTS)
    ]
    figures = [
        {
            "id": chart.id,
            "unit": chart.unit,
            "log": chart.log,
            "curves": [
                {"column": curve.column, "label": curve.label, "second": curve.second}
                for curve in chart.curves
            ],
        }
        for chart in CHARTS
    ]
    content = {"figures": figures, "looks": looks}
    layout = json.dumps(content, ensure_ascii=False).replace("<", "\\u003c")
    return (
        web_page.environment("page/watch.js")
        .get_template("watch.html.j2")
        .render(figures=CHARTS, layout=Markup(layout))  # noqa: S704
    )
