"""The page on which a campaign is watched while it runs: style, themes and charts of the report.

The page holds no data. What it shows comes as events from the server that it came from, which is
all that its policy lets it talk to; `watch.js` says what they hold.
"""

import json
from dataclasses import asdict, replace

from markupsafe import Markup

from report.charts import over_time
from report.charts.over_time import Curve, TimeKind
from report.page import web_page

LATENCY = replace(
    over_time.LATENCY,
    lead="How long the shop took to answer any request: p95 of the last five seconds, on a "
    "logarithmic scale.",
    alone=(Curve("api_p95_ms", "p95"),),
)
STOCK = replace(over_time.STOCK, alone=(Curve("stock_left", "stock left"),))
BACKLOG = replace(
    over_time.BACKLOG,
    lead="Units that orders hold which have no outcome yet, by the ledger.",
    unit="units held by open orders",
    alone=(Curve("backlog", "held"),),
)
CORES = TimeKind(
    "cores",
    "CPU per service over time",
    "How many cores each service keeps busy, all its replicas together; and the load generator "
    "and the harness, which have to come from the same machine.",
    "cores",
    alone=(),
    together=(),
)
"""Its curves are the services of the approach, and come with the samples."""
FIGURES = (over_time.THROUGHPUT, LATENCY, STOCK, BACKLOG, over_time.USERS, CORES)
"""The figures of the report, as far as their values are known while a run goes on."""


def live_page() -> str:
    """Return the page; it is the same for every campaign."""
    layout = json.dumps([asdict(figure) for figure in FIGURES], ensure_ascii=False)
    return (
        web_page.environment("page/watch.js")
        .get_template("watch.html.j2")
        .render(figures=FIGURES, layout=Markup(layout.replace("<", "\\u003c")))  # noqa: S704
    )
