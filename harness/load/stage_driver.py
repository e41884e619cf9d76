"""The stage clock: ten times a second, as many buyers come or are asked to leave as planned.

Not Locust's LoadTestShape: its runner blocks while it ramps, so a ramp that takes longer than its
stage makes the next stage vanish, and a ramp-down waits for every buyer that it stops (the TODO in
`Runner.shape_worker`, locust/runners.py; locustio/locust#1715, #2242). Here planned, active and
alive are written down each second and at the end of each stage, so a stage that was missed shows.
"""

import math
from collections.abc import Callable

import gevent

from harness.load.load_driver import LoadDriver, Report
from harness.load.load_plan import CLOCK_TICK_S, LoadPlan
from harness.load.user_registry import UserRegistry


class StageDriver(LoadDriver):
    """Drives the buyers of one generator process through the stages."""

    def __init__(
        self,
        plan: LoadPlan,
        users: UserRegistry,
        spawn: Callable[[int], None],
        process: int,
        report: Report,
    ) -> None:
        super().__init__(users, report)
        self._plan = plan
        self._spawn = spawn
        self._process = process
        self._allowance = 1.0
        self._adjusted_s = 0.0
        self._due_s = 0.0

    def run(self) -> int:
        """Go through all stages and let everybody leave; return how many had to be given up."""
        load_s = self._plan.schedule.load_s
        while not self._users.must_end:
            t_s = self._moment()
            planned_s = min(t_s, load_s)
            self._adjust(planned_s)
            self._write_if_due(t_s, self._plan.schedule.planned_users(planned_s))
            if t_s >= load_s:
                break
            tick_s = (math.floor(t_s / CLOCK_TICK_S) + 1) * CLOCK_TICK_S
            gevent.sleep(max(0.0, min(tick_s, self._due_s) - self._users.now_s()))
        self._users.request_stops(self._users.active)
        left = self._wait_until_all_have_left()
        self._write(self._users.now_s(), 0.0)
        return left

    def _moment(self) -> float:
        """Return the time; an instant that is due stands for the tick that follows it."""
        now_s = self._users.now_s()
        return self._due_s if 0 <= now_s - self._due_s <= CLOCK_TICK_S else now_s

    def _adjust(self, t_s: float) -> None:
        """Bring the number of active buyers to the plan, no faster than the spawn rate allows."""
        rate = self._plan.spawn_rate_at(self._adjusted_s) / self._plan.load.processes
        self._allowance += rate * (t_s - self._adjusted_s)
        self._allowance = min(self._allowance, max(rate, 1.0))
        self._adjusted_s = t_s
        planned = math.floor(self._plan.schedule.planned_users(t_s) + 0.5)
        change = self._plan.share_of(self._process, planned) - self._users.active
        count = min(abs(change), math.floor(self._allowance + 1e-6))
        self._allowance -= count
        if change > 0 and count:
            self._spawn(count)
        else:
            self._users.request_stops(count)

    def _tick(self) -> None:
        self._write_if_due(self._users.now_s(), 0.0)

    def _write_if_due(self, t_s: float, planned: float) -> None:
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
        active, alive = self._users.active, self._users.alive
        self._users.log.clock((self._due_s, round(t_s, 6), planned, active, alive))
        self._report(t_s, self._plan.stage_name(t_s), self._plan.schedule.planned_users(t_s))
