"""A small shop that sells out, simulated event by event: whole runs for tests, without a server.

`make_run` plays one load on a model of an approach and returns what the harness would have stored
of it. The history is consistent by construction and holds everything an audit must not mistake for
a defect: declines, released units that are sold again, replays, answers that were lost, requests
that never arrived, attempts that stayed indeterminate but were executed. Times and draws follow
from the arguments alone. `tests/defects.py` breaks such a run in one way at a time.
"""

import hashlib
import heapq
import random
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from itertools import count, pairwise
from typing import Any

import pandas as pd

from harness.results.record import RunRecord
from harness.results.store import RunData
from tests.support.mishaps import Mishap
from tests.support.records import POLL_S, PRICE_CENTS, T0_WALL_NS, build_record, telemetry
from tests.support.simulated_shop import MS, Answer, Shop

S = 1_000_000_000
RETRIES = 3
ACCOUNTS_BEFORE = 4
"""Accounts are numbered as they register, from 1; the first three belong to the warm-up."""

Resume = Callable[[Any], None]
Step = Callable[[Resume], None]
"""What a buyer waits for: it is given the function that lets the buyer go on."""
Acting = Generator[Step, Any, None]


class Load:
    """Buyers that act on a shop, and the ledger of their requests."""

    def __init__(
        self, approach: str, *, index: int, seed: int, users: int, stock: int, seconds: int,
        limit: int | None, case: str = "", mishaps: Sequence[Mishap] = (),
    ) -> None:  # fmt: skip
        self.rng = random.Random(f"{approach}/{index}/{seed}")
        self.seed, self.users, self.seconds = seed, users, seconds
        self.case, self.mishaps = case, mishaps
        self.heap: list[tuple[int, int, Callable[[], None]]] = []
        self.tickets = count()
        self.now = 0
        self.shop = Shop(approach, stock, stock, limit, str(seed), self.rng, self.at, mishaps)
        self.requests: list[dict[str, Any]] = []
        self.buyers: dict[int, dict[str, int]] = {}
        self.done_ns: dict[int, int] = {}

    def at(self, when: int, action: Callable[[], None]) -> None:
        """Do something at a time of the simulation; equal times keep their order."""
        heapq.heappush(self.heap, (max(when, self.now), next(self.tickets), action))

    def play(self) -> None:
        """Let buyers come and go as planned until all have left and all orders are settled."""
        for tick in range(self.seconds * 10 + 1):
            self.at(tick * 100 * MS, lambda tick=tick: self._adjust(tick / 10))
        while self.heap:
            self.now, _, action = heapq.heappop(self.heap)
            action()

    def _adjust(self, t_s: float) -> None:
        active = [n for n, buyer in self.buyers.items() if buyer["asked_ns"] < 0]
        wanted = round(planned_users(t_s, self.users, self.seconds))
        for number in range(len(self.buyers), len(self.buyers) + wanted - len(active)):
            self.buyers[number] = dict(_BORN, born_ns=self.now, user_id=number + ACCOUNTS_BEFORE)
            self.done_ns[number] = self.now
            self._advance(self._act(number), None)
        for number in sorted(active, reverse=True)[: max(0, len(active) - wanted)]:
            self.buyers[number]["asked_ns"] = self.now

    def _advance(self, acting: Acting, value: Any) -> None:
        try:
            step = acting.send(value)
        except StopIteration:
            return
        step(lambda result: self._advance(acting, result))

    def _act(self, user: int) -> Acting:
        """Register, log in, then look, buy, watch and think until asked to leave."""
        yield from self._simple(user, "register", 201, 0)
        yield from self._simple(user, "login", 200, 0)
        attempt, think_ns = 0, 0
        while self.buyers[user]["asked_ns"] < 0:
            yield from self._simple(user, "product", 200, think_ns)
            row = yield from self._attempt(user, f"{self.seed}-{user}-{attempt}")
            if row["outcome"] == "accepted":
                yield from self._watch(user, row["order_id"], row["key"])
            attempt += 1
            think_ns = int(self.rng.uniform(0.5, 1.5) * S)
        self.buyers[user]["left_ns"] = self.now

    def _attempt(self, user: int, key: str) -> Generator[Step, Any, dict[str, Any]]:
        think_ns = 0
        for tried in range(RETRIES + 1):
            row = yield from self._buy(user, key, tried, think_ns)
            if row["outcome"] != "indeterminate":
                break
            think_ns = int(0.2 * 2**tried * S)
        return row

    def _watch(self, user: int, order_id: str, key: str) -> Acting:
        status = ""
        while status not in ("confirmed", "declined"):
            row = self._row(user, "status", int(POLL_S * S))
            order = yield lambda resume, row=row: self._poll(row, key, resume)
            status = order.status
            row.update(order_id=order_id, order_status=status, version=order.version)
            row["amount_cents"] = PRICE_CENTS
            row.update(status=200, outcome="ok")

    def _poll(self, row: dict[str, Any], key: str, resume: Resume) -> None:
        def look() -> None:
            seen = replace(self.shop.by_key[key])
            self.shop.counts["GET", "/orders/{id}", 200] += 1
            self._finish(row, self.now + 2 * MS, lambda: resume(seen))

        self.at(row["sent_ns"] + MS, look)

    def _simple(self, user: int, endpoint: str, status: int, think_ns: int) -> Acting:
        method_route = {
            "register": ("POST", "/auth/register"),
            "login": ("POST", "/auth/login"),
            "product": ("GET", "/products/{id}"),
        }[endpoint]
        service_ms = {"register": 30, "login": 25, "product": 2}[endpoint]
        row = self._row(user, endpoint, think_ns)
        row.update(status=status, outcome="ok")
        if endpoint == "product":
            row["amount_cents"] = PRICE_CENTS
        self.shop.counts[(*method_route, status)] += 1
        done_ns = row["sent_ns"] + service_ms * MS
        yield lambda resume: self._finish(row, done_ns, lambda: resume(None))

    def _buy(
        self, user: int, key: str, tried: int, think_ns: int
    ) -> Generator[Step, Any, dict[str, Any]]:
        row = self._row(user, "buy", think_ns)
        row.update(key=key, outcome="indeterminate", quantity=1)
        row["try"] = tried
        if self._is_silent(row):
            row["error"] = "connect"
            yield lambda go: self._finish(row, row["sent_ns"] + MS, lambda: go(None))
            return row
        # Some attempts lose all their answers, the very first among them: if they were executed,
        # their orders can only be recovered.
        doomed = key.endswith("-0-0") or hash_fraction(key, "doomed") < 0.02
        lost = self.rng.random()
        if lost < 0.01:
            row["error"] = "connect"
            yield lambda go: self._finish(row, row["sent_ns"] + MS, lambda: go(None))
            return row
        row["_lost"] = doomed or lost < 0.04
        yield lambda go: self.at(
            row["sent_ns"] + MS,
            lambda: self.shop.take_thread(self.now, lambda now: self._serve(now, user, row, go)),
        )
        return row

    def _is_silent(self, row: dict[str, Any]) -> bool:
        return any(mishap.silences(row["sent_ns"]) for mishap in self.mishaps)

    def _serve(self, now: int, user: int, row: dict[str, Any], resume: Resume) -> None:
        def answer(when: int, what: Answer) -> None:
            self.at(when, lambda: self._answered(row, what, resume))

        self.shop.buy(now + MS, user + ACCOUNTS_BEFORE, row["key"], answer)

    def _answered(self, row: dict[str, Any], what: Answer, resume: Resume) -> None:
        limited = what.status == 409
        status = 409 if what.status == 410 else what.status
        self.shop.counts["POST", "/orders", status] += 1
        self.shop.give_thread(self.now)
        if row.pop("_lost"):
            row["error"] = "reset"
        else:
            outcomes = {202: "accepted", 201: "confirmed", 402: "declined", 409: "sold_out"}
            row.update(status=status, replayed=what.replayed)
            row["outcome"] = "limited" if limited else outcomes.get(status, "indeterminate")
            if what.order is not None:
                row.update(order_id=what.order.order_id, order_status=what.order.status)
                row.update(version=what.order.version, amount_cents=PRICE_CENTS)
        self._finish(row, self.now + MS, lambda: resume(None))

    def _finish(self, row: dict[str, Any], when: int, then: Callable[[], None]) -> None:
        def end() -> None:
            row["done_ns"] = self.now
            self.done_ns[row["user"]] = self.now
            self.requests.append(row)
            then()

        self.at(when, end)

    def _row(self, user: int, endpoint: str, think_ns: int) -> dict[str, Any]:
        intended = self.done_ns[user] + think_ns
        sent = intended + self.rng.randint(20_000, 200_000)
        row = dict(_EMPTY, user=user, endpoint=endpoint, think_ns=think_ns)
        row.update(intended_ns=intended, sent_ns=sent, stage=stage_at(sent / S, self.seconds))
        return row


