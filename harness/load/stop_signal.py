"""A signal that ends a wait, for one greenlet that waits again and again.

The wait of gevent's Event ends, if its time is up, with an exception that is thrown into the
greenlet: that costs several times what a request costs otherwise. This one ends with a switch.
"""

import gevent
from gevent.hub import Waiter


class StopSignal:
    """Set once; from then on nobody waits."""

    def __init__(self) -> None:
        self.is_set = False
        self._waiting: Waiter[None] | None = None

    def set(self) -> None:
        """Wake the greenlet that waits."""
        self.is_set = True
        if self._waiting is not None:
            # A Waiter is switched to by the hub alone.
            gevent.get_hub().loop.run_callback(self._waiting.switch, None)
            self._waiting = None

    def wait(self, seconds: float) -> None:
        """Wait until the signal is set, or for so long; the others get their turn in any case."""
        if self.is_set or seconds <= 0:
            gevent.sleep(0)
            return
        hub = gevent.get_hub()
        self._waiting = waiter = Waiter(hub)
        timer = hub.loop.timer(seconds)
        timer.start(waiter.switch, None, update=True)
        try:
            waiter.get()
        finally:
            self._waiting = None
            timer.close()
