"""The charts over time of a comparison, each declared once, with what its caption says."""

from collections.abc import Callable
from typing import Final

from report.charts.lines import Curve, bin_s, peak_s, unanswered_pct
from report.charts.time_chart import TimeChart, VariantLines
from report.evidence import Evidence
from report.numbers import duration, number, short


def _latency(kind: str, what: str, lacked: str) -> Callable[[VariantLines], str]:
    def caption(shown: VariantLines) -> str:
        line = shown.line
        text = f"{what} usually {duration(line.median())}, at worst {duration(line.max())}"
        text += f" (at {short(peak_s(line))} s)"
        if missing := unanswered_pct(shown.variant, kind):
            text += f"; {short(missing)} % had no {lacked}"
        if _ends_early(shown):
            text += f"; none after {short(float(line.index[-1]))} s"
        return text

    return caption


def _ends_early(shown: VariantLines) -> bool:
    """Return True if a line ends long before the load."""
    ended_s, load_s = float(shown.line.index[-1]), shown.evidence.stages[-1].end_s
    return ended_s + bin_s(shown.evidence) < 0.9 * load_s


def _no_purchase_later(shown: VariantLines) -> str:
    """Return why purchases end early, if they do."""
    if not _ends_early(shown):
        return ""
    is_gone = all((run.seconds["stock_left"] <= 0).any() for run in shown.variant.counted)
    return "sold out" if is_gone else "none later"


def _throughput(shown: VariantLines) -> str:
    line = shown.line
    failed = [float(run.seconds["errors"].sum()) for run in shown.variant.counted]
    mean = sum(failed) / len(failed)
    errors = f"{number(mean)} requests of a run had a 5xx or no answer" if mean else "no failure"
    most = "no answer"
    if line.max() > 0:
        most = f"at most {short(line.max())} answers per second (at {short(peak_s(line))} s)"
    return f"{most}; {errors}"


def _users(shown: VariantLines) -> str:
    active, planned = shown.line, shown.of("planned")
    if planned is None:
        return "nothing to show"
    apart = (active - planned).abs().max()
    return f"at most {short(active.max())} buyers, never more than {short(apart)} from the plan"


def _backlog(shown: VariantLines) -> str:
    line = shown.line
    said = "no open orders"
    if line.max() > 0:
        said = f"at most {short(line.max())} open orders (at {short(peak_s(line))} s)"
    depth = shown.of("queue_depth")
    if depth is not None:
        said += f" and {short(depth.max()) if depth.max() else 'no'} entries in the streams"
    open_s = line[line > 0]
    if len(open_s):
        said += f"; the last is settled by {short(float(open_s.index[-1]))} s"
    return said


def stock_left(shown: VariantLines) -> str:
    """Return when nothing was left and what was given back, or how many units were left."""
    line = shown.line
    gone = line[line <= 0]
    if not len(gone):
        return f"{short(line.iloc[-1])} units left at the end"
    given_back = "" if line.iloc[-1] <= 0 else f", {short(line.iloc[-1])} given back at the end"
    return f"nothing left from {short(float(gone.index[0]))} s on{given_back}"


def _confirmed(shown: VariantLines) -> str:
    line = shown.line
    finals = [float(run.seconds["confirmed"].max()) for run in shown.variant.counted]
    if not any(finals):
        return "none was sold"
    text = f"{', '.join(map(short, finals))} confirmed in its runs"
    if line.max() > 0:
        half = line[line >= line.max() / 2]
        text += f", half sold by {short(half.index[0])} s"
    return text


def _stock_level(evidence: Evidence) -> tuple[tuple[float, str], ...]:
    stock = evidence.scenario["product"]["stock"]
    return ((float(stock), f"stock: {stock:,}"),)


LATENCY: Final = TimeChart(
    id="latency",
    title="Latency over time",
    lead="How long the shop took to answer any request, on a logarithmic scale. A point of p95 "
    "stands for at least 200 requests, one of p50 for 20. A request without answer is longer than "
    "all others, and drawn at the time that was waited for it.",
    unit="API latency, ms (log)",
    curves=(
        Curve("api_p95_ms", "p95", percentile=("api", 0.95)),
        Curve("api_p50_ms", "p50", second=True, percentile=("api", 0.50)),
    ),
    caption=_latency("api", "p95", "answer"),
    log=True,
)
THROUGHPUT: Final = TimeChart(
    id="throughput",
    title="Throughput over time",
    lead="Answered requests per second. Under a closed load a slower shop is asked less: "
    "confirmed orders say more.",
    unit="requests per second",
    curves=(
        Curve("requests", "answered"),
        Curve("errors", "5xx or no answer", second=True, alone=True),
    ),
    caption=_throughput,
)
USERS: Final = TimeChart(
    id="users",
    title="Users over time",
    lead="Planned and achieved buyers; the bands are the stages.",
    unit="active buyers",
    curves=(Curve("active", "achieved"), Curve("planned", "planned", second=True)),
    caption=_users,
    within_load=True,
)
BACKLOG: Final = TimeChart(
    id="backlog",
    title="Backlog over time",
    lead="Orders that were accepted and have no outcome yet, and the entries in the streams.",
    unit="open orders and entries in the streams",
    curves=(
        Curve("open_orders", "open orders"),
        Curve("queue_depth", "queue depth", second=True),
    ),
    caption=_backlog,
)
STOCK: Final = TimeChart(
    id="stock",
    title="Stock left over time",
    lead="Unsold, unreserved units, by the ledger: a reservation takes one, a declined payment "
    "gives it back.",
    unit="units left for sale",
    curves=(Curve("stock_left", "stock left"),),
    caption=stock_left,
)
"""Of a campaign that runs; a report has this line in the sale of each variant."""
CONFIRMED: Final = TimeChart(
    id="confirmed",
    title="Confirmed orders over time",
    lead="Orders whose payment was approved, by the ledger.",
    unit="orders, by the ledger",
    curves=(Curve("confirmed", "confirmed"),),
    caption=_confirmed,
    compared="Confirmed orders over time",
    alone=False,
    levels=_stock_level,
)
PURCHASE: Final = TimeChart(
    id="purchase",
    title="Purchase latency over time",
    lead="From sending the purchase to its acknowledgement: the outcome from a synchronous shop, "
    "the acceptance from a queue. A point stands for at least 20 purchases that were not refused. "
    "One without acknowledgement is longer than all others, and drawn at the time that was waited "
    "for it.",
    unit="median, ms (log)",
    curves=(Curve("purchase_p50_ms", "median", percentile=("purchase", 0.50)),),
    caption=_latency("purchase", "median", "acknowledgement"),
    log=True,
    compared="Purchase latency over time",
    alone=False,
    ending=_no_purchase_later,
)
