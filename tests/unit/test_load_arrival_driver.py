"""Who comes when, in an open load: the schedule, the pool, and those for whom no user is free."""

import itertools
import time

import gevent
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.load.arrival_driver import ArrivalDriver
from harness.load.load_plan import ArrivalStage, OpenPlan, plan_from_json
from harness.load.request_log import RequestLog, rows_of
from harness.load.user_pool import UserPool
from harness.load.user_registry import UserRegistry
from harness.scenario.arrivals import account_of, arrivals_ns
from tests.support.plans import plan_of

BURST = ArrivalStage("burst", 40, 0.2)
TAIL = ArrivalStage("tail", 10, 0.2)


def make_plan(**changes):
    settings = {
        "address": "http://127.0.0.1:1", "seed": 1, "key_prefix": "1-", "user_offset": 0,
        "buyer": "polling", "think_min_s": 0.0, "think_max_s": 0.0, "poll_interval_s": 0.5,
        "request_timeout_s": 10.0, "watch_limit_s": 1.0, "processes": 1, "retries": 0,
        "product_id": 1, "spread": "poisson", "accounts": 4, "at_once": 5,
        "stages": (BURST, TAIL),
    }  # fmt: skip
    return plan_of(OpenPlan, **settings | changes)


stages = st.lists(
    st.builds(
        ArrivalStage,
        name=st.just("s"),
        buyers=st.integers(0, 50),
        seconds=st.floats(0.01, 100, allow_nan=False),
    ),
    min_size=1,
    max_size=4,
)


@given(stages, st.sampled_from(["poisson", "even"]), st.integers(0, 5))
def test_as_many_arrive_as_planned_in_order_and_each_in_its_stage(stages, spread, seed):
    times = arrivals_ns(stages, spread, seed)
    assert times == sorted(times) == arrivals_ns(stages, spread, seed)
    start_s = 0.0
    for stage in stages:
        here, times = times[: stage.buyers], times[stage.buyers :]
        assert all(start_s * 1e9 - 1 <= t <= (start_s + stage.seconds) * 1e9 + 1 for t in here)
        start_s += stage.seconds
    assert times == []


def test_gaps_of_a_poisson_process_vary_as_much_as_they_last_and_even_ones_do_not():
    stage = ArrivalStage("s", 2000, 100.0)

    def spread_of(kind):
        times = arrivals_ns([stage], kind, 7)
        gaps = [(b - a) / 1e9 for a, b in itertools.pairwise(times)]
        mean = sum(gaps) / len(gaps)
        return (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5 / mean

    assert spread_of("even") == pytest.approx(0, abs=1e-6)
    assert spread_of("poisson") == pytest.approx(1, abs=0.1)


def test_another_seed_makes_other_arrivals():
    assert arrivals_ns([BURST], "poisson", 1) != arrivals_ns([BURST], "poisson", 2)


@given(st.integers(1, 5))
def test_every_buyer_belongs_to_one_process(processes):
    plan = make_plan(processes=processes)
    visits = [visit for process in range(processes) for visit in plan.arrivals_of(process)]
    assert sorted(visits) == list(enumerate(arrivals_ns(plan.stages, "poisson", 1)))


@given(st.integers(1, 5), st.integers(0, 30))
def test_a_buyer_uses_an_account_that_its_own_process_has_opened(processes, more):
    plan = make_plan(processes=processes, accounts=processes + more)
    opened = [plan.accounts_of(process) for process in range(processes)]
    assert sorted(account for accounts in opened for account in accounts) == list(
        range(plan.accounts)
    )
    for process, accounts in enumerate(opened):
        numbers = [number for number, _ in plan.arrivals_of(process)]
        assert {account_of(number, plan.accounts) for number in numbers} <= set(accounts)


def test_a_plan_survives_the_way_to_the_generator():
    plan = make_plan()
    assert plan_from_json(plan.to_json()) == plan


class Shop:
    """Users without a network: each visit takes `seconds`, or never ends."""

    def __init__(self, tmp_path, plan, seconds):
        self.plan, self.seconds, self.served, self.reports = plan, seconds, [], []
        self.log = RequestLog(tmp_path, 0)
        self.registry = UserRegistry(plan, 0, self.log)
        self.pool = UserPool()
        self.users = [gevent.spawn(self.act) for _ in range(plan.at_once)]
        gevent.sleep(0)
        self.driver = ArrivalDriver(plan, self.registry, self.pool, 0, self.report)

    def report(self, t_s, stage, planned):
        self.reports.append(t_s)

    def act(self):
        while (visit := self.pool.next_visit()) is not None:
            gevent.sleep(self.seconds)
            self.served.append(visit)
            self.registry.remove(visit[0])

    def run(self):
        with self.log:
            self.registry.t0_ns = time.monotonic_ns()
            killed = self.driver.run()
        gevent.joinall(self.users, timeout=5, raise_error=True)
        return killed


def rows(tmp_path, table):
    return rows_of(tmp_path, table, 0)


def test_everybody_comes_is_served_and_goes(tmp_path):
    shop = Shop(tmp_path, make_plan(at_once=50), seconds=0.001)
    assert shop.run() == 0
    assert sorted(shop.served) == shop.plan.arrivals_of(0)
    buyers = rows(tmp_path, "buyers")
    assert sorted((number, born) for number, born, *_ in buyers) == shop.plan.arrivals_of(0)
    assert all(left > born for _, born, _, left, _ in buyers)
    assert all(user.ready() for user in shop.users)


def test_who_finds_no_free_user_is_rejected_and_recorded_so(tmp_path):
    shop = Shop(tmp_path, make_plan(at_once=5), seconds=60)
    shop.seconds = 0.45  # longer than everybody takes to arrive
    assert shop.run() == 0
    buyers = rows(tmp_path, "buyers")
    away = [number for number, born, _, left, _ in buyers if left == born]
    assert len(shop.served) == 5
    assert len(away) == len(shop.plan.arrivals_of(0)) - 5
    assert sorted(away + [number for number, _ in shop.served]) == list(range(50))


def test_who_was_let_in_and_has_not_begun_is_waited_for(tmp_path):
    plan = make_plan(at_once=1, stages=(ArrivalStage("one", 1, 0.001),))
    shop = Shop(tmp_path, plan, seconds=0.05)
    assert shop.run() == 0
    assert shop.served == plan.arrivals_of(0)


def test_a_load_that_must_stop_lets_nobody_else_in(tmp_path):
    shop = Shop(tmp_path, make_plan(at_once=50), seconds=0)
    shop.registry.stopping = True
    assert shop.run() == 0
    assert shop.served == []
