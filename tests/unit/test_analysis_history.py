"""A history of campaigns: what belongs to it, what is sought in it, what is told of a change."""

import copy
from dataclasses import replace
from typing import Any

import pytest

from harness.analysis import METRICS, History, Stored, history
from harness.analysis.change_points import LEAST
from harness.analysis.trends import FIRST, Excluded, Series
from tests.support.nightly import night, slower

P95 = "purchase_latency_peak_p95_ms"
SINCE, NIGHTS = 22, 30


def told(campaigns: dict[str, Stored]) -> History:
    found = history(campaigns)
    assert found is not None
    return found


def one_series(found: History, subject: str, metric: str = P95) -> Series:
    (series,) = (s for s in found.series if (s.subject, s.metric) == (subject, metric))
    return series


@pytest.fixture(scope="module")
def campaigns() -> dict[str, Stored]:
    return {f"n{at:02d}": slower(at, SINCE) for at in range(NIGHTS)}


def with_night(campaigns: dict[str, Stored], at: int, one: Stored) -> History:
    return told({**campaigns, f"n{at:02d}": one})


def test_a_change_is_told_with_its_nights_its_levels_and_its_verdict(
    campaigns: dict[str, Stored],
) -> None:
    found = told(campaigns)
    (change,) = one_series(found, "queue").changes
    assert abs(change.first_after - SINCE) <= 1
    assert change.last_before == change.first_after - 1
    assert change.before == pytest.approx(41, rel=0.05)
    assert change.after == pytest.approx(55, rel=0.05)
    assert (change.kind, change.change) == ("ratio", change.after / change.before)
    assert (change.n_before + change.n_after, change.verdict) == (NIGHTS, "worse")
    assert found.nights[change.first_after].revision == f"{change.first_after:07d}" + 33 * "a"


def test_the_ratio_between_the_approaches_changes_as_well_and_nothing_else(
    campaigns: dict[str, Stored],
) -> None:
    found = told(campaigns)
    assert {(series.subject, series.metric) for series, _ in found.changes} == {
        ("queue", P95),
        ("queue ÷ sync", P95),
    }


def test_the_order_of_the_folders_does_not_matter(campaigns: dict[str, Stored]) -> None:
    turned = {f"z{99 - at}": one for at, one in enumerate(campaigns.values())}
    found = told(dict(sorted(turned.items())))
    assert [night.folder for night in found.nights] == list(turned)
    assert [series.values for series in found.series] == [s.values for s in told(campaigns).series]


def test_less_is_better_or_worse_as_the_metric_says() -> None:
    found = told(
        {
            str(at): night(
                at,
                {"queue": {P95: 0.6, "order_time_p95_s": 1.8} if at > 15 else {}},
            )
            for at in range(NIGHTS)
        }
    )
    (faster,), (slower_,) = (
        one_series(found, "queue", metric).changes for metric in (P95, "order_time_p95_s")
    )
    assert (faster.verdict, slower_.verdict) == ("better", "worse")


def test_the_newest_change_comes_first_and_then_what_a_gate_decides_by() -> None:
    factors: dict[str, dict[str, float]] = {"queue": {}, "sync": {}}
    campaigns = {}
    for at in range(40):
        if at == 15:
            factors["queue"]["order_time_p95_s"] = 2.0
        if at == 30:
            factors["sync"] |= {"selling_cpu_s_per_order": 2.0, P95: 2.0}
        campaigns[f"{at:02d}"] = night(at, copy.deepcopy(factors), sd=0.02)
    found = told(campaigns).changes
    assert [(series.subject, series.metric, change.first_after) for series, change in found] == [
        ("sync", P95, 30),
        ("queue ÷ sync", P95, 30),
        ("sync", "selling_cpu_s_per_order", 30),
        ("queue ÷ sync", "selling_cpu_s_per_order", 30),
        ("queue", "order_time_p95_s", 15),
        ("queue ÷ sync", "order_time_p95_s", 15),
    ]


