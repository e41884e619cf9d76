"""The buyer of an open load: it comes once, tries to buy, watches what it bought, and goes.

Locust's users are made beforehand and each acts out one buyer after another, because to make one
takes longer than the gap between two arrivals; every buyer has a connection of its own. A buyer is
counted from the moment at which it was due, so what the generator is late is part of its time.
"""

from typing import ClassVar

from harness.load import outcomes
from harness.load.accounts import Account
from harness.load.buyer import Buyer
from harness.load.plan import OpenPlan
from harness.load.turnstile import Turnstile
from harness.scenario.arrivals import account_of


class Visitor(Buyer):
    """Acts out those whom the turnstile lets in; how an order is watched, another class says."""

    abstract = True
    turnstile: ClassVar[Turnstile]
    accounts: ClassVar[dict[int, Account]]
    """By the number of the account, of those that this process has opened."""

    def _arrive(self) -> tuple[int, int]:
        return -1, 0  # nobody yet: the turnstile tells

    def _depart(self) -> None:
        """Every buyer has gone by itself."""

    def _act(self) -> None:
        while (visit := self.turnstile.wait()) is not None:
            self.number, self._ready_ns = visit
            self._think_ns = 0
            try:
                self._visit()
            finally:
                self._agent.close()
                self.crowd.left(self.number, self._user_id)

    def _visit(self) -> None:
        plan = self.plan
        assert isinstance(plan, OpenPlan)  # noqa: S101 - the plan chose this buyer
        account = self.accounts[account_of(self.number, plan.accounts, plan.processes)]
        self._user_id = account.user_id
        self._headers["Authorization"] = f"Bearer {account.token}"
        answer = self._attempt(plan.product_id, f"{plan.key_prefix}{self.number}")
        if answer.outcome == outcomes.ACCEPTED and not answer.is_final:
            self.watch(answer.order_id)


def visitor_class(buyer: type[Buyer]) -> type[Visitor]:
    """Return the visitor that watches its order as `buyer` does."""
    return type("OpenVisitor", (Visitor, buyer), {"abstract": False})
