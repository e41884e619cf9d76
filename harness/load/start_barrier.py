"""Where all buyers of a contention test wait until they may all go at once."""

from gevent.event import AsyncResult, Event

from harness.scenario.sales import Sale

Start = tuple[Sale, int]
"""The sale that begins, and when, in ns since the start of the load."""


class StartBarrier:
    """Lets a number of buyers go at once, again and again."""

    def __init__(self, buyers: int) -> None:
        self._buyers = buyers
        self._missing = buyers
        self._complete = Event()
        self._closed = False
        self._next: AsyncResult[Start | None] = AsyncResult()

    def wait(self) -> Start | None:
        """Wait for the next sale and return it, or None after the last one."""
        if self._closed:
            return None
        current = self._next
        self._missing -= 1
        if self._missing == 0:
            self._complete.set()
        start: Start | None = current.get()
        return start

    def wait_for_all(self, limit_s: float) -> bool:
        """Wait for at most `limit_s`; return True if every buyer waits at the barrier."""
        return bool(self._complete.wait(limit_s))

    def release(self, sale: Sale, at_ns: int) -> None:
        """Let every buyer go; `at_ns` is the time, which is when they intend to send."""
        self._let_go((sale, at_ns))

    def close(self) -> None:
        """Send home who waits, and who comes later."""
        self._closed = True
        self._let_go(None)

    def _let_go(self, start: Start | None) -> None:
        current, self._next = self._next, AsyncResult()
        self._missing = self._buyers
        self._complete.clear()
        current.set(start)
