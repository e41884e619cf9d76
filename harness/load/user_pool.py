"""The users of an open load: those who are free act out the buyers that arrive."""

from gevent.queue import SimpleQueue

Visit = tuple[int, int]
"""The number of a buyer, and when it was due, in ns since the start of the load."""


class UserPool:
    """Hands each buyer to a free user, if there is one."""

    def __init__(self) -> None:
        self._free = 0
        self._visits: SimpleQueue[Visit | None] = SimpleQueue()
        self._closed = False

    def next_visit(self) -> Visit | None:
        """Wait for the next buyer to act out; return None when no more will come."""
        if self._closed:
            return None
        self._free += 1
        visit: Visit | None = self._visits.get()
        return visit

    def assign(self, visit: Visit) -> bool:
        """Hand a buyer to a free user; return False if there is none."""
        if self._free == 0:
            return False
        self._free -= 1
        self._visits.put(visit)
        return True

    def close(self) -> None:
        """Send home every user that is free, and every other one when its buyer has gone."""
        self._closed = True
        for _ in range(self._free):
            self._visits.put(None)
        self._free = 0
