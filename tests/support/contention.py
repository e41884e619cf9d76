"""A contention test simulated event by event: many short sales on the model of one approach.

The buyers of `histories.py`, but each tries once per sale, all when the last answer of the sale
before has come; each sale is a shop of its own with fresh stock.
"""

import heapq
from collections import Counter
from dataclasses import replace
from typing import Any

import pandas as pd

from harness.results.record import RunRecord
from harness.results.store import RunData
from harness.scenario.sales import contention_sales
from tests.support import histories
from tests.support.histories import Acting, Load, Resume
from tests.support.records import PRICE_CENTS, T0_WALL_NS, build_record, telemetry
from tests.support.simulated_shop import MS, Shop

S = 1_000_000_000
STOCK_MIN, STOCK_MAX = 1, 10


class ContentionLoad(Load):
    """Buyers that wait for the bell, sale after sale."""

    def __init__(self, approach: str, *, index: int, seed: int, buyers: int, sales: int) -> None:
        super().__init__(
            approach, index=index, seed=seed, users=buyers, stock=1, seconds=4, limit=None
        )
        self.sales = contention_sales(sales, STOCK_MIN, STOCK_MAX, seed)
        self.shops: list[Shop] = []
        self.rings_ns: list[int] = []
        self.waiting: list[Resume] = []
        self.counts = self.shop.counts

    def play(self) -> None:
        """Let everybody come at once, and go after the last sale."""
        self.at(0, self._arrive)
        while self.heap:
            self.now, _, action = heapq.heappop(self.heap)
            action()

    def _arrive(self) -> None:
        for number in range(self.users):
            self.buyers[number] = dict(
                histories._BORN, born_ns=self.now, user_id=number + histories.ACCOUNTS_BEFORE
            )
            self.done_ns[number] = self.now
            self._advance(self._act(number), None)

    def _act(self, user: int) -> Acting:
        yield from self._simple(user, "register", 201, 0)
        yield from self._simple(user, "login", 200, 0)
        for sale in self.sales:
            self.done_ns[user] = yield self._wait
            yield from self._attempt(user, f"{self.seed}-{sale.number}-{user}")
        self.buyers[user]["left_ns"] = self.now

    def _wait(self, resume: Resume) -> None:
        self.waiting.append(resume)
        if len(self.waiting) == self.users:
            self.at(self.now + MS, self._ring)

    def _ring(self) -> None:
        stock = self.sales[len(self.shops)].stock
        shop = self.shop
        self.shop = Shop(shop.approach, stock, stock, None, shop.seed, self.rng, self.at)
        self.shop.counts = self.counts
        self.shops.append(self.shop)
        self.rings_ns.append(self.now)
        everybody, self.waiting = self.waiting, []
        for resume in everybody:
            resume(self.now)

    def _row(self, user: int, endpoint: str, think_ns: int) -> dict[str, Any]:
        return super()._row(user, endpoint, think_ns) | {"stage": len(self.shops)}


def make_contention_run(
    approach: str = "queue",
    *,
    index: int = 1,
    block: int = 1,
    seed: int = 1,
    sales: int = 8,
    buyers: int = 30,
) -> RunData:
    """Return one consistent contention test of a model of `approach` ("sync" or "queue")."""
    load = ContentionLoad(approach, index=index, seed=seed, buyers=buyers, sales=sales)
    load.play()
    last_ns = max(row["done_ns"] for row in load.requests)
    settled_ns = [o.settled_ns or 0 for shop in load.shops for o in shop.by_key.values()]
    drained_s = max([last_ns, *settled_ns]) / S
    whole = _Whole(load)
    return RunData(
        record=RunRecord.model_validate(
            _record(load, whole, index=index, block=block, drained_s=drained_s)
        ),
        requests=pd.DataFrame(load.requests, columns=list(histories._EMPTY))
        .astype(histories._TYPES | {"stage": "int16"})
        .sort_values("done_ns", kind="stable", ignore_index=True),
        buyers=pd.DataFrame(
            [{"process": 0, "user": n, **b} for n, b in load.buyers.items()]
        ).astype({"process": "int16", "user": "int32"}),
        clock=pd.DataFrame(
            [(ns / S, float(buyers), buyers, buyers) for ns in load.rings_ns],
            columns=["t_s", "planned", "active", "alive"],
        ),
        telemetry=telemetry(load, drained_s),
        orders=pd.DataFrame(whole.orders, columns=histories._ORDER.split()),
        order_events=histories._ledger(whole.events, "order_id version status at_ns"),
        payments=histories._ledger(whole.payments, "order_id charge_id outcome amount_cents at_ns"),
        stock_moves=histories.stock_moves(whole.moves),
        charges=pd.DataFrame(whole.charges, columns=histories._CHARGE.split()),
    )


