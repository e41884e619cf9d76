import math

import pytest

from harness.analysis.comparison import Side, compare
from harness.analysis.estimates import Estimate
from harness.analysis.metrics import METRICS

P95 = METRICS["api_latency_p95_ms"]
ERRORS = METRICS["server_errors"]
CONFIRMED = METRICS["confirmed_orders"]


def by_block(*values: float | None) -> dict[int, float | None]:
    return dict(enumerate(values, start=1))


SYNC = Side("sync", by_block(510.0, 540.0, 560.0))
QUEUE = Side("queue", by_block(92.0, 88.0, 101.0))


def test_ratio_is_the_geometric_mean_of_the_ratios_within_blocks():
    found = compare(P95, SYNC, QUEUE)
    logs = [math.log(b / a) for a, b in [(510, 92), (540, 88), (560, 101)]]
    assert found.kind == "ratio"
    assert found.factor == pytest.approx(math.exp(sum(logs) / 3))
    assert 1 / found.high < 5.7 < 1 / found.low
    assert found.n == 3


def test_the_lower_latency_wins_if_the_interval_excludes_equality():
    assert compare(P95, SYNC, QUEUE).winner == "queue"
    assert compare(P95, QUEUE, SYNC).winner == "queue"


def test_more_confirmed_orders_win():
    one, other = Side("sync", by_block(300, 310, 320)), Side("queue", by_block(999, 1000, 998))
    assert compare(CONFIRMED, one, other).winner == "queue"


def test_nobody_wins_if_the_interval_includes_equality():
    other = Side("queue", by_block(400.0, 560.0, 540.0))
    found = compare(P95, SYNC, other)
    assert found.low < 1 < found.high
    assert found.winner is None


def test_nobody_wins_against_an_approach_that_is_not_ranked():
    dirty = Side("queue", QUEUE.by_block, is_ranked=False)
    found = compare(P95, SYNC, dirty)
    assert found.winner is None
    assert found.factor == compare(P95, SYNC, QUEUE).factor
    assert found.warnings == ("no winner: queue not ranked",)


def test_a_metric_without_better_is_compared_but_not_won():
    found = compare(METRICS["purchase_requests"], SYNC, QUEUE)
    assert found.factor is not None
    assert found.winner is None


def test_zeros_are_compared_by_difference():
    one, other = Side("sync", by_block(480.0, 490.0, 500.0)), Side("queue", by_block(0.0, 0.0, 0.0))
    found = compare(ERRORS, one, other)
    assert (found.kind, found.factor, found.difference) == ("difference", None, -490.0)
    assert found.low < -490 < found.high < 0
    assert found.winner == "queue"
    assert any(warning.startswith("no ratio:") for warning in found.warnings)


def test_zero_on_both_sides_is_a_draw():
    zeros = by_block(0.0, 0.0, 0.0)
    assert compare(ERRORS, Side("sync", zeros), Side("queue", zeros)).winner is None


def test_one_block_gives_a_factor_without_interval_or_winner():
    found = compare(P95, Side("sync", by_block(500.0)), Side("queue", by_block(50.0)))
    assert found.factor == pytest.approx(0.1)
    assert (found.low, found.high, found.detectable, found.winner) == (None, None, None, None)
    assert "one run each: no winner named" in found.warnings


def test_a_block_in_which_one_side_does_not_count_is_left_out():
    without_second = Side("queue", {1: 92.0, 3: 101.0})
    found = compare(P95, SYNC, without_second)
    assert found.n == 2
    assert any("block 2" in warning for warning in found.warnings)


def test_an_unmeasurable_value_is_never_left_out_silently():
    one = Side("sync", by_block(510.0, None, 560.0))
    found = compare(P95, one, QUEUE)
    assert (found.kind, found.n, found.winner) == ("none", 0, None)
    assert found.warnings == ("no ratio: block 2 of sync has too few samples",)


def test_an_unmeasurable_estimate_says_why_there_is_no_ratio():
    unknown = Estimate(None, "ms", 30e3, None, 1, "", ("at least 30000 ms",), (None,))
    found = compare(P95, Side("sync", by_block(None), unknown), Side("queue", by_block(90.0)))
    assert found.kind == "none"
    assert found.warnings == ("no ratio: sync: at least 30000 ms",)


def test_what_is_configured_is_exact_at_any_number_of_blocks():
    one, other = Side("sync", by_block(2.0)), Side("queue", by_block(13.0))
    found = compare(METRICS["containers"], one, other)
    assert (found.low, found.factor, found.high) == (6.5, 6.5, 6.5)
    assert found.winner == "sync"


def test_a_typical_ratio_unlike_that_of_the_merged_values_is_a_warning():
    merged = [Estimate(v, "ms", None, None, 3, "", (), ()) for v in (537.0, 180.0)]
    sync, queue = Side("sync", SYNC.by_block, merged[0]), Side("queue", QUEUE.by_block, merged[1])
    found = compare(P95, sync, queue)
    assert any("one run differs strongly" in warning for warning in found.warnings)
