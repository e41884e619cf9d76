"""What a check asks of answers that are all allowed."""

import itertools
from dataclasses import dataclass, field

import pytest

from harness.conformance.check import Outcome
from harness.conformance.checks import key_at_once
from harness.conformance.shop_under_test import Answer

IN_PROGRESS = Answer("buy", 425, {"order_id": "1", "code": "in_progress"}, "answered by 425")
CONFIRMED = Answer("buy", 201, {"order_id": "1", "status": "confirmed"}, "answered by 201")
ANOTHER = Answer("buy", 201, {"order_id": "2", "status": "confirmed"}, "answered by 201")


@dataclass
class Shop:
    """A shop, and its buyer, that answers by turns."""

    answers: list[Answer]
    turn: itertools.count = field(default_factory=itertools.count)

    def buyer(self):
        return self

    def offer(self, stock):
        return 1

    def key(self):
        return "key"

    def buy(self, product_id, key):
        return self.answers[next(self.turn) % len(self.answers)]

    def end_of(self, answer):
        assert answer.acknowledges, answer
        return answer.outcome

    def orders_of(self, product_id):
        return 1


@pytest.mark.parametrize("answers", [[CONFIRMED], [IN_PROGRESS, CONFIRMED]])
def test_a_key_that_is_in_use_may_be_refused_for_now(answers):
    assert key_at_once(Shop(answers)).outcome is Outcome.OK


@pytest.mark.parametrize("answers", [[IN_PROGRESS], [CONFIRMED, ANOTHER]])
def test_of_many_answers_one_acknowledges_and_all_name_one_order(answers):
    assert key_at_once(Shop(answers)).outcome is Outcome.FAILED
