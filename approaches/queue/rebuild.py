"""Put products without a stock counter (back) on sale, from what the ledger says.

First the streams are read, then the ledger: an order is recorded before its entry goes, so none is
in neither. What the ledger does not know yet still holds its units. Nothing can be accepted,
released or cancelled meanwhile, as all of these need the counter.

The ledger is read from one snapshot, in pages; Redis gets the open orders with their idempotency
keys, and what each buyer holds, and the counter last. Settled orders stay where they are: the API
reads the ledger for them.

The keys of settled orders still count, and there may be a thousand times as many of them as of open
orders. So they are put back when the product is on sale again (`put_keys_back`): until all are
there, the API asks the ledger for a key that Redis does not know (accept.lua).
"""

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import cast

from approaches.queue import keys, leader_ledger
from approaches.queue.keys import Field
from approaches.queue.leader_ledger import Snapshot
from approaches.queue.leader_store import LeaderStore
from approaches.queue.ledger import Connection
from approaches.queue.worker import ReconnectingConnection
from approaches.shop.catalogue import Product

PAGE = 1_000
CANCELLED_FIELD = "cancelled"
"""A dead letter with this field holds no units: its order has ended."""

Fields = dict[str, str]

log = logging.getLogger(__name__)


class LostLock(Exception):
    """Somebody else leads now."""


async def entries(
    store: LeaderStore, stream: str, page: int = PAGE
) -> AsyncIterator[tuple[str, Fields]]:
    """Read a stream from its begin, page by page."""
    start = "-"
    while True:
        found = cast(
            list[tuple[str, Fields]], await store.redis.xrange(stream, min=start, count=page)
        )
        for entry in found:
            yield entry
        if len(found) < page:
            return
        start = f"({found[-1][0]}"


def holds_units(letter: Mapping[str, str]) -> bool:
    """Return True if a dead letter is an order that the ledger does not know and that is open."""
    is_order = letter.get("stream") == keys.ORDERS and Field.ORDER in letter
    return is_order and CANCELLED_FIELD not in letter


class Rebuild:
    """One rebuild of everything that is not on sale, in one term of office."""

    def __init__(
        self,
        store: LeaderStore,
        ledger: ReconnectingConnection,
        token: str,
        *,
        keys_ttl_s: float,
        page: int = PAGE,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._token = token
        self._keys_ttl_s = keys_ttl_s
        self._page = page

    async def run(self, missing: list[int]) -> None:
        """Put these products on sale; a lost lock ends it, and so does a store that is silent."""
        under_way = {
            fields[Field.ORDER]: fields
            async for _, fields in entries(self._store, keys.ORDERS, self._page)
            if Field.ORDER in fields
        }
        async for _, letter in entries(self._store, keys.DEAD_LETTERS, self._page):
            if holds_units(letter):
                under_way[letter[Field.ORDER]] = letter
        for product_id in missing:
            of_product = {
                order_id: fields
                for order_id, fields in under_way.items()
                if fields.get(Field.PRODUCT) == str(product_id)
            }
            try:
                await self._ledger.run_once(
                    partial(self._rebuild, product_id=product_id, under_way=of_product)
                )
            except LostLock:
                return

    async def put_keys_back(self, product_ids: Sequence[int]) -> None:
        """Put back the keys of ended orders that still count; a lost lock ends it."""
        try:
            await self._ledger.run_once(partial(self._put_keys_back, product_ids=product_ids))
        except LostLock:
            return

    async def _put_keys_back(self, connection: Connection, product_ids: Sequence[int]) -> None:
        pages = leader_ledger.ended_keys(connection, product_ids, self._keys_ttl_s, page=self._page)
        async with aclosing(pages):
            async for page in pages:
                _go_on(await self._store.remember(self._token, page))
        _go_on(await self._store.remembered(self._token, product_ids))

    async def _rebuild(
        self, connection: Connection, product_id: int, under_way: Mapping[str, Fields]
    ) -> None:
        async with leader_ledger.snapshot(connection, product_id, page=self._page) as snapshot:
            product = await snapshot.product()
            epoch = await self._epoch()
            if product is None or not epoch:
                return
            await self._restore(snapshot, product)
            unrecorded = await self._adopt(snapshot, product_id, under_way)
            missing = await snapshot.has_ended_keys(self._keys_ttl_s)
        free = product.stock - unrecorded
        if await self._store.rebuild(
            self._token, product, stock=free, epoch=epoch, keys_missing=missing
        ):
            log.info(
                "product %d is on sale: %d units, %d on their way to the ledger",
                product_id,
                free,
                unrecorded,
            )

    async def _epoch(self) -> int:
        state = await self._store.epoch(self._token)
        if state is None:
            raise LostLock
        return state.mark.epoch

    async def _restore(self, snapshot: Snapshot, product: Product) -> None:
        _go_on(await self._store.hold(self._token, product.product_id, {}, afresh=True))
        async for held in snapshot.holdings():
            _go_on(await self._store.hold(self._token, product.product_id, held))
        async for orders in snapshot.unfinished():
            _go_on(await self._store.restore(self._token, orders))

    async def _adopt(
        self, snapshot: Snapshot, product_id: int, under_way: Mapping[str, Fields]
    ) -> int:
        """Take over what the ledger does not know yet; return how many units it holds."""
        ids, units = list(under_way), 0
        for start in range(0, len(ids), self._page):
            chunk = ids[start : start + self._page]
            known = await snapshot.recorded(chunk)
            unrecorded = [one for one in chunk if one not in known]
            answers = await self._store.adopt(self._token, unrecorded)
            if answers is None:
                raise LostLock
            held: dict[int, int] = {}
            for order_id, is_held in zip(unrecorded, answers, strict=True):
                if is_held:
                    fields = under_way[order_id]
                    user, quantity = int(fields[Field.USER]), int(fields[Field.QUANTITY])
                    held[user] = held.get(user, 0) + quantity
                    units += quantity
            _go_on(await self._store.hold(self._token, product_id, held))
        return units


def _go_on(is_ours: bool) -> None:
    if not is_ours:
        raise LostLock
