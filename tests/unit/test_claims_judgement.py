"""Claims held against a summary made by hand: the published load, two approaches, six runs."""

from copy import deepcopy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.analysis.funnel import STEPS
from harness.analysis.run_facts import Stage
from harness.results.findings import Finding, Verdict
from harness.scenario.model import load_scenario
from report.claims import published
from report.claims.claim_judgement import judge_all, other_load
from report.claims.claim_verdict import ClaimVerdict
from report.claims.decision_framework import steps, taken
from report.evidence import Durations, Evidence, Run, Variant

ROOT = Path(__file__).parents[2]
DATA = published.load()
SCENARIO = load_scenario("flash_sale", ROOT).model_dump(mode="json")


def est(value, low, high, unit="", warnings=()):
    return {
        "value": value, "unit": unit, "low": low, "high": high, "n": 3, "method": "by hand",
        "warnings": list(warnings), "per_run": [], "samples": None,
    }  # fmt: skip


def ratio(factor, low, high, contender="queue"):
    baseline = "sync" if contender == "queue" else "queue"
    return {
        "baseline": baseline, "contender": contender, "kind": "ratio", "winner": None,
        "factor": factor, "difference": None, "low": low, "high": high, "n": 3, "warnings": [],
    }  # fmt: skip


def difference(low, high):
    found = ratio(None, low, high)
    return found | {"kind": "difference", "difference": (low + high) / 2}


METRICS = {
    "api_latency_p95_ms": (est(29900, 29880, 29940, "ms"), est(10, 2, 35, "ms")),
    "confirmed_orders": (est(438, 435, 441), est(1000, 1000, 1000)),
    "success_rate_pct": (est(88.8, 88.4, 89.3, "%"), est(89.5, 89.3, 89.7, "%")),
    "server_errors": (est(487, 480, 490), est(0, 0, 0)),
    "timeouts": (est(0, 0, 0), est(0, 0, 0)),
    "order_time_p95_s": (est(None, 60.0, None, "s", ["7 % were not settled"]), est(5, 5, 5, "s")),
}
COMPARISONS = {
    "api_latency_p95_ms": ratio(1 / 4000, 1 / 20000, 1 / 800),
    "confirmed_orders": ratio(2.28, 2.27, 2.30),
    "server_errors": difference(-490, -480),
    "timeouts": difference(0, 0),
    "order_time_p95_s": ratio(None, None, None) | {"kind": "none", "warnings": ["no ratio"]},
}


def a_run(index, verdict=Verdict.PASS, count=0, trouble=""):
    found = (Finding("I1", "No oversell", verdict, "as counted", count),)
    nothing = Durations(np.empty(0))
    return Run(index, 1, True, trouble, pd.DataFrame(), nothing, nothing, found, {})


CLEAN = a_run(1), a_run(2)


def a_campaign(sync_run=CLEAN[0], queue_run=CLEAN[1]):
    summary = {
        "campaign": {"scenario": SCENARIO, "n_blocks": 3},
        "load": {"seconds": 300.0, "peak_users": 300},
        "metrics": {
            id: {"title": id, "unit": both[0]["unit"], "digits": 1} for id, both in METRICS.items()
        },
        "baseline": "sync",
        "comparisons": [
            {"baseline": "sync", "contender": "queue", "metrics": deepcopy(COMPARISONS)}
        ],
        "funnel": {
            name: [
                {"step": step, "mean": 421, "low": 420, "high": 422,
                 "share_of_attempts": share, "share_low": share, "share_high": share}
                for step, _, _ in STEPS
            ]
            for name, share in (("sync", 0.6), ("queue", 2.5))
        },
        "levels": {"sync": [{"up_to": 200, "error_rate_pct": est(15, 14, 16, "%")}], "queue": []},
        "cost": None,
    }  # fmt: skip
    variants = tuple(
        Variant(
            name, title, position, True,
            {
                "approach": name,
                "metrics": {id: deepcopy(both[position]) for id, both in METRICS.items()},
            },
            runs,
        )
        for position, (name, title, runs) in enumerate(
            [("sync", "Synchronous", (sync_run,)), ("queue", "Queue + workers", (queue_run,))]
        )
    )  # fmt: skip
    stages = (Stage(1, "peak", 300, 0, 300),)
    described = {
        "scenario": deepcopy(SCENARIO), "n_blocks": 3,
        "variants": [
            {"name": name, "approach": name, "scale": {}, "settings": {}, "delay_ms": None}
            for name in ("sync", "queue")
        ],
    }  # fmt: skip
    return Evidence(described, summary, variants, stages)


