"""All buyers start at once, and the next sale begins when the last answer has come."""

import gevent
import pytest
from gevent.event import Event

from harness.load import load_driver
from harness.load import load_plan as plans
from harness.load.burst_driver import BurstDriver
from harness.load.load_plan import ContentionPlan
from harness.load.request_log import RequestLog, rows_of
from harness.load.start_barrier import StartBarrier
from harness.load.user_registry import UserRegistry
from harness.scenario.sales import Sale
from tests.support.plans import plan_of

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
    return plan_of(ContentionPlan, **settings | changes)


class Hall:
    """Buyers without a network: each asks once per sale, and takes as many turns as it is slow."""

    def __init__(self, tmp_path, plan, slowness=(0, 0, 0)):
        self.plan, self.slowness, self.steps, self.reports = plan, slowness, [], []
        self.freed = Event()
        self.log = RequestLog(tmp_path, 0)
        self.registry = UserRegistry(plan, 0, self.log)
        self.barrier = StartBarrier(plan.buyers)
        self.driver = BurstDriver(plan, self.registry, self.barrier, self.spawn, self.report)

    def spawn(self, buyers):
        for number in range(buyers):
            gevent.spawn(self.act, number)

    def report(self, t_s, stage, planned):
        self.reports.append((stage, planned))

    def request_stop(self):
        pass

    def act(self, number):
        self.registry.add(self)
        while (start := self.barrier.wait()) is not None:
            self.steps.append(("asks", start[0].number, number))
            if self.slowness[number] == STUCK:
                self.freed.wait()
            for _ in range(self.slowness[number]):
                gevent.sleep(0)
            self.steps.append(("answered", start[0].number, number))
        self.registry.remove(number)

    def run(self):
        with self.log:
            return self.driver.run()


def test_nobody_goes_before_everybody_is_there():
    barrier, gone = StartBarrier(2), []
    buyers = [gevent.spawn(lambda: gone.append(barrier.wait())) for _ in range(1)]
    gevent.sleep(0)
    assert not barrier.wait_for_all(0)
    buyers.append(gevent.spawn(lambda: gone.append(barrier.wait())))
    assert barrier.wait_for_all(5)
    assert gone == []
    barrier.release(SALES[0], 17)
    gevent.joinall(buyers, raise_error=True)
    assert gone == [(SALES[0], 17)] * 2
    assert not barrier.wait_for_all(0), "after the ring everybody is out again"


def test_who_comes_when_the_barrier_is_closed_goes_home():
    barrier = StartBarrier(2)
    waiting = gevent.spawn(barrier.wait)
    gevent.sleep(0)
    barrier.close()
    assert waiting.get(timeout=5) is None
    assert barrier.wait() is None


def test_a_sale_begins_when_the_last_answer_of_the_one_before_has_come(tmp_path):
    hall = Hall(tmp_path, make_plan(), slowness=(0, 50, 5))
    assert hall.run() == 0
    sales = [number for _, number, _ in hall.steps]
    assert sales == sorted(sales), "no sale overlaps another"
    for sale in SALES:
        asked = [word for word, number, _ in hall.steps if number == sale.number]
        assert asked.count("asks") == asked.count("answered") == BUYERS


def test_every_start_is_in_the_clock(tmp_path):
    hall = Hall(tmp_path, make_plan())
    hall.run()
    rows = rows_of(tmp_path, "clock", 0)
    assert [row[2:] for row in rows] == [[BUYERS, BUYERS, BUYERS]] * len(SALES)
    times = [row[1] for row in rows]
    assert times == sorted(times)
    assert hall.reports[0] == ("registering", float(BUYERS))
    assert hall.registry.alive == 0


def test_a_buyer_who_does_not_come_back_ends_the_contention_test(tmp_path, monkeypatch):
    monkeypatch.setattr(plans, "RETRY_AFTER_LIMIT_S", 0.0)
    monkeypatch.setattr(load_driver, "ENDING_GRACE_S", 0.0)
    hall = Hall(tmp_path, make_plan(request_timeout_s=0.01), slowness=(0, 0, STUCK))
    try:
        assert hall.run() == 1, "one buyer is still busy"
    finally:
        hall.freed.set()
    assert {number for _, number, _ in hall.steps} == {1}, "the other sales were not held"


@pytest.mark.parametrize("how", ["stopping", "failure"])
def test_a_contention_test_that_must_stop_sends_everybody_home(tmp_path, how):
    hall = Hall(tmp_path, make_plan())

    def stop(number):
        setattr(hall.registry, how, True if how == "stopping" else "it broke")
        gevent.spawn(hall.act, number)

    hall.driver._spawn = lambda buyers: [stop(number) for number in range(buyers)]
    hall.run()
    gevent.sleep(0)
    assert hall.steps == []
    assert hall.registry.alive == 0
