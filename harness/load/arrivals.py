"""Lets the buyers of an open load come when they are due, whatever became of those before them.

Nobody waits for room: who comes when every user of the generator is busy is turned away and
recorded so, and a run in which that happened measured less than it says (its laws see it).
"""

from collections.abc import Callable

import gevent

from harness.load.crowd import Crowd
from harness.load.plan import CLOCK_TICK_S, ENDING_GRACE_S, OpenPlan
from harness.load.turnstile import Turnstile

REPORT_PERIOD_S = 1.0


class Arrivals:
    """Drives the buyers of one generator process through an open load."""

    def __init__(
        self,
        plan: OpenPlan,
        crowd: Crowd,
        turnstile: Turnstile,
        process: int,
        each_second: Callable[[float], None],
    ) -> None:
        self._plan = plan
        self._crowd = crowd
        self._turnstile = turnstile
        self._due = plan.arrivals_of(process)
        self._each_second = each_second
        self._report_s = 0.0

    def run(self) -> int:
        """Let everybody come, and wait until the last has gone; return who had to be given up."""
        for number, due_ns in self._due:
            self._wait_until(due_ns / 1e9)
            if self._must_stop():
                break
            if self._turnstile.let_in((number, due_ns)):
                self._crowd.come(
                    number, due_ns
                )  # now, not when it first runs: it must be waited for
            else:
                self._crowd.turned_away(number, due_ns)
        self._wait_until(self._plan.schedule.load_s)
        return self._end()

    def _end(self) -> int:
        self._turnstile.close()
        begun_s = self._now_s()
        while self._crowd.alive and not self._crowd.failure:
            plan = self._plan
            limit_s = plan.request_timeout_s if self._crowd.hurry else plan.longest_action_s
            if self._now_s() > begun_s + limit_s + ENDING_GRACE_S:
                break
            self._sleep_until(self._now_s() + CLOCK_TICK_S)
        self._write()
        return self._crowd.alive

    def _wait_until(self, t_s: float) -> None:
        """Sleep until a time, told to stop at the latest within a tick; report each second."""
        while not self._must_stop() and self._now_s() < t_s:
            self._sleep_until(min(t_s, self._now_s() + CLOCK_TICK_S))

    def _sleep_until(self, t_s: float) -> None:
        if self._now_s() >= self._report_s:
            self._write()
        gevent.sleep(max(0.0, t_s - self._now_s()))

    def _write(self) -> None:
        t_s = self._now_s()
        there = self._crowd.alive
        self._crowd.ledger.clock((self._report_s, round(t_s, 6), 0.0, there, there))
        self._report_s = float(int(t_s / REPORT_PERIOD_S) + 1) * REPORT_PERIOD_S
        self._each_second(t_s)

    def _now_s(self) -> float:
        return self._crowd.now_ns() / 1e9

    def _must_stop(self) -> bool:
        return self._crowd.hurry or bool(self._crowd.failure)