def judged(evidence, id):
    """Judge one claim: the summary made by hand has the metrics of few."""
    alone = DATA.model_copy(update={"claims": (DATA.by_id[id],)})
    alone.__dict__["values"] = DATA.values
    (one,) = judge_all(alone, evidence)
    return one


@pytest.mark.parametrize(
    ("id", "word", "shown"),
    [
        ("confirmed", ClaimVerdict.REPRODUCED, "1,000"),
        ("confirmed_sync", ClaimVerdict.CONTRADICTED, "438 [435, 441]"),
        ("confirmed_gain", ClaimVerdict.CONTRADICTED, "2.28× higher [2.27, 2.30]"),
        ("api_p95_gain", ClaimVerdict.REPRODUCED, "4,000× lower [800, 20,000]"),
        ("success_gain", ClaimVerdict.CONTRADICTED, "+0.7 points [0.0, 1.3]"),
        ("server_errors_gain", ClaimVerdict.REPRODUCED, "0 against 487 [480, 490]"),
        ("timeouts_gain", ClaimVerdict.CONTRADICTED, "0 against 0"),
        ("order_time_sync", ClaimVerdict.CONTRADICTED, "≥ 60.0\N{NO-BREAK SPACE}s"),
        ("funnel_accepted_sync", ClaimVerdict.REPRODUCED, "421 [420, 422]"),
        ("funnel_share", ClaimVerdict.REPRODUCED, "2.5\N{NO-BREAK SPACE}%"),
        ("level_200", ClaimVerdict.REPRODUCED, "15.0\N{NO-BREAK SPACE}% [14.0, 16.0]"),
        ("no_oversell", ClaimVerdict.REPRODUCED, "0 oversold in 2 runs"),
    ],
)
def test_each_kind_of_claim_finds_its_number(id, word, shown):
    found = judged(a_campaign(), id)
    assert found.verdict.word is word
    assert found.ours.text.removesuffix(".0") == shown.removesuffix(".0")


@pytest.mark.parametrize(
    ("id", "reason"),
    [
        ("crowd", "this load has 300 users at the peak"),
        ("stock", "a setting; here it is 1,000, too"),
        ("workers", "a setting, which this campaign does not have"),
        ("level_300", "no level ends at 300 users"),
        ("order_time_gain", "no ratio"),
    ],
)
def test_what_cannot_be_tested_says_why(id, reason):
    found = judged(a_campaign(), id)
    assert found.verdict.word is ClaimVerdict.NOT_TESTED
    assert found.verdict.why.startswith(reason)
    assert found.ours is None


def test_a_setting_that_is_another_is_no_contradiction():
    evidence = a_campaign()
    evidence.summary["campaign"]["n_blocks"] = 5
    found = judged(evidence, "runs")
    assert (found.verdict.word, found.verdict.why) == (
        ClaimVerdict.NOT_TESTED, "a setting; here it is 5"
    )  # fmt: skip


def test_an_oversell_contradicts_and_an_unknown_audit_tests_nothing():
    oversold = a_campaign(queue_run=a_run(2, Verdict.FAIL, 3))
    assert judged(oversold, "no_oversell").verdict.word is ClaimVerdict.CONTRADICTED
    unknown = a_campaign(queue_run=a_run(2, Verdict.UNKNOWN))
    assert judged(unknown, "no_oversell").verdict.word is ClaimVerdict.NOT_TESTED


