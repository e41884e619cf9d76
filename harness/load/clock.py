"""The stage clock: ten times a second, as many buyers come or are asked to leave as planned.

Not Locust's LoadTestShape: its runner blocks while it ramps, so a ramp that takes longer than its
stage makes the next stage vanish, and a ramp-down waits for every buyer that it stops (the TODO in
`Runner.shape_worker`, locust/runners.py; locustio/locust#1715, #2242). Here planned, active and
alive are written down each second and at the end of each stage, so a stage that was missed shows.
"""

import math
from collections.abc import Callable

import gevent
from locust.runners import LocalRunner

from harness.load.crowd import Crowd
from harness.load.plan import CLOCK_TICK_S, ENDING_GRACE_S, LoadPlan


class StageClock:
    """Drives the buyers of one generator process through the stages."""

    def __init__(
        self,
        plan: LoadPlan,
        crowd: Crowd,
        runner: LocalRunner,
        process: int,
        each_second: Callable[[float], None],
    ) -> None:
        self._plan = plan
        self._crowd = crowd
        self._runner = runner
        self._process = process
        self._each_second = each_second
        self._buyer = runner.user_classes[0].__name__
        self._allowance = 1.0
        self._adjusted_s = 0.0
        self._due_s = 0.0

    def run(self) -> int:
        """Go through all stages and let everybody leave; return how many had to be given up."""
        load_s = self._plan.schedule.load_s
        while not self._must_stop():
            t_s = self._moment()
            planned_s = min(t_s, load_s)
            self._adjust(planned_s)
            self._tell(t_s, self._plan.schedule.planned_users(planned_s))
            if t_s >= load_s:
                break
            tick_s = (math.floor(t_s / CLOCK_TICK_S) + 1) * CLOCK_TICK_S
            self._sleep_until(min(tick_s, self._due_s))
        return self._end()

    def _moment(self) -> float:
        """Return the time; an instant that is due stands for the tick that follows it."""
        now_s = self._now_s()
        return self._due_s if 0 <= now_s - self._due_s <= CLOCK_TICK_S else now_s

    def _now_s(self) -> float:
        return self._crowd.now_ns() / 1e9

    def _must_stop(self) -> bool:
        return self._crowd.hurry or bool(self._crowd.failure)

    def _adjust(self, t_s: float) -> None:
        """Bring the number of active buyers to the plan, no faster than the spawn rate allows."""
        rate = self._plan.spawn_rate_at(self._adjusted_s) / self._plan.processes
        self._allowance += rate * (t_s - self._adjusted_s)
        self._allowance = min(self._allowance, max(rate, 1.0))
        self._adjusted_s = t_s
        planned = math.floor(self._plan.schedule.planned_users(t_s) + 0.5)
        change = self._plan.share_of(self._process, planned) - self._crowd.active
        count = min(abs(change), math.floor(self._allowance + 1e-6))
        self._allowance -= count
        if change > 0 and count:
            self._runner.spawn_users({self._buyer: count})
        else:
            self._crowd.ask_to_leave(count)

    def _end(self) -> int:
        """Ask everybody to leave and wait; nobody is stopped while a request is in flight."""
        self._crowd.ask_to_leave(self._crowd.active)
        begun_s = self._now_s()
        while self._crowd.alive and not self._crowd.failure:
            plan = self._plan
            limit_s = plan.request_timeout_s if self._crowd.hurry else plan.longest_action_s
            if self._now_s() > begun_s + limit_s + ENDING_GRACE_S:
                break
            self._sleep_until(self._now_s() + CLOCK_TICK_S)
            self._tell(self._now_s(), 0.0)
        self._write(self._now_s(), 0.0)
        return self._crowd.alive

    def _tell(self, t_s: float, planned: float) -> None:
        """Write down what is planned and what is there, if that is due."""
        if t_s < self._due_s:
            return
        while (following_s := self._instant_after(self._due_s)) <= t_s:
            self._due_s = following_s
        self._write(t_s, planned)
        self._due_s = following_s

    def _instant_after(self, t_s: float) -> float:
        """Return the next whole second or end of a stage."""
        ends_s = [end_s for end_s in self._plan.schedule.ends_s if end_s > t_s]
        return min([math.floor(t_s) + 1.0, *ends_s])

    def _write(self, t_s: float, planned: float) -> None:
        active, alive = self._crowd.active, self._crowd.alive
        self._crowd.ledger.clock((self._due_s, round(t_s, 6), planned, active, alive))
        self._each_second(t_s)

    def _sleep_until(self, t_s: float) -> None:
        gevent.sleep(max(0.0, t_s - self._now_s()))
