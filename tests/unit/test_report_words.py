"""The verdict in words and the comparison table, from a summary made by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.analysis.run_facts import Stage
from harness.results.findings import Category, Finding, Verdict
from harness.results.record import RunRecord
from report import conclusion
from report.evidence import Durations, Evidence, Run, Variant
from report.page import markdown
from report.tables import cells, metric_tables

GOLDEN = Path(__file__).parents[1] / "golden"
CLEAN = (
    Finding("I1", "No oversell, at any moment", Verdict.PASS, "1000 of 1000 units sold"),
    Finding("I3", "Every acknowledged order exists", Verdict.PASS, "1100 of 1100"),
)
OVERSOLD = (
    Finding(
        "I1", "No oversell, at any moment", Verdict.FAIL, "1003 of 1000 units sold", 5,
        offences={"units sold beyond the stock": 3, "units held beyond the stock": 2},
    ),
    CLEAN[1],
)  # fmt: skip
LATE = (
    CLEAN[0],
    Finding(
        "I3", "Every acknowledged order exists", Verdict.FAIL, "4 not finished", 4,
        offences={"acknowledged orders not finished 60 s after the load": 4},
    ),
)  # fmt: skip


def an_estimate(value, low=None, high=None, unit="", warnings=(), per_run=()):
    return {
        "value": value, "unit": unit, "low": low, "high": high, "n": 3, "method": "by hand",
        "warnings": list(warnings), "per_run": list(per_run), "samples": None,
    }  # fmt: skip


def a_comparison(winner, factor, low, high, warnings=()):
    return {
        "baseline": "sync", "contender": "queue", "kind": "ratio" if factor else "none",
        "outcome": an_outcome(winner, factor), "detectable": 1.15 if factor else None,
        "winner": winner, "factor": factor, "difference": None, "low": low, "high": high,
        "n": 3 if factor else 0, "method": "by hand", "warnings": list(warnings),
    }  # fmt: skip


def an_outcome(winner, factor):
    if factor is None:
        return "not comparable"
    return {"queue": "better", "sync": "worse", None: "different"}[winner]


METRICS = {
    "confirmed_orders": ("Confirmed orders", "", "higher", "Orders", 0),
    "order_time_p95_s": ("Total order time, p95", "s", "lower", "Latency", 2),
    "order_time_p50_s": ("Total order time, p50", "s", "lower", "Latency", 2),
    "purchase_latency_p95_ms": ("Purchase latency, p95", "ms", "lower", "Latency", 0),
    "time_to_all_confirmed_s": ("Time to confirm the last unit", "s", "lower", "Latency", 1),
    "queue_depth_max": ("Queue depth, most", "", "lower", "Backlog", 0),
    "containers": ("Containers", "", None, "Resources", 0),
}
SYNC = {
    "confirmed_orders": an_estimate(412.3, 400.1, 424.6),
    "order_time_p95_s": an_estimate(
        None, 60.0, None, "s", ["at least 60 s: 7.1 % were not settled"]
    ),
    "order_time_p50_s": an_estimate(24.1, 22.0, 26.4, "s"),
    "purchase_latency_p95_ms": an_estimate(24559.2, 23873.0, 25444.0, "ms"),
    "queue_depth_max": an_estimate(None, warnings=["the approach has no queue"]),
    "containers": an_estimate(4, 4, 4),
    "time_to_all_confirmed_s": an_estimate(None, warnings=["not every unit was confirmed"]),
}
QUEUE = {
    "confirmed_orders": an_estimate(1000, 1000, 1000),
    "order_time_p95_s": an_estimate(7.4, 7.1, 7.7, "s"),
    "order_time_p50_s": an_estimate(2.61, 2.55, 2.67, "s"),
    "purchase_latency_p95_ms": an_estimate(4.96, 4.8, 5.1, "ms"),
    "queue_depth_max": an_estimate(612, 550, 670),
    "containers": an_estimate(13, 13, 13),
    "time_to_all_confirmed_s": an_estimate(97.4, 95.0, 99.9, "s"),
}
PAIRS = {
    "confirmed_orders": a_comparison("queue", 2.43, 2.36, 2.5),
    "order_time_p95_s": a_comparison(None, None, None, None, ["no ratio: sync: 7.1 %"]),
    "order_time_p50_s": a_comparison("queue", 0.108, 0.1, 0.117),
    "purchase_latency_p95_ms": a_comparison("queue", 0.000202, 0.0002, 0.000204),
    "queue_depth_max": a_comparison(None, None, None, None, ["no ratio: sync: no queue"]),
    "containers": a_comparison(None, 3.25, 3.25, 3.25),
    "time_to_all_confirmed_s": a_comparison(None, None, None, None, ["no ratio"]),
}


def a_run(index, findings=CLEAN, counts=True, trouble=""):
    return Run(
        index=index, block=1, counts=counts, trouble=trouble, seconds=pd.DataFrame(),
        purchase_ms=Durations(np.empty(0)), order_time_s=Durations(np.empty(0)), findings=findings,
        record=RunRecord.model_construct(),
    )  # fmt: skip


def an_evidence(queue_findings=CLEAN, valid=True, pairs=PAIRS, only=None):
    ranked = queue_findings is CLEAN and valid
    parts = [
        ("sync", "Synchronous", "outcome", True, SYNC, CLEAN),
        ("queue", "Queue + workers", "acceptance", ranked, QUEUE, queue_findings),
    ]
    variants, entries = [], []
    for name, title, acknowledges, is_ranked, metrics, findings in parts:
        if only not in (None, name):
            continue
        states = [
            {"index": i, "valid": valid or name == "sync", "reasons": ["stage 3 was not reached"]}
            for i in (1, 2, 3)
        ]
        entry = {
            "name": name, "title": title, "acknowledges": acknowledges, "ranked": is_ranked,
            "metrics": metrics, "runs": states,
        }  # fmt: skip
        runs = tuple(a_run(i, findings) for i in (1, 2, 3))
        variants.append(Variant(name, title, len(variants), is_ranked, entry, runs))
        entries.append(entry)
    keys = ("title", "unit", "better", "group", "digits")
    summary = {
        "variants": entries,
        "baseline": entries[0]["name"],
        "comparisons": []
        if only
        else [{"baseline": "sync", "contender": "queue", "metrics": pairs}],
        "metrics": {
            name: {**dict(zip(keys, facts, strict=True)), "order": order}
            for order, (name, facts) in enumerate(METRICS.items())
        },
    }
    scenario = {"product": {"name": "iPhone 15 Pro", "stock": 1000}}
    stages = (Stage(1, "rush", 300, 0.0, 60.0),)
    return Evidence({"scenario": scenario, "title": "Sale"}, summary, tuple(variants), stages)


def unranked(pairs=PAIRS):
    incomparable = {"winner": None, "outcome": "not comparable"}
    return {name: {**pair, **incomparable} for name, pair in pairs.items()}


def said(evidence):
    headline = conclusion.headline(evidence)
    return "\n".join([headline.title, "", *headline.problems, "", *headline.sentences]) + "\n"


def test_the_verdict_says_what_was_sold_that_it_is_clean_and_who_did_better():
    golden = (GOLDEN / "headline.txt").read_text(encoding="utf-8")
    assert said(an_evidence()).replace("\xa0", " ") == golden


def test_the_comparison_in_markdown_has_intervals_bounds_dashes_and_notes():
    golden = (GOLDEN / "comparison.md").read_text(encoding="utf-8")
    printed = markdown.table(metric_tables.comparison(an_evidence()))
    assert printed.replace("\xa0", " ") + "\n" == golden


def test_the_comparison_in_csv_has_plain_numbers_and_bounds_of_their_own():
    golden = (GOLDEN / "comparison.csv").read_text(encoding="utf-8")
    assert cells.to_csv(metric_tables.comparison(an_evidence())) == golden


def test_a_weak_set_up_is_told_by_its_class_and_is_no_failed_audit():
    weak = Finding(
        *("I16", "Stores were as durable as claimed", Verdict.FAIL, "appendfsync: 1", 1),
        category=Category.SET_UP,
    )
    text = said(an_evidence((*CLEAN, weak)))
    assert "The audit failed" not in text
    assert "audit FAILED" not in text
    told = "durability and security of the set-up FAILED, which excludes nobody. I16"
    assert told in text.replace("\xa0", " ")


def test_a_failed_audit_comes_first_and_nobody_wins():
    text = said(an_evidence(OVERSOLD, pairs=unranked()))
    assert text.startswith("The audit failed\n\nRuns 1, 2, 3 (Queue + workers): audit FAILED. I1")
    together = "units sold beyond the stock: 9; units held beyond the stock: 6"
    assert text.count(together) == 1
    assert "Not ranked: Queue + workers." in text
    assert "Oversold: 9." in text
    assert "Acknowledged orders lost: 0." in text
    assert "not ranked" in text
    assert " as many orders as " not in text
    assert " shorter " not in text


def test_why_there_is_no_value_is_said_whole():
    few = an_evidence()
    why = "92 values cannot support a p95: it takes 200"
    few.variants[0].facts["metrics"]["order_time_p95_s"] = an_estimate(None, warnings=[why])
    assert f"– (Synchronous; {why})" in said(few)
    few.variants[0].facts["metrics"]["order_time_p95_s"] = SYNC["order_time_p95_s"]


def test_what_was_not_finished_is_not_called_lost():
    text = said(an_evidence(LATE, pairs=unranked()))
    counted = "Acknowledged orders lost: 0. Cancelled: 0. Unfinished after the drain: 12."
    assert counted in text


def test_what_was_cancelled_after_it_was_acknowledged_is_counted_apart():
    kinds = {"acknowledged orders cancelled": 7}
    refused = Finding("I3", "Every order", Verdict.FAIL, "7 cancelled", 7, offences=kinds)
    text = said(an_evidence((CLEAN[0], refused), pairs=unranked()))
    assert "Acknowledged orders lost: 0. Cancelled: 21. Unfinished after the drain: 0." in text


def test_an_audit_that_kept_no_kinds_is_quoted_and_not_counted():
    old = (CLEAN[0], Finding("I3", "Every acknowledged order exists", Verdict.FAIL, "4 lost", 4))
    text = said(an_evidence(old, pairs=unranked()))
    assert "Acknowledged orders lost: see I3." in text


def test_a_failed_audit_leaves_the_winner_column_without_a_winner():
    table = metric_tables.comparison(an_evidence(OVERSOLD, pairs=unranked()))
    assert {row.cells[-1].below[1].text for row in table.rows} == {"not comparable"}


def test_an_invalid_run_is_named_with_its_reason():
    text = said(an_evidence(valid=False, pairs=unranked()))
    assert text.startswith("No ranking: a run is invalid or unaudited")
    assert "Run 2 is INVALID: stage 3 was not reached" in text


def test_what_the_audit_could_not_measure_is_not_zero():
    unknown = (Finding("I1", "No oversell", Verdict.UNKNOWN, "no stock moves"), CLEAN[1])
    text = said(an_evidence(unknown, pairs=unranked()))
    assert "Oversold: not known." in text
    assert "not measured by the audit: I1" in text


def test_what_no_run_measured_is_said_once():
    unknown = Finding("I19", "Every outcome was shown", Verdict.UNKNOWN, "not recorded")
    text = said(an_evidence((*CLEAN, unknown), pairs=unranked()))
    assert text.count("not measured by the audit: I19") == 1
    assert "Run 1 (Queue + workers), Run 2 (Queue + workers), Run 3 (Queue + workers): not" in text


def test_a_run_without_audit_is_not_clean():
    text = said(an_evidence((), pairs=unranked()))
    assert "Oversold: not known. Acknowledged orders lost: not known. Cancelled" in text


def test_an_interval_that_includes_equality_names_no_winner():
    undecided = a_comparison(None, 1.02, 0.9, 1.15) | {"outcome": "not decided"}
    pairs = dict.fromkeys(PAIRS, undecided)
    text = said(an_evidence(pairs=pairs))
    assert text.startswith(
        "No winner after 3 runs each: Synchronous confirmed 412 orders, Queue + workers"
    )
    assert "1.02× [0.90, 1.15], n\xa0=\xa03, not decided" in text
    table = metric_tables.comparison(an_evidence(pairs=pairs))
    assert {row.cells[-1].below[1].text for row in table.rows} == {"not decided"}


def test_one_run_each_names_no_winner_and_does_not_say_that_nothing_differs():
    undecided = a_comparison(None, 11.1, None, None) | {"outcome": "not decided", "n": 1}
    title = said(an_evidence(pairs=dict.fromkeys(PAIRS, undecided))).splitlines()[0]
    assert title.startswith("No winner after one run each: Synchronous confirmed 412 orders, ")
    assert "difference" not in title


def test_a_difference_within_delta_is_called_none():
    alike = a_comparison(None, 1.0, 0.99, 1.01) | {"outcome": "no difference within δ"}
    text = said(an_evidence(pairs=dict.fromkeys(PAIRS, alike)))
    assert text.startswith("No difference in confirmed orders that matters")


def test_who_sold_alike_is_told_apart_by_the_order_time_that_can_be_compared():
    pairs = {**PAIRS, "confirmed_orders": a_comparison(None, 1.0, 1.0, 1.0)}
    text = said(an_evidence(pairs=pairs))
    assert text.startswith("Queue + workers settled orders 9.3× faster")
    assert "confirmed the same number of orders in every block (n = 3)." in text


def test_a_faster_baseline_wins_too():
    pairs = {name: a_comparison("sync", 4.0, 3.0, 5.0) for name in PAIRS}
    pairs["confirmed_orders"] = a_comparison("sync", 0.5, 0.4, 0.6)
    text = said(an_evidence(pairs=pairs))
    assert text.startswith("Synchronous confirmed 2.0× as many orders")
    assert "Synchronous has a 4.0× shorter p95 total order time than Queue + workers" in text


def test_one_approach_alone_is_described_and_not_compared():
    text = said(an_evidence(only="queue"))
    assert text.startswith("Queue + workers, measured and audited")
    assert "compared" not in text
    columns = [
        column.title for column in metric_tables.comparison(an_evidence(only="queue")).columns
    ]
    assert columns == ["Metric", "Queue + workers"]


def test_the_footer_of_a_comparison_has_the_smallest_effect_that_it_could_have_found():
    footer = metric_tables.comparison(an_evidence()).footer
    assert "(80 % power): Confirmed orders 1.15× (n = 3), Purchase latency, p95 1.15×" in footer
    assert "δ is 15 %" in footer
    assert metric_tables.comparison(an_evidence(only="sync")).footer == ""


@pytest.mark.parametrize("only", [None, "sync"])
def test_every_caption_says_closed_workload_users_and_n(only):
    caption = metric_tables.comparison(an_evidence(only=only)).caption
    assert "closed workload, up to 300 users, n = 3 runs" in caption
