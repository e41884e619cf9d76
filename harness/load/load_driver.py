"""What drives the buyers of a generator process: the part that all kinds of load share."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import gevent

from harness.load.load_plan import CLOCK_TICK_S, ENDING_GRACE_S
from harness.load.user_registry import UserRegistry

Report = Callable[[float, str, float], None]
"""Takes the time in s, the name of the stage, and the planned users, about once a second."""


class LoadDriver(ABC):
    """Makes buyers come, act and leave."""

    def __init__(self, users: UserRegistry, report: Report) -> None:
        self._users = users
        self._report = report

    @abstractmethod
    def run(self) -> int:
        """Drive the load to its end; return how many buyers had to be given up."""

    def _wait_until_all_have_left(self) -> int:
        """Wait until no buyer is left, and return who had to be given up.

        Nobody is stopped while a request is in flight.
        """
        plan, begun_s = self._users.plan, self._users.now_s()
        while self._users.alive and not self._users.failure:
            limit_s = plan.load.request_timeout_s if self._users.stopping else plan.longest_action_s
            if self._users.now_s() > begun_s + limit_s + ENDING_GRACE_S:
                break
            gevent.sleep(CLOCK_TICK_S)
            self._tick()
        return self._users.alive

    @abstractmethod
    def _tick(self) -> None:
        """Report what is there, if that is due."""
