"""When a campaign has run enough: what a look decides, and what it says."""

import pytest

from harness.analysis.looks import AFTER_BLOCKS, CONFIDENCE, PRIMARY, Look, look, progress_text
from harness.analysis.outcomes import Outcome
from tests.support.summaries import a_summary

P95 = "purchase_latency_p95_ms"
CERTAIN = {"sync": {P95: [500.0, 510.0, 505.0]}, "queue": {P95: [50.0, 51.0, 50.5]}}
NOISY = {"sync": {P95: [100.0, 160.0, 70.0]}, "queue": {P95: [150.0, 60.0, 110.0]}}


def outcomes(values, **rest):
    found = look(a_summary(values, 3, **rest), 3)
    return found, {one.metric: one.outcome for one in found.decisions}


def test_equal_and_clearly_different_metrics_are_decided():
    found, by_metric = outcomes(CERTAIN)
    assert set(by_metric) == set(PRIMARY)
    assert by_metric.pop(P95) is Outcome.BETTER
    assert set(by_metric.values()) == {Outcome.ALIKE}
    assert found.is_decided


def test_what_varies_too_much_is_not_decided():
    found, by_metric = outcomes(NOISY)
    assert by_metric[P95] is Outcome.UNDECIDED
    assert not found.is_decided
    assert found.words == "not decided: Purchase latency (acknowledgement), p95"


def test_a_look_asks_for_more_certainty_than_a_table():
    """At 95 % this would be decided; with three looks that is not enough."""
    values = {"sync": {P95: [100.0, 100.0, 100.0]}, "queue": {P95: [130.0, 140.0, 160.0]}}
    assert a_summary(values, 3)["comparisons"][0]["metrics"][P95]["outcome"] == Outcome.WORSE
    assert outcomes(values)[1][P95] is Outcome.UNDECIDED
    assert pytest.approx(0.98333, abs=1e-5) == CONFIDENCE


@pytest.mark.parametrize("sides", [{"unranked": ["sync"]}, {"invalid": ["sync"]}])
def test_no_more_blocks_are_asked_for_what_they_would_not_make_comparable(sides):
    found, by_metric = outcomes(NOISY, **sides)
    assert by_metric[P95] in (Outcome.INCOMPARABLE, Outcome.INVALID)
    assert found.is_decided
    assert found.words.startswith("not comparable: ")


def test_a_percentile_that_a_run_does_not_support_is_not_waited_for():
    found, by_metric = outcomes({**CERTAIN, "queue": {P95: [50.0, None, 50.5]}})
    assert by_metric[P95] is Outcome.INCOMPARABLE
    assert found.is_decided


def test_of_three_variants_two_must_be_decided_against_the_baseline():
    third = {"other": {P95: [100.0, 400.0, 20.0]}}
    found, _ = outcomes({**CERTAIN, **third})
    assert len(found.decisions) == 2 * len(PRIMARY)
    assert not found.is_decided


def test_a_look_is_read_back_as_it_was_recorded():
    for values in (CERTAIN, NOISY):
        found, _ = outcomes(values)
        assert Look.of_json(found.as_json()) == found


def campaign(*looks):
    taken = [
        Look(blocks, outcomes(values, **rest)[0].decisions).as_json()
        for blocks, values, rest in looks
    ]
    return {"looks": {"after_blocks": list(AFTER_BLOCKS), "taken": taken}}


@pytest.mark.parametrize(
    ("description", "words"),
    [
        ({}, ""),
        (campaign(), "at most 8 blocks; no look was taken yet"),
        (campaign((3, CERTAIN, {})), "3 of at most 8 blocks; decided after look 1"),
        (
            campaign((3, NOISY, {}), (5, CERTAIN, {})),
            "5 of at most 8 blocks; decided after look 2",
        ),
        (
            campaign((3, NOISY, {})),
            "3 of at most 8 blocks; so far not decided: Purchase latency (acknowledgement), p95 "
            "(look 1)",
        ),
        (
            campaign((3, NOISY, {}), (5, NOISY, {}), (8, NOISY, {})),
            "8 of at most 8 blocks; not decided: Purchase latency (acknowledgement), p95 (look 3)",
        ),
    ],
)
def test_a_report_says_how_the_number_of_runs_was_found(description, words):
    assert progress_text(description) == words


def test_a_report_says_what_could_not_be_decided_at_all():
    words = progress_text(campaign((3, CERTAIN, {"unranked": ["queue"]})))
    assert words.startswith("3 of at most 8 blocks; decided after look 1, but not comparable: ")
