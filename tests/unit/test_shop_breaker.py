"""The circuit breaker on a clock of its own: when it opens, whom it lets through, when it ends."""

import itertools
import threading

import pytest

from approaches.shop.breaker import FIRST_PAUSE_S, LONGEST_PAUSE_S, THRESHOLD, Breaker


class Clock:
    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def told():
    return []


@pytest.fixture
def breaker(clock, told):
    return Breaker(clock=clock, on_change=told.append)


def call(breaker, *, answered):
    admitted = breaker.admit()
    assert admitted is not None
    breaker.record(admitted, answered=answered)


def trip(breaker):
    for _ in range(THRESHOLD):
        call(breaker, answered=False)
    assert breaker.is_open


def test_it_opens_after_failures_in_a_row_only(breaker, told):
    for _ in range(3):
        for _ in range(THRESHOLD - 1):
            call(breaker, answered=False)
        call(breaker, answered=True)
    assert not breaker.is_open
    assert told == []
    trip(breaker)
    assert told == [True]


def test_while_it_is_open_nothing_goes_out_until_the_pause_is_over(breaker, clock):
    trip(breaker)
    assert breaker.admit() is None
    assert breaker.wait_s() == FIRST_PAUSE_S
    clock.now_s += FIRST_PAUSE_S - 0.01
    assert breaker.admit() is None
    clock.now_s += 0.01
    assert breaker.admit() is not None


def test_one_probe_at_a_time(breaker, clock):
    trip(breaker)
    clock.now_s += FIRST_PAUSE_S
    probe = breaker.admit()
    assert [breaker.admit() for _ in range(5)] == [None] * 5
    assert breaker.is_open
    assert 0 < breaker.wait_s() <= FIRST_PAUSE_S
    breaker.record(probe, answered=True)
    assert not breaker.is_open
    assert None not in [breaker.admit() for _ in range(5)]


def test_pauses_double_up_to_a_limit_and_start_small_again(breaker, clock, told):
    trip(breaker)
    pauses = []
    for _ in range(6):
        pauses.append(breaker.wait_s())
        clock.now_s += pauses[-1]
        call(breaker, answered=False)
    doubled = (min(FIRST_PAUSE_S * 2**n, LONGEST_PAUSE_S) for n in itertools.count())
    assert pauses == list(itertools.islice(doubled, 6))
    clock.now_s += LONGEST_PAUSE_S
    call(breaker, answered=True)
    trip(breaker)
    assert breaker.wait_s() == FIRST_PAUSE_S
    assert told == [True, False, True]


def test_calls_that_hung_together_and_fail_late_neither_prolong_nor_reopen(breaker, clock):
    hung = [breaker.admit() for _ in range(4 * THRESHOLD)]
    for admitted in hung[: 2 * THRESHOLD]:
        breaker.record(admitted, answered=False)
    assert breaker.wait_s() == FIRST_PAUSE_S
    clock.now_s += FIRST_PAUSE_S
    call(breaker, answered=True)
    for admitted in hung[2 * THRESHOLD :]:
        breaker.record(admitted, answered=False)
    assert not breaker.is_open


def test_a_call_from_before_the_outage_does_not_end_it(breaker):
    early = breaker.admit()
    trip(breaker)
    breaker.record(early, answered=True)
    assert breaker.is_open


def test_threads_share_one_probe(breaker, clock):
    trip(breaker)
    clock.now_s += FIRST_PAUSE_S
    start, admitted = threading.Barrier(16), []

    def ask():
        start.wait()
        admitted.append(breaker.admit())

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([one for one in admitted if one is not None]) == 1
