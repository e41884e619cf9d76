"""What is asked beside a load, because no load asks it: of a product that the load does not buy.

A busy shop may leave a question open: no answer, or one that says "not now", is no violation. Nor
is a refusal to sell, which leaves nothing to ask about.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from harness.conformance.check import NoAnswer, require
from harness.conformance.checks import HIDDEN, REFUSED
from harness.conformance.shop_under_test import Answer, Buyer
from harness.load.request_outcomes import INDETERMINATE


class Undecided(Exception):
    """The shop was too busy to answer, or sold nothing; the message has what it said."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One question, to two buyers of a product; its title is what must hold."""

    title: str
    ask: Callable[[Buyer, Buyer, int], None]

    def __call__(self, buyer: Buyer, somebody: Buyer, product_id: int) -> None:
        """Ask (Violation; Undecided)."""
        try:
            self.ask(buyer, somebody, product_id)
        except NoAnswer as busy:
            raise Undecided(str(busy)) from busy


def _same_order(buyer: Buyer, _: Buyer, product_id: int) -> None:
    key = buyer.shop.key()
    first = _bought(buyer.buy(product_id, key))
    again = _decided(buyer.buy(product_id, key))
    require(again.order_id == first.order_id, f"{first}; then {again}")


def _another_body(buyer: Buyer, _: Buyer, product_id: int) -> None:
    key = buyer.shop.key()
    _bought(buyer.buy(product_id, key))
    again = _decided(buyer.buy(product_id, key, quantity=2))
    require(again.status == 422, again)


def _own_ids(buyer: Buyer, _: Buyer, product_id: int) -> None:
    keys = [buyer.shop.key(), buyer.shop.key()]
    with ThreadPoolExecutor(len(keys)) as pool:
        answers = list(pool.map(lambda key: _bought(buyer.buy(product_id, key)), keys))
    ids = {answer.order_id for answer in answers}
    require(len(ids) == len(keys), "; ".join(map(str, answers)))


def _private(buyer: Buyer, somebody: Buyer, product_id: int) -> None:
    bought = _bought(buyer.buy(product_id, buyer.shop.key()))
    seen = buyer.shop.ask("status", order_id=bought.order_id), somebody.look(bought.order_id)
    for answer in map(_decided, seen):
        require(answer.status in HIDDEN, answer)
    answer = buyer.shop.ask("buy", product_id=product_id, quantity=1, key=buyer.shop.key())
    require(_decided(answer).status in REFUSED, answer)


def _bought(answer: Answer) -> Answer:
    """Return an answer that names an order (Undecided: without one there is nothing to ask)."""
    if not _decided(answer).order_id:
        raise Undecided(str(answer))
    return answer


def _decided(answer: Answer) -> Answer:
    if answer.outcome == INDETERMINATE:
        raise Undecided(str(answer))
    return answer


PROBES: Final = (
    Probe("a purchase that is repeated under its key is the same order", _same_order),
    Probe("a key with another body is refused", _another_body),
    Probe("orders that one buyer places at once are orders of their own", _own_ids),
    Probe("orders are shown, and sold, to those alone who are logged in as their buyer", _private),
)
"""The questions, in turn."""