def test_an_invalid_run_can_oversell_but_not_prove_that_nothing_does():
    invalid = a_campaign(a_run(1, trouble="invalid"), a_run(2, trouble="invalid"))
    assert judged(invalid, "no_oversell").verdict.word is ClaimVerdict.NOT_TESTED
    oversold = a_campaign(queue_run=a_run(2, Verdict.FAIL, 3, trouble="invalid"))
    assert judged(oversold, "no_oversell").verdict.word is ClaimVerdict.CONTRADICTED
    one_left = a_campaign(queue_run=a_run(2, trouble="invalid"))
    assert judged(one_left, "no_oversell").ours.text == "0 oversold in 1 run"


def test_an_approach_that_is_not_ranked_reproduces_nothing():
    evidence = a_campaign()
    object.__setattr__(evidence.variants[1], "ranked", False)
    assert judged(evidence, "confirmed").verdict.word is ClaimVerdict.NOT_TESTED
    assert judged(evidence, "confirmed_gain").verdict.word is ClaimVerdict.NOT_TESTED
    assert judged(evidence, "confirmed_sync").verdict.word is ClaimVerdict.CONTRADICTED


def test_an_approach_that_was_not_measured_is_not_tested():
    evidence = a_campaign()
    alone = Evidence(evidence.campaign, evidence.summary, evidence.variants[1:], evidence.stages)
    assert judged(alone, "confirmed").verdict.word is ClaimVerdict.REPRODUCED
    assert (
        judged(alone, "confirmed_sync").verdict.why == "this campaign has no synchronous approach"
    )
    assert judged(alone, "confirmed_gain").verdict.word is ClaimVerdict.NOT_TESTED


def test_a_comparison_the_other_way_round_is_turned():
    evidence = a_campaign()
    turned = ratio(1 / 2.28, 1 / 2.30, 1 / 2.27, contender="sync")
    evidence.summary["comparisons"][0]["metrics"]["confirmed_orders"] = turned
    found = judged(evidence, "confirmed_gain")
    assert found.ours.text == "2.28× higher [2.27, 2.30]"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c["scenario"]["product"].update(stock=120), ["stock"]),
        (lambda c: c["scenario"]["load"].update(buyer="watching"), ["buyers"]),
        (lambda c: c["scenario"]["stages"].pop(), ["stages"]),
        (lambda c: c["scenario"]["payment"].update(mean_s=1.0), ["payment latency"]),
        (
            lambda c: c["scenario"].update(approach={"sync": {"settings": {"api.THREADS": "64"}}}),
            ["settings of the scenario"],
        ),
        (lambda c: c["variants"][0].update(settings={"api.THREADS": "300"}), ["api.THREADS = 300"]),
        (lambda c: c["variants"][1].update(scale={"payment-worker": 2}), ["payment-worker × 2"]),
        (lambda c: c["variants"][1].update(delay_ms=20.0), ["20 ms before it"]),
        (lambda c: None, []),
    ],
)
def test_another_load_or_system_tests_no_figure(change, said):
    evidence = a_campaign()
    change(evidence.campaign)
    assert other_load(DATA.load, evidence) == said
    figure = judged(evidence, "confirmed").verdict
    assert (figure.word is ClaimVerdict.NOT_TESTED) == bool(said)


def test_under_another_load_a_direction_is_judged_without_its_size():
    evidence = a_campaign()
    evidence.campaign["scenario"]["product"]["stock"] = 120
    found = judged(evidence, "confirmed_gain").verdict
    assert found.word is ClaimVerdict.REPRODUCED
    assert found.why == "the direction alone: the load is another"
    assert judged(evidence, "no_oversell").verdict.word is ClaimVerdict.REPRODUCED


def test_costs_by_another_price_table_are_not_tested():
    evidence = a_campaign()
    bills = {"sync": {"bill": est(57, 57, 57)}, "queue": {"bill": est(500, 500, 500)}}
    evidence.summary["cost"] = {"variants": bills, "prices": {"sales_per_month": 1}}
    assert judged(evidence, "roi").verdict.why == "its price table is not the published one"


@pytest.mark.parametrize(
    ("order_usd", "sales", "use"),
    [(999.99, 1, ("queue", "")), (10, 0.5, ("queue", ", on demand")), (10, 1, ("sync", ""))],
)
def test_the_published_decision_framework(order_usd, sales, use):
    branches = steps(order_usd, sales, DATA)
    decides = branches[taken(branches)]
    assert (decides.use, decides.how) == use
