"""Who is there, who was asked to leave, and in what order."""

import json

import pytest

from harness.load.crowd import Crowd
from harness.load.ledger import Ledger, file_of
from harness.load.plan import LoadPlan


class Guest:
    def __init__(self, crowd):
        self.asked = False
        self.number, self.born_ns = crowd.arrive(self)

    def please_leave(self):
        self.asked = True


@pytest.fixture
def crowd(tmp_path):
    plan = LoadPlan(
        address="http://127.0.0.1:1", product_id=1, seed=1, key_prefix="1-", user_offset=0,
        stages=(), buyer="polling", think_min_s=0.0, think_max_s=1.0, poll_interval_s=0.5,
        request_timeout_s=1.0, watch_limit_s=1.0, processes=3, retries=0,
    )  # fmt: skip
    with Ledger(tmp_path, 1) as ledger:
        yield Crowd(plan, 1, ledger)


def test_numbers_are_every_third_and_never_given_twice(crowd):
    first = [Guest(crowd) for _ in range(3)]
    crowd.ask_to_leave(2)
    crowd.left(first[2].number)
    later = Guest(crowd)
    assert [guest.number for guest in [*first, later]] == [1, 4, 7, 10]


def test_the_youngest_are_asked_and_stay_alive_until_they_have_left(crowd):
    guests = [Guest(crowd) for _ in range(4)]
    crowd.ask_to_leave(2)
    assert [guest.asked for guest in guests] == [False, False, True, True]
    assert (crowd.active, crowd.alive) == (2, 4)
    crowd.left(guests[3].number)
    assert (crowd.active, crowd.alive) == (2, 3)
    crowd.ask_to_leave(99)
    assert (crowd.active, crowd.alive) == (0, 3)


def test_a_life_is_written_down_when_it_is_over(crowd, tmp_path):
    asked, unasked = Guest(crowd), Guest(crowd)
    crowd.ask_to_leave(1)
    crowd.left(unasked.number)
    crowd.left(asked.number, 77)
    crowd.ledger.flush()
    rows = [json.loads(line) for line in file_of(tmp_path, "buyers", 1).read_text().splitlines()]
    assert [row[0] for row in rows] == [unasked.number, asked.number]
    assert rows[0][1] <= rows[0][2] <= rows[0][3]
    assert rows[1][2] == -1
    assert [row[4] for row in rows] == [0, 77]


def test_the_first_failure_is_the_one_that_is_told(crowd):
    crowd.failed(ValueError("first"))
    crowd.failed(ValueError("second"))
    assert "first" in crowd.failure
    assert "second" not in crowd.failure
