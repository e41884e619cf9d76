"""Who waits for the signal to stop: until it comes, or until the time is up."""

import gevent

from harness.load.stop_signal import StopSignal

FAR_S = 20.0


def test_a_wait_ends_with_its_time():
    signal = StopSignal()
    for _ in range(3):
        signal.wait(0.001)
    assert not signal.is_set


def test_a_wait_ends_with_the_signal():
    signal = StopSignal()
    waiting = gevent.spawn(signal.wait, FAR_S)
    gevent.sleep(0)
    assert not waiting.ready()
    signal.set()
    waiting.join(FAR_S)
    assert waiting.successful()


def test_nobody_waits_any_more_once_it_is_set():
    signal = StopSignal()
    signal.set()
    signal.wait(FAR_S)
    assert signal.is_set


def test_time_and_signal_may_come_at_once():
    signal = StopSignal()
    done = []

    def wait():
        signal.wait(0.001)
        done.append(signal.is_set)
        signal.wait(FAR_S)
        done.append(signal.is_set)

    waiting = gevent.spawn(wait)
    gevent.spawn_later(0.001, signal.set)
    waiting.join(FAR_S)
    assert done[-1]


def test_who_waits_for_no_time_lets_the_others_have_their_turn():
    signal = StopSignal()
    turns = []

    def take_turns(name):
        for _ in range(2):
            turns.append(name)
            signal.wait(0)

    gevent.joinall([gevent.spawn(take_turns, name) for name in "ab"])
    assert turns == ["a", "b", "a", "b"]


def test_a_greenlet_that_is_killed_while_it_waits_leaves_nothing_behind():
    signal = StopSignal()
    waiting = gevent.spawn(signal.wait, FAR_S)
    gevent.sleep(0)
    waiting.kill()
    signal.set()
    gevent.sleep(0)
    assert waiting.dead
