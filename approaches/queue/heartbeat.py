"""Heartbeats of the processes of one container: noted in shared memory, sent by one of them.

A heartbeat is a key in Redis that expires, and with `appendfsync always` each write of one is a
write to a disk. So the processes note in shared memory when their event loops last turned, and
whoever finds that the last sending is a second old sends one call for all who live.

The promise is that of a heartbeat of one's own. A key expires HEARTBEAT_TTL_MS after the event loop
of its process last turned, because that is when its time to live counts from, whoever sends it: a
process that is stuck, paused or dead is not kept alive by the others. And a process that has no
valid heartbeat (at its start, after a pause) sends at once.

The memory must be mapped before the fork. Its words are aligned and each is written as a whole; two
processes that find a sending due at the same moment both send, which does no harm.
"""

import mmap
import time
from collections.abc import Callable, Mapping, Sequence

HEARTBEAT_TTL_MS = 3_000
HEARTBEAT_INTERVAL_S = 1.0
NOTE_INTERVAL_S = 0.5
"""How often a process notes that its event loop turns."""

MOST_PROCESSES = 64
_WORD_BYTES = 8
_EPOCH, _BEGUN, _SLOTS = 0, 1, 2
_SLOT_WORDS = 2  # when the event loop last turned, and the latest such moment that Redis has taken


def shared_memory() -> mmap.mmap:
    """Map memory that the processes forked from this one share."""
    return mmap.mmap(-1, _WORD_BYTES * (_SLOTS + _SLOT_WORDS * MOST_PROCESSES))


class Heartbeats:
    """The heartbeats of a container, as process number `index` of `names` has them."""

    def __init__(
        self,
        names: Sequence[str],
        index: int = 0,
        memory: mmap.mmap | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = names[index]
        self._names = names
        self._clock = clock
        self._words = memoryview(memory or shared_memory()).cast("d")
        self._seen = _SLOTS + _SLOT_WORDS * index
        self._withdrawn = False
        self._words[self._seen : self._seen + _SLOT_WORDS] = memoryview(bytes(16)).cast("d")

    @property
    def epoch(self) -> int:
        """The epoch of Redis that the latest heartbeat was answered with."""
        return int(self._words[_EPOCH])

    @property
    def is_ok(self) -> bool:
        """Return True if the last heartbeat that Redis took of this process still counts."""
        return self._clock() - self._words[self._seen + 1] < HEARTBEAT_TTL_MS / 1_000

    def note(self) -> None:
        """Note that the event loop of this process turns."""
        if not self._withdrawn:
            self._words[self._seen] = self._clock()

    def withdraw(self) -> None:
        """Have nobody send a heartbeat of this process any more."""
        self._withdrawn = True
        self._words[self._seen] = 0.0

    def is_due(self) -> bool:
        """Return True if this process is to send now; the others then take it for sent."""
        now_s = self._clock()
        if self.is_ok and now_s - self._words[_BEGUN] < HEARTBEAT_INTERVAL_S:
            return False
        self._words[_BEGUN] = now_s
        return True

    def alive(self) -> dict[str, float]:
        """Return when the event loops of those that live last turned, by name."""
        now_s = self._clock()
        seen = {name: self._words[_SLOTS + _SLOT_WORDS * i] for i, name in enumerate(self._names)}
        return {name: at for name, at in seen.items() if now_s - at < HEARTBEAT_TTL_MS / 1_000}

    def lives_ms(self, alive: Mapping[str, float]) -> dict[str, int]:
        """Return for how long each heartbeat counts from now on, in milliseconds."""
        now_s = self._clock()
        return {
            name: max(1, HEARTBEAT_TTL_MS - round((now_s - at) * 1_000))
            for name, at in alive.items()
        }

    def taken(self, alive: Mapping[str, float], epoch: int) -> None:
        """Note that Redis, in this epoch, has taken these heartbeats."""
        self._words[_EPOCH] = epoch
        for index, name in enumerate(self._names):
            if name in alive:
                self._words[_SLOTS + _SLOT_WORDS * index + 1] = alive[name]

    def failed(self) -> None:
        """Note that Redis took nothing: another process is to try."""
        self._words[_BEGUN] = 0.0
