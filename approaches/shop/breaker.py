"""A circuit breaker: stops asking a payment gateway that does not answer, and notices its return.

Its state belongs to one process. Shared state would save each process the few charges it needs to
notice by itself, at the price of a round trip to another store per charge, and of that store's
outages; the libraries that fit asyncio ask for exactly that, hence these few lines.

    closed --- `threshold` failures in a row ---> open --- pause is over ---> one probe at a time
      ^                                            ^                            |         |
      |                                            +--- fails: pause doubles ---+         |
      +--------------------------------------- answered ----------------------------------+

What counts as an answer is the caller's business (payments.py). It is a state machine without I/O:
`admit` says whether a call may go out, `record` takes what became of it.
"""

import random
import threading
import time
from collections.abc import Callable

THRESHOLD = 5
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 5.0


class Breaker:
    """Lets calls through, or not; safe to share between threads."""

    def __init__(
        self,
        *,
        on_change: Callable[[bool], object] = lambda is_open: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_change = on_change
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._pause_s = 0.0  # 0: closed
        self._probe_at_s = 0.0
        self._probing = False
        # Calls of an earlier term say nothing about the present one: twenty that hung together and
        # fail together would else double the pause twenty times.
        self._term = 0

    @property
    def is_open(self) -> bool:
        """Return True while calls are held back: until a probe was answered."""
        return self._pause_s > 0

    def admit(self) -> int | None:
        """Return a pass for one call, to be handed to `record`, or None if none may go out now."""
        with self._lock:
            if self.is_open:
                if self._probing or self._clock() < self._probe_at_s:
                    return None
                self._probing = True
            return self._term

    def wait_s(self) -> float:
        """Return how long to wait before `admit` is worth asking again."""
        with self._lock:
            left_s = self._probe_at_s - self._clock()
        # Spread out, or all who wait come back at once.
        return max(left_s, FIRST_PAUSE_S * random.uniform(0.5, 1.0))  # noqa: S311

    def record(self, admitted: int, *, answered: bool | None) -> None:
        """Take what became of an admitted call; None: it says nothing about the gateway."""
        with self._lock:
            if admitted != self._term:
                return
            if answered is None:
                self._probing = False  # another one may go out
            elif answered:
                self._failures = 0
                self._close()
            else:
                self._failures += 1
                if self.is_open or self._failures >= THRESHOLD:
                    self._open()

    def _close(self) -> None:
        if self.is_open:
            self._term += 1
            self._pause_s = 0.0
            self._probing = False
            self._on_change(False)

    def _open(self) -> None:
        if not self.is_open:
            self._on_change(True)
        self._term += 1
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S) or FIRST_PAUSE_S
        self._probe_at_s = self._clock() + self._pause_s
        self._probing = False
