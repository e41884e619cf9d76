"""A worker as a member of a consumer group: it reads, keeps a heartbeat, leaves nothing behind.

Delivery is at least once. An entry that was delivered is in Redis' list of pending entries until
its work is done, and a living process is always responsible for it:

- a worker that died is found by its missing heartbeat, and the leader returns its entries
  (recovery.py);
- a worker that starts again under its old name returns its own at once;
- a worker that lost the answer to a read (connection lost, cancelled) does not know which entries
  are pending with it, so before its next read it returns those that are not in hand;
- it does the same when the epoch has changed: a Redis that was put back from an older copy has as
  pending what the worker has finished since.

Names are stable (host, port, child), so a restarted child recovers without waiting for a heartbeat
to expire.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar, cast

from redis.exceptions import RedisError

from approaches.queue.heartbeat import HEARTBEAT_INTERVAL_S, NOTE_INTERVAL_S, Heartbeats
from approaches.queue.redis_store import BLOCK_MS, Store, WorkStream, is_missing_group
from approaches.shop.metrics import Counter

LONGEST_PAUSE_S = 2.0

DEAD_LETTERS = Counter(
    "shop_dead_letters", "Entries given up after repeated deliveries: an alarm", ["stream"]
)
RETURNED = Counter("shop_entries_returned", "Entries returned to their stream", ["stream"])

Result = TypeVar("Result")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """One unit of work as it was delivered."""

    id: str
    fields: dict[str, str]


def consumer_name(service: str, port: int, child: int) -> str:
    """Return a name that is the same after a restart and unique among all workers."""
    return f"{service}-{socket.gethostname()}-{port}-{child}"


def count_returns(stream: WorkStream, returned: int, dead: int) -> None:
    """Count returned entries, and raise the alarm for dead letters."""
    if returned:
        RETURNED.labels(stream.name).inc(returned)
    if dead:
        DEAD_LETTERS.labels(stream.name).inc(dead)
        log.error("%d entries of %s went to the dead letters", dead, stream.name)


async def until_answered(step: Callable[[], Awaitable[Result]]) -> Result:
    """Repeat a step that may safely run twice until Redis answers, with a pause that doubles."""
    pause_s = 0.05
    while True:
        try:
            return await step()
        except RedisError as error:
            log.warning("the store does not answer: %s", error)
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)


class Consumer:
    """One member of a consumer group."""

    def __init__(
        self, store: Store, stream: WorkStream, name: str, heartbeats: Heartbeats | None = None
    ) -> None:
        self._store = store
        self._stream = stream
        self.name = name
        self._heartbeats = heartbeats or Heartbeats([name])
        self._epoch = 0
        self._pending_unknown = True
        self._pause_s = 0.0

    @property
    def heartbeat_ok(self) -> bool:
        """Return True if the last heartbeat that Redis took of this worker still counts."""
        return self._heartbeats.is_ok

    async def beat(self) -> None:
        """Keep the heartbeat alive until cancelled; meant to be a task of its own."""
        while True:
            self._heartbeats.note()
            pause_s = NOTE_INTERVAL_S
            if self._heartbeats.is_due() and not await self._send_heartbeats():
                pause_s = HEARTBEAT_INTERVAL_S
            if self._heartbeats.epoch != self._epoch:
                self._epoch = self._heartbeats.epoch
                self.mark_pending_unknown()
            await asyncio.sleep(pause_s)

    async def _send_heartbeats(self) -> bool:
        """Send the heartbeat of each process of the container that lives; return True if taken."""
        alive = self._heartbeats.alive()
        try:
            if alive:
                epoch = await self._store.beat(self._heartbeats.lives_ms(alive))
                self._heartbeats.taken(alive, epoch)
        except RedisError as error:
            log.warning("no heartbeat: %s", error)
            self._heartbeats.failed()
            return False
        return True

    async def read(self, count: int, in_hand: Collection[str] = ()) -> list[Entry]:
        """Wait up to two seconds for at most `count` new entries, and return them.

        `in_hand` are the entry ids that this worker still works on. If the store does not answer,
        there are none, after a pause that doubles; nothing is raised for it.
        """
        answered = False
        try:
            if self._pending_unknown:
                self._pending_unknown = False  # it may be marked again from here on
                await self._return_unknown(in_hand)
            entries = await self._read(count)
            answered = True
        except RedisError as error:
            if is_missing_group(error):
                await self._create_group()
            else:
                await self._pause(error)
            return []
        finally:
            if not answered:
                self.mark_pending_unknown()
        self._pause_s = 0.0
        return entries

    async def _read(self, count: int) -> list[Entry]:
        reply = cast(
            Sequence[tuple[str, Sequence[tuple[str, dict[str, str]]]]],
            await self._store.redis.xreadgroup(
                self._stream.group,
                self.name,
                {self._stream.name: ">"},
                count=count,
                block=BLOCK_MS,
            ),
        )
        return [Entry(entry_id, fields) for _, batch in reply for entry_id, fields in batch]

    def mark_pending_unknown(self) -> None:
        """Have the next read return first what is pending but not in hand."""
        self._pending_unknown = True

    async def give_up(self, entry: Entry, reason: str) -> None:
        """Return one entry for another try; after too many it is a dead letter with this reason."""
        log.error("%s of %s: %s", entry.id, self._stream.name, reason)
        counts = await until_answered(
            lambda: self._store.requeue(
                self._stream, self.name, mode="own", entry_id=entry.id, reason=reason
            )
        )
        count_returns(self._stream, *counts)

    async def deregister(self) -> None:
        """Return whatever is still in hand, uncounted, and remove the name from the group."""
        self._heartbeats.withdraw()
        try:
            await self._return_all(mode="leave", deliveries=0)
        except RedisError as error:  # the leader will find the missing heartbeat
            log.warning("could not deregister: %s", error)

    async def _create_group(self) -> None:
        """Create the group from the first entry on: after a FLUSHALL orders may already wait."""
        try:
            await self._store.redis.xgroup_create(
                self._stream.name, self._stream.group, id="0", mkstream=True
            )
        except RedisError as error:
            if "BUSYGROUP" not in str(error):
                await self._pause(error)

    async def _return_unknown(self, in_hand: Collection[str]) -> None:
        if not in_hand:
            await self._return_all(mode="own", deliveries=1)
            return
        pending = await self._store.redis.xpending_range(
            self._stream.name, self._stream.group, "-", "+", 1_000, self.name
        )
        for item in pending:
            entry_id = str(item["message_id"])
            if entry_id not in in_hand:
                counts = await self._store.requeue(
                    self._stream, self.name, mode="own", entry_id=entry_id
                )
                count_returns(self._stream, *counts)

    async def _return_all(self, *, mode: Literal["own", "leave"], deliveries: int) -> None:
        while True:
            counts = await self._store.requeue(
                self._stream, self.name, mode=mode, deliveries=deliveries
            )
            count_returns(self._stream, *counts)
            if not any(counts):
                return

    async def _pause(self, error: RedisError) -> None:
        log.warning("%s cannot be read: %s", self._stream.name, error)
        self._pause_s = min(self._pause_s * 2 or 0.1, LONGEST_PAUSE_S)
        await asyncio.sleep(self._pause_s)
