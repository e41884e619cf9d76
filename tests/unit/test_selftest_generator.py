import pytest

from harness.selftest.generator_limits import highest_that_passes


def search(limit, *, slowest=200, fastest=12_800, halvings=2):
    tried = []

    def passes(per_s):
        tried.append(per_s)
        return per_s <= limit

    return highest_that_passes(passes, slowest, fastest, halvings), tried


def test_the_rate_is_doubled_until_it_fails_and_then_the_gap_is_halved():
    assert search(1100) == (1000, [200, 400, 800, 1600, 1200, 1000])


@pytest.mark.parametrize("limit", [200, 333, 799, 800, 1599, 5000])
def test_what_is_returned_passed_and_was_not_far_from_what_did_not(limit):
    best, tried = search(limit)
    assert best in tried
    assert best <= limit < best * 1.25


def test_nothing_is_refined_if_not_even_the_slowest_passes():
    assert search(100) == (0, [200])


def test_nothing_faster_than_the_fastest_is_tried():
    assert search(10**9) == (12_800, [200 * 2**n for n in range(7)])
