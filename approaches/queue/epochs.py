"""Epochs: is this the Redis that the ledger knows, or one that has lost something since?

A Redis without an epoch is new, or has lost its data. One that was put back from an older copy (a
backup, a lagging replica) has an epoch and knows less of it than the ledger does:

- `seq` counts the acceptances of an epoch, and the ledger keeps the highest that it has recorded;
- `beat` is counted up by the leader after new acceptances, in Redis first and then in the ledger.
  So a copy stays behind even after it has accepted as many orders as it had lost.

Both are read from the ledger first and from Redis afterwards, so a Redis that is whole is never
behind. One that is begins a new epoch: the ledger first, which takes no more of what the lost one
had accepted; then every product goes off sale until the rebuild has counted it (rebuild.py).
A process of the API that has seen more refuses to sell at once, and ends the epoch (accept.lua).
"""

import logging
from functools import partial

from approaches.queue import leader_ledger
from approaches.queue.leader_ledger import LedgerMark
from approaches.queue.leader_store import EpochState, LeaderStore
from approaches.queue.worker import ReconnectingConnection

log = logging.getLogger(__name__)


class EpochKeeper:
    """Compares both stores, begins epochs, and marks the present one."""

    def __init__(self, store: LeaderStore, ledger: ReconnectingConnection) -> None:
        self._store = store
        self._ledger = ledger
        self._marked_seq = -1

    async def keep(self, token: str) -> bool:
        """Compare; return True if Redis is of the ledger's epoch and has lost nothing of it.

        The ledger is read before Redis and changed only if unchanged since: if both readings lie
        within one term of office, nobody else can begin an epoch between them.
        """
        known = await self._ledger.run_once(leader_ledger.read_mark)
        state = await self._store.epoch(token)
        if state is None:
            return False
        if not _is_whole(state, known):
            return await self._begin(token, state, known)
        if state.mark.seq != self._marked_seq:
            beat = max(state.beat, known.beat) + 1
            if await self._store.epoch(token, beat=beat) is None:
                return False
            await self._ledger.run_once(
                partial(leader_ledger.raise_mark, mark=state.mark, beat=beat)
            )
            self._marked_seq = state.mark.seq
        return True

    async def _begin(self, token: str, state: EpochState, known: LedgerMark) -> bool:
        if state.mark.epoch:
            log.error("Redis is older than the ledger: %s, the ledger has seen %s", state, known)
        at_least = max(state.mark.epoch, state.behind)
        epoch = await self._ledger.run_once(
            partial(leader_ledger.begin_epoch, after=known.mark.epoch, at_least=at_least)
        )
        if epoch is None:
            return False
        products = await self._ledger.run_once(leader_ledger.read_products)
        ids = [product.product_id for product in products]
        begun = await self._store.epoch(token, begin=epoch, product_ids=ids)
        self._marked_seq = -1
        return begun is not None and begun.mark.epoch == epoch


def _is_whole(state: EpochState, known: LedgerMark) -> bool:
    return (
        state.mark.epoch == known.mark.epoch != 0
        and state.mark.seq >= known.mark.seq
        and state.beat >= known.beat
    )
