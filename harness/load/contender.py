"""The buyer of a contention test: it tries once in every sale, and does not watch its order."""

from typing import ClassVar

import gevent
import gevent.socket
from gevent.lock import BoundedSemaphore

from harness.load.agent import OneTryAgent
from harness.load.bell import Bell
from harness.load.bursts import DOOR
from harness.load.buyer import Buyer


class BurstAgent(OneTryAgent):
    """Lets all others send before it reads.

    On a machine with few cores the shop may have answered when the send returns. Reading that
    answer at once would make the next buyer wait for it, and a burst into a queue.
    """

    def _send(self, connection: gevent.socket.socket, message: bytes) -> None:
        super()._send(connection, message)
        gevent.sleep(0)


class Contender(Buyer):
    """Tries once in every sale, and waits for the bell in between."""

    agent_class = BurstAgent
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
