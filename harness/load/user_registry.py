"""The buyers of one generator process: who is there, who was asked to leave, and since when.

A buyer is *active* until it is asked to leave and *alive* until it has left: it finishes the action
in hand first. Locust's own ramp-down (`Runner.stop_users`) waits until the buyers it stops are gone
and holds up everything else meanwhile; asking takes no time.
"""

import time
import traceback
from collections import Counter
from typing import Protocol

from harness.load.load_plan import Plan
from harness.load.request_log import RequestLog


class User(Protocol):
    """What the registry asks of a buyer."""

    def request_stop(self) -> None:
        """Finish the action in hand, then go; do not begin another one."""


class UserRegistry:
    """Numbers the buyers, knows them, and keeps the time that they all go by."""

    def __init__(self, plan: Plan, process: int, log: RequestLog) -> None:
        self.plan = plan
        self.log = log
        self.t0_ns = 0
        self.stopping = False
        """True once the load must stop: requests finish, retries and watches do not go on."""
        self.failure = ""
        self.errors = 0
        self.latencies_ms: list[int] = []
        """Latencies of the answers since the last progress report; reading empties the list."""
        self._process = process
        self._turns: Counter[int] = Counter()
        self._active: list[tuple[int, User]] = []
        self._born_ns: dict[int, int] = {}
        self._asked_ns: dict[int, int] = {}

    def now_ns(self) -> int:
        """Return the time in ns since the start of the load."""
        return time.monotonic_ns() - self.t0_ns

    def now_s(self) -> float:
        """Return the time in s since the start of the load."""
        return self.now_ns() / 1e9

    @property
    def active(self) -> int:
        """Return how many buyers were not asked to leave."""
        return len(self._active)

    @property
    def alive(self) -> int:
        """Return how many buyers have not left."""
        return len(self._born_ns)

    @property
    def must_end(self) -> bool:
        """Return True if the load must end before its time: it was stopped, or a buyer broke."""
        return self.stopping or bool(self.failure)

    def add(self, user: User) -> tuple[int, int]:
        """Register a buyer; return its number, never given twice, and when it arrived, in ns."""
        # The youngest leave first, so those who are there have the first places of this process.
        place = self._process + self.plan.load.processes * self.active
        number, born_ns = self.plan.buyer_number(place, self._turns[place]), self.now_ns()
        self._turns[place] += 1
        self._active.append((number, user))
        self._born_ns[number] = born_ns
        return number, born_ns

    def add_arrival(self, number: int, due_ns: int) -> None:
        """Register a buyer who was due at `due_ns`; nobody will ask it to leave."""
        self._born_ns[number] = due_ns

    def reject_arrival(self, number: int, due_ns: int) -> None:
        """Record a buyer for whom no user was free: it left at once, without a request."""
        self.log.buyer((number, due_ns, -1, due_ns, 0))

    def request_stops(self, count: int) -> None:
        """Ask the youngest `count` active buyers to leave."""
        for _ in range(min(count, len(self._active))):
            number, user = self._active.pop()
            self._asked_ns[number] = self.now_ns()
            user.request_stop()

    def remove(self, number: int, user_id: int = 0) -> None:
        """Record that a buyer has left, and which account was its own; 0 if it knew of none."""
        asked_ns = self._asked_ns.pop(number, -1)
        self.log.buyer((number, self._born_ns.pop(number), asked_ns, self.now_ns(), user_id))

    def record_failure(self, error: Exception) -> None:
        """Remember that a buyer broke: a bug, after which the load must not be believed."""
        self.failure = self.failure or "".join(traceback.format_exception(error))
