"""The bursts of a contention test: in each sale every buyer tries once, all at the same moment.

The next sale begins when every buyer has its answer of the last one; the shop may still be working
on the payments of those it accepted, and that is as it should be. Buyers register and log in once,
before the first sale.
"""

import time
from collections.abc import Callable

from harness.load.load_driver import LoadDriver, Report
from harness.load.load_plan import ContentionPlan
from harness.load.start_barrier import StartBarrier
from harness.load.user_registry import UserRegistry
from harness.scenario.sales import Sale

REPORT_PERIOD_S = 1.0
MAX_SIGNING_IN = 16
"""So many buyers register at a time: hashing passwords is slow, and nobody should time out."""


class BurstDriver(LoadDriver):
    """Drives the buyers of a contention test through its sales."""

    def __init__(
        self,
        plan: ContentionPlan,
        users: UserRegistry,
        barrier: StartBarrier,
        spawn: Callable[[int], None],
        report: Report,
    ) -> None:
        super().__init__(users, report)
        self._plan = plan
        self._spawn = spawn
        self._barrier = barrier
        self._stage = "registering"
        self._report_due_s = 0.0

    def run(self) -> int:
        """Hold every sale, and let everybody leave; return how many had to be given up.

        A sale for which not all buyers are ready in time is not held, and none after it: such a
        contention test is incomplete, which the run's laws see.
        """
        self._spawn(self._plan.buyers)
        purchase_s = self._plan.longest_purchase_s
        limit_s = purchase_s * (1 + self._plan.buyers / MAX_SIGNING_IN)  # to sign in, at worst
        for sale in self._plan.sales:
            if not self._gather(limit_s):
                break
            limit_s = purchase_s
            self._begin(sale)
        else:
            self._gather(purchase_s)
        self._stage = "leaving"
        self._users.request_stops(self._users.active)
        self._barrier.close()
        return self._wait_until_all_have_left()

    def _begin(self, sale: Sale) -> None:
        self._stage = f"sale {sale.number} of {len(self._plan.sales)}"
        now_ns = self._users.now_ns()
        t_s = now_ns / 1e9
        counts = (self._plan.buyers, self._users.active, self._users.alive)
        self._users.log.clock((t_s, t_s, *counts))
        self._barrier.release(sale, now_ns)

    def _gather(self, limit_s: float) -> bool:
        """Return True once all buyers are at the barrier; report once a second meanwhile."""
        deadline_s = time.monotonic() + limit_s
        while not self._users.must_end:
            complete = self._barrier.wait_for_all(REPORT_PERIOD_S)
            self._tick()
            if complete:
                return True
            if time.monotonic() > deadline_s:
                break
        return False

    def _tick(self) -> None:
        t_s = self._users.now_s()
        if t_s >= self._report_due_s:
            self._report_due_s = t_s + REPORT_PERIOD_S
            self._report(t_s, self._stage, float(self._plan.buyers))
