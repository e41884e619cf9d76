"""The bell of a contention test: all its buyers wait for it, and all of them go when it rings."""

from gevent.event import AsyncResult, Event

from harness.scenario.sales import Sale


class Bell:
    """Lets a number of buyers go at once, again and again."""

    def __init__(self, buyers: int) -> None:
        self._buyers = buyers
        self._missing = buyers
        self._complete = Event()
        self._closed = False
        self._next: AsyncResult[tuple[Sale, int] | None] = AsyncResult()

    def wait(self) -> tuple[Sale, int] | None:
        """Wait for the next bell; return the sale and when it rang, or None after the last sale."""
        if self._closed:
            return None
        bell = self._next
        self._missing -= 1
        if self._missing == 0:
            self._complete.set()
        word: tuple[Sale, int] | None = bell.get()
        return word

    def gather(self, limit_s: float) -> bool:
        """Wait until every buyer waits for the bell; say whether that came within the limit."""
        return bool(self._complete.wait(limit_s))

    def ring(self, sale: Sale, at_ns: int) -> None:
        """Let every buyer go; `at_ns` is the time, which is when they intend to send."""
        self._let_go((sale, at_ns))

    def close(self) -> None:
        """Send home who waits, and who comes later."""
        self._closed = True
        self._let_go(None)

    def _let_go(self, word: tuple[Sale, int] | None) -> None:
        bell, self._next = self._next, AsyncResult()
        self._missing = self._buyers
        self._complete.clear()
        bell.set(word)
