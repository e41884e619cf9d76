"""The bell lets all go at once, and rings for the next sale when the last answer has come."""

import json

import gevent
import pytest
from gevent.event import Event

from harness.load import plan as plans
from harness.load.bell import Bell
from harness.load.bursts import Bursts
from harness.load.crowd import Crowd
from harness.load.ledger import Ledger, file_of
from harness.load.plan import ContentionPlan
from harness.scenario.sales import Sale

BUYERS = 3
STUCK = -1
SALES = (Sale(1, 1001, 5), Sale(2, 1002, 3), Sale(3, 1003, 1))


def make_plan(**changes):
    settings = {
        "address": "http://127.0.0.1:1", "seed": 1, "key_prefix": "1-", "user_offset": 0,
        "buyer": "polling", "think_min_s": 0.0, "think_max_s": 0.0, "poll_interval_s": 0.5,
        "request_timeout_s": 10.0, "watch_limit_s": 1.0, "processes": 1, "retries": 0,
        "sales": SALES, "buyers": BUYERS,
    }  # fmt: skip
    return ContentionPlan(**settings | changes)


class Hall:
    """Buyers without a network: each asks once per sale, and takes as many turns as it is slow."""

    def __init__(self, tmp_path, plan, slowness=(0, 0, 0)):
        self.plan, self.slowness, self.log, self.reports = plan, slowness, [], []
        self.freed = Event()
        self.ledger = Ledger(tmp_path, 0)
        self.crowd = Crowd(plan, 0, self.ledger)
        self.bell = Bell(plan.buyers)
        self.contention = Bursts(plan, self.crowd, self.bell, self.invite, self.report)

    def invite(self, buyers):
        for number in range(buyers):
            gevent.spawn(self.live, number)

    def report(self, t_s, stage, planned):
        self.reports.append((stage, planned))

    def please_leave(self):
        pass

    def live(self, number):
        self.crowd.arrive(self)
        while (rung := self.bell.wait()) is not None:
            self.log.append(("asks", rung[0].number, number))
            if self.slowness[number] == STUCK:
                self.freed.wait()
            for _ in range(self.slowness[number]):
                gevent.sleep(0)
            self.log.append(("answered", rung[0].number, number))
        self.crowd.left(number)

    def run(self):
        with self.ledger:
            return self.contention.run()


def test_nobody_goes_before_everybody_is_there():
    bell, gone = Bell(2), []
    buyers = [gevent.spawn(lambda: gone.append(bell.wait())) for _ in range(1)]
    gevent.sleep(0)
    assert not bell.gather(0)
    buyers.append(gevent.spawn(lambda: gone.append(bell.wait())))
    assert bell.gather(5)
    assert gone == []
    bell.ring(SALES[0], 17)
    gevent.joinall(buyers, raise_error=True)
    assert gone == [(SALES[0], 17)] * 2
    assert not bell.gather(0), "after the ring everybody is out again"


def test_who_comes_when_the_bell_is_closed_goes_home():
    bell = Bell(2)
    waiting = gevent.spawn(bell.wait)
    gevent.sleep(0)
    bell.close()
    assert waiting.get(timeout=5) is None
    assert bell.wait() is None


def test_a_sale_begins_when_the_last_answer_of_the_one_before_has_come(tmp_path):
    hall = Hall(tmp_path, make_plan(), slowness=(0, 50, 5))
    assert hall.run() == 0
    sales = [number for _, number, _ in hall.log]
    assert sales == sorted(sales), "no sale overlaps another"
    for sale in SALES:
        asked = [word for word, number, _ in hall.log if number == sale.number]
        assert asked.count("asks") == asked.count("answered") == BUYERS


def test_every_ring_is_in_the_clock(tmp_path):
    hall = Hall(tmp_path, make_plan())
    hall.run()
    rows = [json.loads(line) for line in file_of(tmp_path, "clock", 0).read_text().splitlines()]
    assert [row[2:] for row in rows] == [[BUYERS, BUYERS, BUYERS]] * len(SALES)
    times = [row[1] for row in rows]
    assert times == sorted(times)
    assert hall.reports[0] == ("registering", float(BUYERS))
    assert hall.crowd.alive == 0


def test_a_buyer_who_does_not_come_back_ends_the_contention_test(tmp_path, monkeypatch):
    monkeypatch.setattr(plans, "RETRY_AFTER_LIMIT_S", 0.0)
    hall = Hall(tmp_path, make_plan(request_timeout_s=0.01), slowness=(0, 0, STUCK))
    try:
        assert hall.run() == 1, "one buyer is still busy"
    finally:
        hall.freed.set()
    assert {number for _, number, _ in hall.log} == {1}, "the other sales were not held"


@pytest.mark.parametrize("how", ["hurry", "failure"])
def test_a_contention_test_that_is_told_to_stop_sends_everybody_home(tmp_path, how):
    hall = Hall(tmp_path, make_plan())

    def stop(number):
        setattr(hall.crowd, how, True if how == "hurry" else "it broke")
        gevent.spawn(hall.live, number)

    hall.contention._invite = lambda buyers: [stop(number) for number in range(buyers)]
    hall.run()
    gevent.sleep(0)
    assert hall.log == []
    assert hall.crowd.alive == 0