class _Whole:
    """The ledgers of all shops as one; charges are numbered through."""

    def __init__(self, load: ContentionLoad) -> None:
        self.orders: list[tuple[Any, ...]] = []
        self.events: list[tuple[Any, ...]] = []
        self.payments: list[tuple[Any, ...]] = []
        self.moves: list[tuple[Any, ...]] = []
        self.charges: list[tuple[Any, ...]] = []
        self.sold: Counter[int] = Counter()
        for sale, shop in zip(load.sales, load.shops, strict=True):
            for o in shop.by_key.values():
                times = (T0_WALL_NS + o.accepted_ns, T0_WALL_NS + (o.settled_ns or 0))
                facts = (1, o.key, PRICE_CENTS, o.status, o.version)
                self.orders.append((o.order_id, o.user_id, sale.product_id, *facts, *times))
                self.sold[sale.product_id] += o.status == "confirmed"
            self.events += shop.events
            self.moves += shop.moves
            self.payments += [(o, f"{sale.number}-{c}", *more) for o, c, *more in shop.payments]
            self.charges += [(f"{sale.number}-{c}", *more) for c, *more in shop.charges]


def _record(
    load: ContentionLoad, whole: _Whole, *, index: int, block: int, drained_s: float
) -> dict[str, Any]:
    record = build_record(load, index=index, block=block, drained_s=drained_s)
    record["load_s"] = max(row["done_ns"] for row in load.requests) / S
    record["drain_s"] = round(drained_s - record["load_s"], 3)
    record["scenario"] |= {
        "title": "Simulated contention test",
        "stages": [],
        "contention": {
            "sales": len(load.sales), "stock_min": STOCK_MIN, "stock_max": STOCK_MAX,
            "buyers": load.users,
        },
    }  # fmt: skip
    record["scenario"]["product"]["stock"] = None
    record["sales"] = [
        {"number": s.number, "product_id": s.product_id, "stock": s.stock} for s in load.sales
    ]
    queued = load.shop.approach == "queue"
    proof = record["reset_proof"]
    proof["rows"]["products"] = len(load.sales) + 1
    proof["sales"] = [
        {
            "product_id": s.product_id, "stock_over_http": s.stock,
            "product": {"initial_stock": s.stock, "reserved": 0, "sold": 0},
            "redis_stock": s.stock if queued else None,
        }
        for s in load.sales
    ]  # fmt: skip
    record["store"]["products"] = [
        {
            "id": s.product_id, "price_cents": PRICE_CENTS, "initial_stock": s.stock,
            "reserved": 0, "sold": whole.sold[s.product_id],
        }
        for s in load.sales
    ]  # fmt: skip
    if queued:
        record["store"]["redis"]["stocks"] = {
            str(s.product_id): s.stock - whole.sold[s.product_id] for s in load.sales
        }
    return record


def oversell(run: RunData, sale: int) -> list[str]:
    """Confirm one order more than there is stock in one sale; return the ids of that sale's orders.

    Everything else agrees with it, as in a shop that checks and decrements in two steps.
    """
    product = next(s for s in run.record.sales if s.number == sale)
    row = next(p for p in run.record.store.products or () if p.id == product.product_id)
    of_sale = run.orders["product_id"] == product.product_id
    confirmed = int((run.orders.loc[of_sale, "status"] == "confirmed").sum())
    row.initial_stock = confirmed - 1
    scarce = replace(product, stock=confirmed - 1)
    run.record.sales = [scarce if one == product else one for one in run.record.sales]
    assert run.record.reset_proof is not None
    for offer in run.record.reset_proof.sales or ():
        if offer.product_id == product.product_id:
            offer.product.initial_stock = offer.stock_over_http = confirmed - 1
            if offer.redis_stock is not None:
                offer.redis_stock = confirmed - 1
    if run.record.store.redis is not None:
        run.record.store.redis.stocks[str(product.product_id)] = -1
    return list(run.orders.loc[of_sale, "order_id"])
