"""Who is there, who was asked to leave, and in what order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.load.load_plan import LoadPlan, PlannedStage
from harness.load.request_log import RequestLog, rows_of
from harness.load.user_registry import UserRegistry
from tests.support.plans import plan_of


class FakeUser:
    def __init__(self, registry):
        self.asked = False
        self.number, self.born_ns = registry.add(self)

    def request_stop(self):
        self.asked = True


def plan_with(processes):
    return plan_of(
        LoadPlan,
        address="http://127.0.0.1:1", product_id=1, seed=1, key_prefix="1-", user_offset=0,
        stages=(PlannedStage("all", 9, 1.0, 9.0),), buyer="polling",
        think_min_s=0.0, think_max_s=1.0, poll_interval_s=0.5,
        request_timeout_s=1.0, watch_limit_s=1.0, processes=processes, retries=0,
    )  # fmt: skip


@pytest.fixture
def registry(tmp_path):
    with RequestLog(tmp_path, 1) as log:
        yield UserRegistry(plan_with(3), 1, log)


def test_numbers_are_every_third_and_never_given_twice(registry):
    first = [FakeUser(registry) for _ in range(3)]
    registry.request_stops(2)
    registry.remove(first[2].number)
    later = [FakeUser(registry) for _ in range(2)]
    assert [user.number for user in [*first, *later]] == [1, 4, 7, 4 + 9, 7 + 9]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=8), st.integers(1, 5))
def test_the_same_buyers_come_whatever_the_number_of_processes(peaks, processes):
    """Users come, go and come again, up to 9 of them, and are dealt out."""

    def buyers(count):
        plan = plan_with(count)
        registries = [UserRegistry(plan, process, None) for process in range(count)]
        numbers = []
        for users in peaks:
            for process, registry in enumerate(registries):
                change = plan.share_of(process, users) - registry.active
                numbers += [FakeUser(registry).number for _ in range(change)]
                registry.request_stops(max(0, -change))
        return sorted(numbers)

    assert buyers(processes) == buyers(1)
    assert len(set(buyers(1))) == len(buyers(1))


def test_the_youngest_are_asked_and_stay_alive_until_they_have_left(registry):
    users = [FakeUser(registry) for _ in range(4)]
    registry.request_stops(2)
    assert [user.asked for user in users] == [False, False, True, True]
    assert (registry.active, registry.alive) == (2, 4)
    registry.remove(users[3].number)
    assert (registry.active, registry.alive) == (2, 3)
    registry.request_stops(99)
    assert (registry.active, registry.alive) == (0, 3)


def test_a_life_is_written_down_when_it_is_over(registry, tmp_path):
    asked, unasked = FakeUser(registry), FakeUser(registry)
    registry.request_stops(1)
    registry.remove(unasked.number)
    registry.remove(asked.number, 77)
    registry.log.flush()
    rows = rows_of(tmp_path, "buyers", 1)
    assert [row[0] for row in rows] == [unasked.number, asked.number]
    assert rows[0][1] <= rows[0][2] <= rows[0][3]
    assert rows[1][2] == -1
    assert [row[4] for row in rows] == [0, 77]


def test_the_first_failure_is_the_one_that_is_kept(registry):
    registry.record_failure(ValueError("first"))
    registry.record_failure(ValueError("second"))
    assert "first" in registry.failure
    assert "second" not in registry.failure
