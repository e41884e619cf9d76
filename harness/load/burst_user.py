"""The buyer of a contention test: tries once in every sale, and does not watch its orders."""

from typing import ClassVar

import gevent
from gevent.lock import BoundedSemaphore

from harness.load.burst_driver import MAX_SIGNING_IN
from harness.load.buyer import Buyer
from harness.load.http_client import NoRetryClient
from harness.load.http_connection import HttpConnection
from harness.load.start_barrier import StartBarrier


class YieldingClient(NoRetryClient):
    """Lets all others send before it reads.

    On a machine with few cores the shop may have answered when the send returns. Reading that
    answer at once would make the next buyer wait for it, and a burst into a queue.
    """

    def _send(self, connection: HttpConnection, message: bytes) -> None:
        super()._send(connection, message)
        gevent.sleep(0)


class BurstUser(Buyer):
    """Tries once in every sale, and waits at the barrier in between."""

    client_class = YieldingClient
    barrier: ClassVar[StartBarrier]
    signing_in: ClassVar[BoundedSemaphore] = BoundedSemaphore(MAX_SIGNING_IN)

    def _script(self) -> None:
        with self.signing_in:
            signed_in = self._sign_in()
        if not signed_in:
            return
        while (start := self.barrier.wait()) is not None:
            sale, self._ready_ns = start
            self._attempt(sale.product_id, f"{self.plan.key_prefix}{sale.number}-{self.number}")
