"""The word of a row: every word has its case, and neither δ nor the interval decides alone."""

import math

import pytest

from harness.analysis.comparison import Side, compare
from harness.analysis.metrics import METRICS
from harness.analysis.outcomes import Margin, Outcome, decide

MARGIN = Margin(share=0.15, absolute=2.0)
P95 = METRICS["api_latency_p95_ms"]
CONFIRMED = METRICS["confirmed_orders"]
ERRORS = METRICS["server_errors"]
ATTEMPTS = METRICS["purchase_attempts"]


@pytest.mark.parametrize(
    ("center", "interval", "outcome"),
    [
        (0.5, (0.4, 0.6), Outcome.BETTER),
        (2.0, (1.5, 2.7), Outcome.WORSE),
        (1.2, (1.01, 1.43), Outcome.WORSE),
        (1.03, (1.01, 1.05), Outcome.ALIKE),
        (1.0, (0.88, 1.14), Outcome.ALIKE),
        (1.0, (1 / 1.15, 1.15), Outcome.ALIKE),
        (1.0, (0.86, 1.10), Outcome.UNDECIDED),
        (1.10, (1.01, 1.20), Outcome.UNDECIDED),
        (1.5, (0.9, 2.5), Outcome.UNDECIDED),
        (5.0, None, Outcome.UNDECIDED),
    ],
)
def test_better_takes_an_effect_beyond_delta_and_an_interval_without_equality(
    center, interval, outcome
):
    assert decide("lower", MARGIN, "ratio", center, interval) is outcome


def test_what_is_better_depends_on_the_metric_and_without_it_there_is_a_difference():
    found = [decide(b, MARGIN, "ratio", 2.0, (1.5, 2.7)) for b in ("higher", "lower", None)]
    assert found == [Outcome.BETTER, Outcome.WORSE, Outcome.DIFFERENT]


@pytest.mark.parametrize("better", ["lower", "higher"])
@pytest.mark.parametrize("interval", [(0.4, 0.6), (0.9, 1.1), (1.01, 1.3), (0.7, 0.99)])
def test_turning_a_ratio_round_turns_the_word_round(better, interval):
    center = math.sqrt(interval[0] * interval[1])
    turned = {Outcome.BETTER: Outcome.WORSE, Outcome.WORSE: Outcome.BETTER}
    found = decide(better, MARGIN, "ratio", center, interval)
    inverse = (1 / interval[1], 1 / interval[0])
    assert decide(better, MARGIN, "ratio", 1 / center, inverse) is turned.get(found, found)


@pytest.mark.parametrize(
    ("center", "interval", "outcome"),
    [
        (-490.0, (-515.0, -465.0), Outcome.BETTER),
        (1.0, (0.5, 1.5), Outcome.ALIKE),
        (0.0, (0.0, 0.0), Outcome.ALIKE),
        (3.0, (-1.0, 7.0), Outcome.UNDECIDED),
    ],
)
def test_differences_have_a_delta_in_the_unit_of_the_metric(center, interval, outcome):
    assert decide("lower", MARGIN, "difference", center, interval) is outcome


def sides(before, after, **of_after):
    blocks = [dict(enumerate(values, start=1)) for values in (before, after)]
    return Side("sync", blocks[0]), Side("queue", blocks[1], **of_after)


def test_a_verdict_is_about_the_contender_and_names_the_winner():
    found = compare(P95, *sides([510, 540, 560], [92, 88, 101]))
    assert (found.outcome, found.winner) == (Outcome.BETTER, "queue")
    found = compare(P95, *sides([92, 88, 101], [510, 540, 560]))
    assert (found.outcome, found.winner) == (Outcome.WORSE, "sync")


def test_a_difference_that_is_certain_and_small_has_no_winner():
    found = compare(P95, *sides([100, 101, 102], [102, 103, 104]))
    assert found.low > 1
    assert (found.outcome, found.winner, found.delta) == (Outcome.ALIKE, None, 0.15)


def test_more_orders_by_less_than_delta_are_no_difference():
    assert compare(CONFIRMED, *sides([990, 991, 990], [999, 1000, 998])).outcome is Outcome.ALIKE


def test_no_error_on_either_side_is_no_difference():
    assert compare(ERRORS, *sides([0, 0, 0], [0, 0, 0])).outcome is Outcome.ALIKE


def test_a_metric_that_nobody_wins_differs():
    found = compare(ATTEMPTS, *sides([553, 540, 560], [44_000, 43_900, 44_200]))
    assert (found.outcome, found.winner) == (Outcome.DIFFERENT, None)


def test_an_approach_whose_audit_is_not_clean_is_not_comparable():
    found = compare(P95, *sides([510, 540, 560], [92, 88, 101], is_ranked=False))
    assert (found.outcome, found.winner) == (Outcome.INCOMPARABLE, None)


def test_an_approach_without_a_valid_run_is_an_invalid_run():
    invalid = {"is_ranked": False, "is_valid": False}
    found = compare(P95, *sides([510, 540, 560], [92, 88, 101], **invalid))
    assert (found.outcome, found.winner) == (Outcome.INVALID, None)
    assert compare(P95, *sides([510], [None], **invalid)).outcome is Outcome.INVALID


def test_what_cannot_be_measured_is_not_comparable_and_one_block_decides_nothing():
    assert compare(P95, *sides([510], [None])).outcome is Outcome.INCOMPARABLE
    assert decide("lower", MARGIN, "none", 0.0, None) is Outcome.INCOMPARABLE
    assert compare(P95, *sides([510], [92])).outcome is Outcome.UNDECIDED


def test_runs_that_vary_much_make_a_verdict_that_says_so():
    quiet = compare(P95, *sides([500, 510, 505], [92, 93, 91]))
    noisy = compare(P95, *sides([500, 500, 500], [205, 250, 305]))
    assert quiet.outcome is noisy.outcome is Outcome.BETTER
    assert not any("not at 99" in warning for warning in quiet.warnings)
    assert any("not at 99" in warning for warning in noisy.warnings)


def test_the_detectable_effect_is_never_within_delta():
    quiet = compare(P95, *sides([500, 500, 500], [500, 500, 500]))
    assert quiet.detectable == pytest.approx(1.15)
    noisy = compare(P95, *sides([500, 600, 400], [450, 500, 470]))
    assert noisy.detectable > 1.5
    assert compare(METRICS["containers"], *sides([2], [13])).detectable is None
