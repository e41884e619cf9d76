"""When a campaign will be over: by a guess at first, then by its own runs."""

import pytest

from harness.campaign import eta
from harness.campaign.eta import OVERHEAD_GUESS_S, EtaEstimator


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now_s = 1000.0

        def monotonic(self):
            return self.now_s

    clock = Clock()
    monkeypatch.setattr(eta, "time", clock)
    return clock


def test_the_first_run_is_guessed_and_the_others_follow_it(clock):
    one = EtaEstimator(3, load_s=60.0)
    assert one.left_s() == 3 * (60 + OVERHEAD_GUESS_S)
    one.run_begins()
    clock.now_s += 40
    assert one.left_s() == 3 * (60 + OVERHEAD_GUESS_S) - 40
    clock.now_s += 60
    one.run_ends()
    assert one.left_s() == 2 * 100
    assert one.words == "about 3 min left"


def test_a_run_that_takes_longer_than_expected_takes_nothing_from_the_others(clock):
    one = EtaEstimator(2, load_s=10.0)
    one.run_begins()
    clock.now_s += 500
    assert one.left_s() == 10 + OVERHEAD_GUESS_S
    assert one.words == "about 35 s left"


def test_how_much_of_a_run_is_over(clock):
    one = EtaEstimator(2, load_s=75.0)
    assert one.part_of_run() == 0.0
    one.run_begins()
    clock.now_s += (75 + OVERHEAD_GUESS_S) / 4
    assert one.part_of_run() == 0.25
    clock.now_s += 1e6
    assert one.part_of_run() == 1.0
    one.run_ends()
    assert one.part_of_run() == 0.0