_BORN = {"born_ns": 0, "asked_ns": -1, "left_ns": -1}
_EMPTY: dict[str, Any] = {
    "process": 0, "user": 0, "endpoint": "", "stage": 0, "intended_ns": 0, "sent_ns": 0,
    "done_ns": 0, "think_ns": 0, "status": 0, "outcome": "", "error": "", "key": "", "try": 0,
    "order_id": "", "order_status": "", "version": 0, "replayed": False,
    "code": "", "quantity": 0, "amount_cents": -1,
}  # fmt: skip
_TYPES = {
    "process": "int16", "user": "int32", "stage": "int8", "intended_ns": "int64",
    "sent_ns": "int64", "done_ns": "int64", "think_ns": "int64", "status": "int16",
    "try": "int8", "version": "int16", "replayed": "bool", "quantity": "int16",
    "amount_cents": "int64",
}  # fmt: skip
_ORDER = (
    "order_id user_id product_id quantity key amount_cents status version accepted_ns settled_ns"
)
_CHARGE = "charge_id key order_id reference amount_cents outcome latency_ms started_ns finished_ns"


def make_run(
    approach: str = "queue",
    *,
    index: int = 1,
    block: int = 1,
    seed: int = 1,
    users: int = 30,
    stock: int = 50,
    seconds: int = 20,
    per_user_limit: int | None = None,
    case: str = "",
    mishaps: Sequence[Mishap] = (),
) -> RunData:
    """Return one consistent run of a model of `approach` ("sync" or "queue")."""
    load = Load(
        approach, index=index, seed=seed, users=users, stock=stock, seconds=seconds,
        limit=per_user_limit, case=case, mishaps=mishaps,
    )  # fmt: skip
    load.play()
    return _run_data(load, index=index, block=block)


