"""How many event streams one buyer may have open: streams cost connections, or threads."""

import threading
from collections import Counter

from approaches.shop.problems import Code, Problem


class StreamLimit:
    """Counts the open streams of each buyer in this process; safe to use from threads.

    A stream above the limit is refused, and no open one is closed for it: a buyer who opens streams
    without end would otherwise keep the service busy with closing them.
    """

    def __init__(self, per_buyer: int) -> None:
        self._per_buyer = per_buyer
        self._open: Counter[int] = Counter()
        self._lock = threading.Lock()

    def take(self, user_id: int) -> None:
        """Count a stream of this buyer, to be given back; raise Problem(rate_limited) above."""
        with self._lock:
            if self._open[user_id] >= self._per_buyer:
                detail = f"you have {self._per_buyer} event streams open; close one"
                raise Problem(Code.RATE_LIMITED, detail)
            self._open[user_id] += 1

    def give_back(self, user_id: int) -> None:
        """Count a stream of this buyer as closed."""
        with self._lock:
            self._open[user_id] -= 1
            if not self._open[user_id]:
                del self._open[user_id]
