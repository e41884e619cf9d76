"""What the synchronous shop does beside its requests, again and again, in a thread of its own."""

import logging
import threading
from collections.abc import Callable

from approaches.shop.database import STORE_ERRORS

log = logging.getLogger(__name__)


class PeriodicThread:
    """Repeats a step until it is stopped, whatever goes wrong with it."""

    def __init__(self, name: str, step: Callable[[], object], *, every_s: float) -> None:
        self._name = name
        self._step = step
        self._every_s = every_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Take the first step now, and each next one `every_s` seconds after the last has ended."""
        self._thread.start()

    def stop(self) -> None:
        """Take no further step; one that is under way is not waited for."""
        self._stopped.set()

    def _run(self) -> None:
        while True:
            try:
                self._step()
            except STORE_ERRORS as error:
                log.warning("%s: later: %s", self._name, error)
            except Exception:  # if the thread ended, the step would never be taken again
                log.exception("%s: later", self._name)
            if self._stopped.wait(self._every_s):
                return
