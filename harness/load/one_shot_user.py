"""The buyer of an open load: it comes once, tries to buy, watches what it bought, and goes.

Locust's users are made beforehand and each acts out one buyer after another, because to make one
takes longer than the gap between two arrivals; every buyer has a connection of its own. A buyer is
counted from the moment at which it was due, so what the generator is late is part of its time.
"""

from typing import ClassVar

from harness.load import request_outcomes
from harness.load.account_opening import Account
from harness.load.buyer import Buyer
from harness.load.load_plan import OpenPlan
from harness.load.user_pool import UserPool
from harness.scenario.arrivals import account_of


class OneShotUser(Buyer):
    """Acts out one arriving buyer after another; a second base class watches their orders."""

    abstract = True
    pool: ClassVar[UserPool]
    accounts: ClassVar[dict[int, Account]]
    """The accounts that this process has opened, by their numbers."""

    def _arrive(self) -> tuple[int, int]:
        return -1, 0  # nobody yet: the pool assigns a buyer

    def _depart(self) -> None:
        """Every buyer has gone by itself."""

    def _script(self) -> None:
        while (visit := self.pool.next_visit()) is not None:
            self.number, self._ready_ns = visit
            self._think_ns = 0
            try:
                self._visit()
            finally:
                self._http.close()
                self.registry.remove(self.number, self._user_id)

    def _visit(self) -> None:
        plan = self.plan
        assert isinstance(plan, OpenPlan)  # noqa: S101 - the plan chose this buyer
        account = self.accounts[account_of(self.number, plan.accounts)]
        self._user_id = account.user_id
        self._token = account.token
        answer = self._attempt(plan.product_id, f"{plan.key_prefix}{self.number}")
        if answer.outcome == request_outcomes.ACCEPTED and not answer.is_final:
            self.watch(answer.order_id)


def one_shot_user_class(buyer: type[Buyer]) -> type[OneShotUser]:
    """Return the user that watches its orders as `buyer` does."""
    return type("OpenOneShotUser", (OneShotUser, buyer), {"abstract": False})
