"""The bursts of a contention test: in each sale every buyer tries once, all at the same bell.

The bell rings for the next sale when every buyer has its answer of the last one; the shop may still
be working on the payments of those it accepted, and that is as it should be. Buyers register and
log in once, before the first bell.
"""

import time
from collections.abc import Callable

import gevent

from harness.load.bell import Bell
from harness.load.crowd import Crowd
from harness.load.plan import ContentionPlan
from harness.scenario.sales import Sale

REPORT_PERIOD_S = 1.0
TICK_S = 0.1
DOOR = 16
"""So many buyers register at a time: hashing passwords is slow, and nobody should time out."""


class Bursts:
    """Drives the buyers of a contention test through its sales."""

    def __init__(
        self,
        plan: ContentionPlan,
        crowd: Crowd,
        bell: Bell,
        invite: Callable[[int], None],
        report: Callable[[float, str, float], None],
    ) -> None:
        self._plan = plan
        self._crowd = crowd
        self._invite = invite
        self._bell = bell
        self._report = report
        self._stage = "registering"
        self._report_due_s = 0.0

    def run(self) -> int:
        """Hold every sale, and let everybody leave; return how many had to be given up.

        A sale whose buyers do not all come to the bell in time is not held, and none after it:
        such a contention test is incomplete, which the run's laws see.
        """
        self._invite(self._plan.buyers)
        purchase_s = self._plan.longest_purchase_s
        limit_s = purchase_s * (1 + self._plan.buyers / DOOR)  # to register and log in, at worst
        for sale in self._plan.sales:
            if not self._gather(limit_s):
                break
            limit_s = purchase_s
            self._stage = f"sale {sale.number} of {len(self._plan.sales)}"
            self._ring(sale)
        else:
            self._gather(purchase_s)
        return self._end()

    def _ring(self, sale: Sale) -> None:
        now_ns = self._crowd.now_ns()
        active, alive = self._crowd.active, self._crowd.alive
        t_s = now_ns / 1e9
        self._crowd.ledger.clock((t_s, t_s, self._plan.buyers, active, alive))
        self._bell.ring(sale, now_ns)

    def _gather(self, limit_s: float) -> bool:
        """Wait for all buyers, as long as one of them may be busy; report once a second."""
        deadline_s = time.monotonic() + limit_s
        while not self._crowd.hurry and not self._crowd.failure:
            if self._bell.gather(REPORT_PERIOD_S):
                self._tell()
                return True
            self._tell()
            if time.monotonic() > deadline_s:
                break
        return False

    def _end(self) -> int:
        """Send everybody home; nobody is stopped while a request is in flight."""
        self._stage = "leaving"
        self._crowd.ask_to_leave(self._crowd.active)
        self._bell.close()
        deadline_s = time.monotonic() + self._plan.longest_purchase_s
        while self._crowd.alive and not self._crowd.failure and time.monotonic() < deadline_s:
            gevent.sleep(TICK_S)
        return self._crowd.alive

    def _tell(self) -> None:
        t_s = self._crowd.now_ns() / 1e9
        if t_s >= self._report_due_s:
            self._report_due_s = t_s + REPORT_PERIOD_S
            self._report(t_s, self._stage, float(self._plan.buyers))
