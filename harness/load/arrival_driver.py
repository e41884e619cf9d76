"""Lets the buyers of an open load come when they are due, whatever became of those before them.

Nobody waits for a free user: a buyer who comes when all users of the generator are busy is rejected
and recorded so, and a run in which that happened measured less than it says (its laws see it).
"""

import gevent

from harness.load.load_driver import LoadDriver, Report
from harness.load.load_plan import CLOCK_TICK_S, OpenPlan
from harness.load.user_pool import UserPool
from harness.load.user_registry import UserRegistry

REPORT_PERIOD_S = 1.0


class ArrivalDriver(LoadDriver):
    """Drives the buyers of one generator process through an open load."""

    def __init__(
        self, plan: OpenPlan, users: UserRegistry, pool: UserPool, process: int, report: Report
    ) -> None:
        super().__init__(users, report)
        self._plan = plan
        self._pool = pool
        self._due = plan.arrivals_of(process)
        self._report_s = 0.0

    def run(self) -> int:
        """Let everybody come, and wait until the last has gone; return who had to be given up."""
        for number, due_ns in self._due:
            self._wait_until(due_ns / 1e9)
            if self._users.must_end:
                break
            if self._pool.assign((number, due_ns)):
                # now, not when its user first runs: it must be waited for
                self._users.add_arrival(number, due_ns)
            else:
                self._users.reject_arrival(number, due_ns)
        self._wait_until(self._plan.schedule.load_s)
        self._pool.close()
        left = self._wait_until_all_have_left()
        self._write()
        return left

    def _wait_until(self, t_s: float) -> None:
        """Sleep until a time, but no longer than a tick after the load must end."""
        while not self._users.must_end and self._users.now_s() < t_s:
            self._tick()
            now_s = self._users.now_s()
            gevent.sleep(max(0.0, min(t_s, now_s + CLOCK_TICK_S) - now_s))

    def _tick(self) -> None:
        if self._users.now_s() >= self._report_s:
            self._write()

    def _write(self) -> None:
        t_s, there = self._users.now_s(), self._users.alive
        self._users.log.clock((self._report_s, round(t_s, 6), 0.0, there, there))
        self._report_s = float(int(t_s / REPORT_PERIOD_S) + 1) * REPORT_PERIOD_S
        self._report(t_s, self._plan.stage_name(t_s), 0.0)