def _run_data(load: Load, *, index: int, block: int) -> RunData:
    shop = load.shop
    requests = pd.DataFrame(load.requests, columns=list(_EMPTY)).astype(_TYPES)
    orders = [
        (
            *(o.order_id, o.user_id, 1, 1, o.key, PRICE_CENTS, o.status, o.version),
            *(T0_WALL_NS + o.accepted_ns, T0_WALL_NS + (o.settled_ns or 0)),
        )
        for o in shop.by_key.values()
    ]
    end_ns = max(row["done_ns"] for row in load.requests)
    drained_ns = max([end_ns, *(o.settled_ns or 0 for o in shop.by_key.values())])
    return RunData(
        record=RunRecord.model_validate(
            build_record(load, index=index, block=block, drained_s=drained_ns / S)
        ),
        requests=requests.sort_values("done_ns", kind="stable", ignore_index=True),
        buyers=pd.DataFrame(
            [{"process": 0, "user": n, **b} for n, b in load.buyers.items()]
        ).astype({"process": "int16", "user": "int32"}),
        clock=_clock(load),
        telemetry=telemetry(load, drained_ns / S),
        orders=pd.DataFrame(orders, columns=_ORDER.split()),
        order_events=_ledger(shop.events, "order_id version status at_ns"),
        payments=_ledger(shop.payments, "order_id charge_id outcome amount_cents at_ns"),
        stock_moves=stock_moves(shop.moves),
        charges=pd.DataFrame(shop.charges, columns=_CHARGE.split()),
    )


def stock_moves(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    """Return the moves as the ledger keeps them, numbered in the order in which they were made."""
    numbered = [(*row, number) for number, row in enumerate(rows, start=1)]
    return _ledger(numbered, "order_id kind quantity at_ns relayed seq")


def _ledger(rows: list[tuple[Any, ...]], columns: str) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=columns.split())
    frame["at_ns"] += T0_WALL_NS
    return frame.sort_values("at_ns", kind="stable", ignore_index=True)


def _clock(load: Load) -> pd.DataFrame:
    rows = []
    for t_s in range(load.seconds + 1):
        born = [b for b in load.buyers.values() if b["born_ns"] <= t_s * S]
        active = sum(not 0 <= b["asked_ns"] <= t_s * S for b in born)
        alive = sum(b["left_ns"] < 0 or b["left_ns"] > t_s * S for b in born)
        rows.append(
            (float(t_s), float(planned_users(t_s, load.users, load.seconds)), active, alive)
        )
    return pd.DataFrame(rows, columns=["t_s", "planned", "active", "alive"])


def planned_users(t_s: float, users: int, seconds: int) -> float:
    """Return the planned buyers at a time: half in the first quarter, all, then down to none."""
    points = [(0.0, 0), (0.25, users / 2), (0.5, users), (0.75, users), (1.0, 0)]
    for (a, low), (b, high) in pairwise(points):
        if t_s <= b * seconds:
            return low + (high - low) * (t_s - a * seconds) / ((b - a) * seconds)
    return 0.0


def stage_at(t_s: float, seconds: int) -> int:
    """Return the stage, from 1 to 4, in which a time lies; 5 is after the last."""
    return min(5, int(t_s / (seconds / 4)) + 1)


def hash_fraction(*parts: str) -> float:
    """Return a number in [0, 1) that follows from the parts alone."""
    return int.from_bytes(hashlib.sha256("/".join(parts).encode()).digest()[:8], "big") / 2**64
