"""Who leads: one candidate at a time holds a lock with a time to live.

A lock without one would stop recovery for ever when its holder is killed (taskiq-redis #131). Each
term of office has a token of its own, and every script that writes for the leader names it: a
leader that was paused and replaced writes nothing, and neither does one whose snapshot is older
than a FLUSHALL, because that deletes the lock too.
"""

import os
import uuid

from redis.exceptions import RedisError

from approaches.queue.leader_store import LeaderStore

LOCK_TTL_MS = 3_000


class Leadership:
    """One candidate's claim; `token` is empty while somebody else leads."""

    def __init__(self, store: LeaderStore, *, ttl_ms: int = LOCK_TTL_MS) -> None:
        self._store = store
        self._ttl_ms = ttl_ms
        self.token = ""

    async def hold(self) -> bool:
        """Hold or win the lock; return True if it is ours now."""
        if self.token and await self._store.renew(self.token, self._ttl_ms):
            return True
        self.token = ""
        # The process id identifies the leader to people and to fault injection.
        token = f"{os.getpid()}-{uuid.uuid4().hex}"
        if await self._store.claim(token, self._ttl_ms):
            self.token = token
        return bool(self.token)

    async def resign(self) -> None:
        """Let the lock expire at once, if it is ours."""
        token, self.token = self.token, ""
        try:
            if token:
                await self._store.renew(token, 1)
        except RedisError:  # it expires
            pass
