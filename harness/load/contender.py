"""The buyer of a contest: it tries once in every sale, and does not watch what becomes of it."""

from typing import ClassVar

from gevent.lock import BoundedSemaphore

from harness.load.bell import Bell
from harness.load.buyer import Buyer
from harness.load.contest import DOOR


class Contender(Buyer):
    """Tries once in every sale, and waits for the bell in between."""

    bell: ClassVar[Bell]
    door: ClassVar[BoundedSemaphore] = BoundedSemaphore(DOOR)

    def _act(self) -> None:
        with self.door:
            entered = self._enter()
        if not entered:
            return
        while (rung := self.bell.wait()) is not None:
            sale, self._ready_ns = rung
            self._attempt(sale.product_id, f"{self.plan.key_prefix}{sale.number}-{self.number}")
