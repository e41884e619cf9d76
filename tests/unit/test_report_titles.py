"""The first words of a report of several variants: who won against the baseline, and who lost."""

from copy import deepcopy

import pytest

from harness.analysis.outcomes import Outcome
from report import conclusion
from report.evidence import Evidence, Variant
from tests.unit.test_report_words import CLEAN, PAIRS, a_comparison, a_run, an_evidence

UNDECIDED = a_comparison(None, 1.02, 0.9, 1.15) | {"outcome": Outcome.UNDECIDED}
SLOW = a_comparison("sync", 0.5, 0.4, 0.6)


def evidence(*confirmed):
    """Return a baseline and contenders; of each, how its confirmed orders compare."""
    base = an_evidence()
    sync, queue = base.variants
    variants, comparisons = [sync], []
    for number, found in enumerate(confirmed, start=1):
        name = f"v{number}"
        facts = {**deepcopy(queue.facts), "name": name}
        runs = tuple(a_run(3 * number + block, CLEAN) for block in (1, 2, 3))
        variants.append(Variant(name, f"V{number}", number, True, facts, runs))
        winner = {"queue": name, "sync": "sync", None: None}[found["winner"]]
        metrics = dict.fromkeys(PAIRS, UNDECIDED | {"contender": name})
        metrics["confirmed_orders"] = found | {"contender": name, "winner": winner}
        comparisons.append({"baseline": "sync", "contender": name, "metrics": metrics})
    summary = {
        **base.summary,
        "variants": [one.facts for one in variants],
        "comparisons": comparisons,
    }
    return Evidence(base.campaign, summary, tuple(variants), base.stages)


def won(factor):
    return a_comparison("queue", factor, 0.9 * factor, 1.1 * factor)


@pytest.mark.parametrize(
    ("found", "title"),
    [
        ([won(2.4)], "V1 confirmed 2.4× as many orders"),
        ([won(2.4), UNDECIDED], "V1 confirmed 2.4× as many orders as Synchronous"),
        ([won(2.4), won(1.2)], "V1 confirmed 2.4×, V2 1.2× as many orders as Synchronous"),
        (
            [won(2.4), SLOW],
            "V1 confirmed 2.4× as many orders as Synchronous; "
            "Synchronous confirmed 2.0× as many orders as V2",
        ),
        ([SLOW, SLOW], "Synchronous confirmed up to 2.0× as many orders as V1 and V2"),
        (
            [won(2.0), won(3.0), won(1.5), won(1.2), UNDECIDED],
            "4 of 5 variants confirmed up to 3.0× as many orders as Synchronous (V2)",
        ),
        (
            [UNDECIDED] * 5,
            "No winner after 3 runs each: the variants confirmed 412 to 1,000 orders",
        ),
    ],
)
def test_the_title_says_what_was_decided_against_the_baseline(found, title):
    assert conclusion.headline(evidence(*found)).title == title


@pytest.mark.parametrize(
    ("found", "uncertainty"),
    [
        ([won(2.4)], "95 % interval [2.16, 2.64], n = 3"),
        ([UNDECIDED], "1.02× [0.90, 1.15], n = 3, not decided"),
        ([won(2.4), SLOW], "95 % intervals: V1 [2.16, 2.64], V2 [1.67, 2.50]"),
        ([UNDECIDED] * 5, ""),
    ],
)
def test_beside_the_title_stands_how_sure_it_is(found, uncertainty):
    said = conclusion.headline(evidence(*found)).uncertainty
    assert said.replace("\xa0", " ") == uncertainty


def test_of_several_contenders_each_metric_is_one_sentence():
    said = conclusion.headline(evidence(won(2.4), SLOW, UNDECIDED)).sentences
    (of_orders,) = (one for one in said if one.startswith("Confirmed orders"))
    assert of_orders == (
        "Confirmed orders of 1,000 × iPhone 15 Pro, compared with Synchronous 412: "
        "V1 1,000 (2.40× higher [2.16, 2.64], better); "
        "V2 1,000 (2.00× lower [1.67, 2.50], worse); "
        "V3 1,000 (1.02× [0.90, 1.15], not decided)."
    )
    (of_time,) = (one for one in said if one.startswith("P95 total order time"))
    assert of_time == (
        "P95 total order time, each compared with Synchronous: 1.02× [0.90, 1.15], not decided."
    )
    (of_replies,) = (one for one in said if "on acceptance" in one)
    assert of_replies == (
        "Synchronous replies after payment, V1, V2 and V3 on acceptance: compare the "
        "total order time."
    )


def test_where_contenders_differ_in_time_their_values_are_said():
    found = evidence(won(2.4), SLOW)
    found.pairs[0].comparisons["order_time_p95_s"] |= {"factor": 0.5, "outcome": Outcome.BETTER}
    (of_time,) = (
        one for one in conclusion.headline(found).sentences if one.startswith("P95 total order")
    )
    assert of_time.replace("\xa0", " ").startswith(
        "P95 total order time, compared with Synchronous ≥ 60.0 s: V1 7.40 s ("
    )