def test_before_there_are_twenty_nights_none_is_sought(campaigns: dict[str, Stored]) -> None:
    few = dict(list(campaigns.items())[-LEAST + 1 :])
    found = told(few)
    assert found.changes == []
    assert one_series(found, "queue").why == "20 nights are needed, there are 19"
    assert told({"only": night(0)}).series[0].why == "20 nights are needed, there is 1"


@pytest.mark.parametrize(
    "unsound",
    [{"valid": False, "reasons": ["a law is broken"]}, {"audit_verdict": "UNKNOWN"}],
)
def test_what_is_not_sound_is_shown_and_not_searched(
    campaigns: dict[str, Stored], unsound: dict[str, Any]
) -> None:
    bad = night(25, {"queue": {P95: 50.0}})
    bad.summary["variants"][1]["runs"][2] |= unsound
    found = with_night(campaigns, 25, bad)
    (trouble,) = found.nights[25].troubles
    assert trouble.startswith(("run 3 (queue) is INVALID: a law", "the audit of run 3 (queue) is"))
    series = one_series(found, "queue")
    assert series.values[25] == pytest.approx(2050, rel=0.2)
    (change,) = series.changes
    assert change.n_before + change.n_after == NIGHTS - 1


def test_another_experiment_is_left_out_with_its_reasons(campaigns: dict[str, Stored]) -> None:
    found = with_night(campaigns, 3, night(3, changes={"runtime": "docker", "seed": 7}))
    reasons = ("runtime: local in A, docker in B", "seed: 42 in A, 7 in B")
    assert found.left_out == (Excluded("n03", reasons),)
    assert len(found.nights) == NIGHTS - 1


def test_the_newest_decides_what_belongs_together(campaigns: dict[str, Stored]) -> None:
    found = with_night(campaigns, NIGHTS - 1, night(NIGHTS - 1, changes={"seed": 7}))
    assert [one.folder for one in found.nights] == [f"n{NIGHTS - 1:02d}"]
    assert len(found.left_out) == NIGHTS - 1


def test_another_machine_has_only_its_ratios(campaigns: dict[str, Stored]) -> None:
    found = with_night(campaigns, 5, night(5, changes={"environment/cores": 8}))
    assert found.nights[5].is_other_machine
    assert found.nights[5].machine == "Some CPU, 8 cores"
    assert one_series(found, "queue").values[5] is None
    assert one_series(found, "queue ÷ sync").values[5] is not None
    (change,) = one_series(found, "queue").changes
    assert change.n_before + change.n_after == NIGHTS - 1


def test_contention_tests_and_what_cannot_be_read_are_no_part_of_it() -> None:
    contention = night(1, changes={"scenario/contention": {"sales": 10}})
    broken = Excluded("broken", ("cannot read",))
    found = history({"a": night(0), "contention": contention}, [broken])
    assert found is not None
    assert found.left_out == (broken, Excluded("contention", ("a contention test has no metrics",)))
    assert history({"contention": contention}) is None
    assert history({}) is None


def test_errors_that_begin_are_told_as_a_difference() -> None:
    def with_errors(at: int) -> Stored:
        one = night(at)
        summary = copy.deepcopy(dict(one.summary))
        for variant in summary["variants"]:
            rate = 12.0 + at % 2 if at >= 20 else 0.0
            variant["metrics"]["http_error_rate_pct"]["value"] = rate
        return replace(one, summary=summary)

    found = told({f"{at:02d}": with_errors(at) for at in range(NIGHTS)})
    (change,) = one_series(found, "queue", "http_error_rate_pct").changes
    assert (change.kind, change.before, change.change) == ("difference", 0.0, 12.5)
    assert (change.first_after, change.verdict) == (20, "worse")


def test_what_comes_first_is_what_there_is() -> None:
    assert set(FIRST) <= set(METRICS)
    shown = list(dict.fromkeys(series.metric for series in told({"only": night(0)}).series))
    assert shown == [metric for metric in FIRST if metric in shown]
