"""Wakes those who watch an order when it has changed, by one subscription per process.

What an approach listens to (a channel of PostgreSQL or of Redis) only says that something has
changed; whoever is woken reads the order. So a message that comes twice or late does no harm, and
one that is lost is made up for by the next reading.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import NoReturn

LISTEN_AGAIN_S = 0.5

log = logging.getLogger(__name__)


class OrderChanges:
    """Those who watch orders in this process; `listen` yields the ids of orders that changed."""

    def __init__(self, listen: Callable[[], AsyncIterator[str]]) -> None:
        self._listen = listen
        self._watchers: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    async def run(self) -> NoReturn:
        """Listen until cancelled; whoever watches is woken when the subscription was lost."""
        while True:
            try:
                async with aclosing(self._listen()) as changed:  # type: ignore[type-var]
                    async for order_id in changed:
                        self._wake(self._watchers.get(order_id, ()))
            except Exception as error:  # whatever it is, there is another subscription
                log.warning("changes are not heard: %s: %s", type(error).__name__, error)
            self.wake_all()
            await asyncio.sleep(LISTEN_AGAIN_S)

    @contextmanager
    def watching(self, order_id: str) -> Iterator[asyncio.Event]:
        """Yield an event that is set at each change of the order; who waits for it clears it."""
        changed = asyncio.Event()
        self._watchers[order_id].add(changed)
        try:
            yield changed
        finally:
            self._watchers[order_id].discard(changed)
            if not self._watchers[order_id]:
                del self._watchers[order_id]

    def wake_all(self) -> None:
        """Wake everybody: to read again, or to leave."""
        for watchers in self._watchers.values():
            self._wake(watchers)

    @staticmethod
    def _wake(watchers: "set[asyncio.Event] | tuple[()]") -> None:
        for changed in watchers:
            changed.set()
