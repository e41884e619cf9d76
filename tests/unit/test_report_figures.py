"""What stands beside and inside a figure: its caption, its values, the data of its lines."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from harness.analysis.run_facts import Stage
from harness.analysis.series import Latencies
from harness.results.record import FaultRecord, RunRecord
from report.charts import funnel_chart, over_time, percentile_curves, theme, variant_charts
from report.charts.chart import each
from report.charts.line_chart import staggered
from report.charts.time_chart import TimeChart
from report.evidence import Durations, Evidence, Run, Variant

NAN = float("nan")
STAGES = (Stage(1, "rush", 10, 0.0, 2.0), Stage(2, "peak", 20, 2.0, 4.0))
QUIET = {
    "requests": [3, 9, 4, 2],
    "errors": [0, 0, 0, 0], "planned": [5, 10, 20, 20], "active": [5, 9, 20, 20],
    "open_orders": [2, 6, 1, 0], "queue_depth": [NAN] * 4, "stock_left": [5, 2, 0, 0],
    "accepted": [2, 8, 9, 9], "confirmed": [0, 4, 9, 9],
}  # fmt: skip


def sent(*ms_by_second, each=200):
    """Return requests that are sent in the middle of each second, all of one latency."""
    at_s = np.repeat(np.arange(len(ms_by_second)) + 0.5, each)
    latency_ms = np.repeat(np.array(ms_by_second, dtype=float), each)
    return Latencies(at_s, latency_ms, np.full(len(at_s), True))


LATENCIES = {"api": sent(5, 7, 9, 7), "purchase": sent(40, 60)}


def a_run(index=1, counts=True, trouble="", waits=(1.0,) * 40, record=None, **columns):
    seconds = pd.DataFrame({"t_s": range(4), **QUIET, **columns}).astype(float)
    found = Durations(np.array(sorted(waits)))
    return Run(
        index,
        1,
        counts,
        trouble,
        seconds,
        found,
        found,
        (),
        record or RunRecord.model_construct(drain_s=0.0, faults=[], cores=2),
        latencies=LATENCIES,
    )


def evidence(*variants):
    campaign = {"scenario": {"product": {"name": "iPhone", "stock": 5}}}
    made = [
        Variant(name, title, position, ranked, {"metrics": {}}, runs)
        for position, (name, title, ranked, runs) in enumerate(variants)
    ]
    return Evidence(campaign, {}, tuple(made), STAGES)


def caption(chart, shown):
    return chart.words(shown, chart.thick(shown)).replace("\xa0", " ")


def described(chart, shown):
    return chart.describe(shown, chart.thick(shown))


def values(chart, shown):
    return chart.values(shown, chart.thick(shown))


QUEUE = ("queue", "Queue", True, (a_run(), a_run(2)))
ALONE = evidence(QUEUE)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (over_time.LATENCY, "Queue: p95 usually 7 ms, at worst 9 ms (at 2.5 s)."),
        (
            over_time.PURCHASE,
            "Queue: median usually 50 ms, at worst 60 ms (at 1.5 s); none after 1.5 s.",
        ),
        (over_time.THROUGHPUT, "Queue: at most 9 answers per second (at 1.5 s); no failure."),
        (over_time.USERS, "Queue: at most 20 buyers, never more than 1 from the plan."),
        (
            over_time.BACKLOG,
            "Queue: at most 6 open orders (at 1.5 s); the last is settled by 2.5 s.",
        ),
        (over_time.STOCK, "Queue: nothing left from 2.5 s on."),
        (over_time.CONFIRMED, "Queue: 9, 9 confirmed in its runs, half sold by 2.5 s."),
    ],
)
def test_a_caption_says_what_the_thick_line_shows(kind, said):
    assert caption(kind, ALONE) == said


NOTHING_HAPPENED = {
    "confirmed": [0] * 4, "open_orders": [0] * 4, "queue_depth": [0] * 4, "requests": [0] * 4,
    "stock_left": [5] * 4,
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (over_time.CONFIRMED, "Queue: none was sold."),
        (over_time.BACKLOG, "Queue: no open orders and no entries in the streams."),
        (over_time.THROUGHPUT, "Queue: no answer; no failure."),
        (over_time.STOCK, "Queue: 5 units left at the end."),
    ],
)
def test_a_caption_of_a_sale_in_which_nothing_happened_says_so(kind, said):
    runs = (a_run(**NOTHING_HAPPENED), a_run(2, **NOTHING_HAPPENED))
    assert caption(kind, evidence(("queue", "Queue", True, runs))) == said


def test_a_caption_names_no_half_of_what_most_runs_did_not_sell():
    nothing = {"confirmed": [0] * 4}
    runs = (a_run(**nothing), a_run(2, **nothing), a_run(3))
    shown = evidence(("queue", "Queue", True, runs))
    assert caption(over_time.CONFIRMED, shown) == "Queue: 0, 0, 9 confirmed in its runs."


def test_a_caption_counts_failures_and_what_is_given_back():
    troubled = a_run(errors=[0, 3, 2, 0], stock_left=[5, 0, 0, 2], queue_depth=[0, 8, 0, 0])
    shown = evidence(("queue", "Queue", True, (troubled,)))
    assert "5 requests of a run had a 5xx or no answer" in caption(over_time.THROUGHPUT, shown)
    assert "2 given back at the end" in caption(over_time.STOCK, shown)
    assert "and 8 entries in the streams" in caption(over_time.BACKLOG, shown)


CHARTS = [one for one in vars(over_time).values() if isinstance(one, TimeChart)]


@pytest.mark.parametrize("kind", CHARTS)
def test_an_approach_of_which_no_run_counts_is_said_to_show_nothing(kind):
    shown = evidence(("queue", "Queue", False, (a_run(counts=False, trouble="invalid"),)))
    assert caption(kind, shown) == "Queue (not ranked): nothing to show."


def test_a_caption_of_percentiles_goes_as_far_as_the_sample():
    waits = np.arange(1.0, 1001)
    shown = evidence(("queue", "Queue", True, (a_run(waits=waits),)))
    said = each(shown, percentile_curves.PURCHASE.caption)
    assert said.replace("\xa0", " ") == "Queue: half within 500 ms, 99 % within 990 ms."
    few = evidence(("queue", "Queue", True, (a_run(waits=[1.0] * 5),)))
    assert "too few values" in each(few, percentile_curves.PURCHASE.caption)


def test_the_funnel_says_where_most_were_lost():
    steps = [("Attempts", 100.0), ("Accepted", 30.0), ("Confirmed", 25.0)]
    rows = [{"title": title, "mean": mean} for title, mean in steps]
    assert funnel_chart.caption(rows) == (
        "of 100 attempts 25.0 % ended as a sale; most were lost before “Accepted” (70)"
    )
    assert funnel_chart.caption([]) == "no attempt"
    rows[-1]["mean"] = 0.0
    assert funnel_chart.caption(rows) == (
        "none of 100 attempts ended as a sale; most were lost before “Accepted” (70)"
    )


def test_a_caption_of_latency_says_what_share_had_no_answer():
    silent = replace(LATENCIES["purchase"], answered=np.arange(400) >= 248)
    run = replace(a_run(), latencies={**LATENCIES, "purchase": silent})
    said = caption(over_time.PURCHASE, evidence(("queue", "Queue", True, (run,))))
    assert "; 62 % had no acknowledgement" in said


def test_values_are_the_percentiles_of_stages_with_the_most():
    table = values(over_time.LATENCY, ALONE)
    assert [column.title for column in table.columns][1:3] == ["1 · rush", "2 · peak"]
    shown = [cell.text.replace("\xa0", " ") for cell in table.rows[0].cells]
    assert shown == ["p95", "7 ms", "9 ms", "9 ms", "2.5"]
    assert [column.unit for column in table.columns] == ["", "ms", "ms", "ms", ""]
    backlog = values(over_time.BACKLOG, ALONE)
    assert [row.cells[0].text for row in backlog.rows] == ["open orders"]  # nobody has a queue


def test_values_of_percentiles_end_where_the_sample_does():
    (row,) = percentile_curves.PURCHASE.values(ALONE).rows
    assert [cell.text for cell in row.cells] == ["Queue", "1\xa0ms", "–", "–", "–", "–", "–"]


def test_the_lines_of_a_live_chart_are_runs_and_their_median():
    sync = ("sync", "Sync", True, (a_run(3, requests=[1, 1, 1, 1]),))
    found = described(over_time.THROUGHPUT, evidence(QUEUE, sync))
    assert [trace.label for trace in found.traces if trace.shown] == [
        "Queue, answered", "Sync, answered",
    ]  # fmt: skip
    answered = found.traces[0]
    assert answered.middle == (3, 9, 4, 2)
    assert [line.run for line in answered.runs] == [1, 2]
    assert found.x == (0.5, 1.5, 2.5, 3.5)
    assert found.bands == ((0.0, 2.0, "1 rush"), (2.0, 4.0, "2 peak"))


def test_a_run_in_trouble_is_dotted_and_what_is_not_ranked_is_hatched():
    runs = (a_run(counts=False, trouble="audit FAIL"), a_run(2))
    found = described(over_time.STOCK, evidence(("queue", "Queue", False, runs)))
    trace = found.traces[0]
    assert (trace.hatched, trace.dash) == (True, "dotted")
    assert [line.dash for line in trace.runs] == ["dotted", "solid"]
    clean = described(over_time.STOCK, ALONE).traces[0]
    assert (clean.hatched, clean.dash) == (False, "solid")


def test_a_fault_is_marked_no_further_than_the_chart():
    fault = {
        "kind": "kill", "service": "api", "replica": 1, "process": None, "factor": None,
        "begun_ns": 1_000_000_000, "ended_ns": None, "healthy_ns": None,
    }  # fmt: skip
    faulty = evidence(
        (
            "queue",
            "Queue",
            True,
            (a_run(record=RunRecord.model_construct(drain_s=0.0, faults=[FaultRecord(**fault)])),),
        )
    )
    assert described(over_time.STOCK, faulty).marks == ((1.0, 4.0, "kill api 1"),)


def test_percentile_curves_share_one_grid_and_end_where_they_must():
    many = a_run(waits=np.arange(1.0, 1001))
    found = percentile_curves.PURCHASE.describe(evidence(QUEUE, ("sync", "Sync", True, (many,))))
    queue, sync = found.traces
    assert len(queue.middle) == len(sync.middle) == len(found.x)
    assert queue.middle[-1] is None
    assert sync.middle[0] == 1
    assert max(v for v in sync.middle if v is not None) <= 990


def test_the_json_of_a_chart_cannot_end_its_script_and_holds_four_digits():
    odd = ("queue", "</script><b>", True, (a_run(requests=[1234.56, NAN, 0.00012345, 7.0]),))
    text = described(over_time.THROUGHPUT, evidence(odd)).to_json()
    assert "<" not in text
    read = json.loads(text)
    assert read["traces"][0]["middle"] == [1235, None, 0.0001234, 7]
    assert read["traces"][0]["variant"] == "</script><b>"


def test_a_sale_is_told_for_each_variant_by_itself():
    sync = ("sync", "Sync", True, (a_run(3, stock_left=[5, 4, 3, 3]),))
    with theme.style():
        figures = variant_charts.SALE.figures(evidence(QUEUE, sync))
    assert [figure.caption for figure in figures] == [
        "Queue: 9 accepted, 9 confirmed, nothing left from 2.5 s on.",
        "Sync: 9 accepted, 9 confirmed, 3 units left at the end.",
    ]
    shown, other = (figure.interactive for figure in figures)
    assert [trace.label for trace in shown.traces] == ["stock left", "accepted", "confirmed"]
    assert len({trace.dash for trace in shown.traces}) == 3
    assert shown.y == other.y
    assert (shown.x, shown.end) == (other.x, other.end)


BUSY = {
    "cores_postgres": [0.5] * 4, "cores_api": [0.2] * 4, "cores_load": [0.3] * 4,
    "cores_approach": [0.7] * 4,
}  # fmt: skip


def test_the_busiest_service_comes_first_and_looks_alike_in_all_figures():
    queue = a_run(**BUSY, cores_redis=[0.1] * 4)
    sync = a_run(2, **{**BUSY, "cores_postgres": [0.1] * 4})
    shown = evidence(("queue", "Queue", True, (queue,)), ("sync", "Sync", True, (sync,)))
    with theme.style():
        figures = variant_charts.CPU.figures(shown)
    lines = [{one.curve: one for one in figure.interactive.traces} for figure in figures]
    assert list(lines[0]) == ["postgres", "api", "redis", "load generator"]
    assert list(lines[1]) == ["postgres", "api", "load generator"]
    for name in ("postgres", "api"):
        assert lines[0][name].colour == lines[1][name].colour
        assert lines[0][name].marker == lines[1][name].marker
    assert len({one.colour for one in lines[0].values()}) == 4
    assert figures[0].caption == (
        "Queue: all services together 0.80 of 2 cores on average, the load generator 0.30; busiest "
        "was postgres, at most 0.50."
    )
    assert "Queue, postgres: between 0.5 and 0.5" in figures[0].pictures[0].alt
    assert figures[1].caption.endswith("busiest was the load generator, at most 0.30.")


@pytest.mark.parametrize(("used", "levels"), [(1.5, ((2.0, "all 2 cores"),)), (0.1, ())])
def test_all_cores_are_on_the_axis_only_where_many_of_them_are_used(used, levels):
    run = a_run(**{**BUSY, "cores_api": [used] * 4, "cores_postgres": [0.01] * 4})
    shown = evidence(("queue", "Queue", True, (run,)))
    assert described(variant_charts.CPU, shown).levels == levels


def test_the_line_of_purchases_says_why_it_ends():
    (trace,) = described(over_time.PURCHASE, ALONE).traces
    assert trace.ending == "sold out"
    unsold = a_run(stock_left=[5, 4, 4, 4])
    (trace,) = described(over_time.PURCHASE, evidence(("q", "Q", True, (unsold,)))).traces
    assert trace.ending == "none later"
    (trace,) = described(over_time.CONFIRMED, ALONE).traces
    assert trace.ending == ""


def test_a_percentile_curve_says_what_share_has_no_end():
    silent = replace(a_run(), purchase_ms=Durations(np.arange(1.0, 101), 300))
    shown = evidence(("queue", "Queue", True, (silent,)))
    (trace,) = percentile_curves.PURCHASE.describe(shown).traces
    assert trace.ending == "75 % no answer"
    said = each(shown, percentile_curves.PURCHASE.caption)
    assert said == "Queue: 25 % within 100\N{NO-BREAK SPACE}ms, 75 % no answer."


def test_many_variants_are_compared_by_their_medians_and_shown_in_small_multiples():
    names = ["a", "b", "c", "d"]
    variants = [
        (name, name.upper(), True, (a_run(n, requests=[n] * 4),)) for n, name in enumerate(names, 1)
    ]
    with theme.style():
        (together,) = over_time.THROUGHPUT.figures(evidence(*variants))
        (few,) = over_time.THROUGHPUT.figures(evidence(*variants[:3]))
    alone = together.multiples
    assert all(trace.runs == () for trace in together.interactive.traces)
    assert len(together.pictures) == 1
    assert [figure.id for figure in alone] == [f"throughput-{name}" for name in names]
    assert {figure.interactive.y for figure in alone} == {alone[0].interactive.y}
    assert all(trace.runs for figure in alone for trace in figure.interactive.traces)
    assert (len(few.pictures), few.multiples) == (4, ())
    assert all(trace.runs for trace in few.interactive.traces)


def test_lines_are_marked_beside_each_other_and_only_where_they_have_a_value():
    line = tuple(range(160))
    marked = [staggered(line, position, 3) for position in range(3)]
    assert all(6 <= len(places) <= 10 for places in marked)
    assert not set(marked[0]) & set(marked[1]) | set(marked[1]) & set(marked[2])
    short_one = (None,) * 100 + (1.0, 2.0, 3.0) + (None,) * 57
    assert set(staggered(short_one, 0, 3)) <= {100, 101, 102}
    assert staggered(short_one, 0, 3)
    assert staggered(line, 0, 1) == staggered(None, 0, 2) == ()
