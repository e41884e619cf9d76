"""A model of one approach, event by event: its stock, its ledger, its gateway, its counters.

Every order takes the same way as in the real approaches. In a sync shop a request waits for one of
few threads and is answered after the payment; in a queue it is answered at once, the ledger learns
of it some milliseconds later, and released stock can be sold again some milliseconds after the
ledger knows that it was released.
"""

import hmac
import math
import random
import uuid
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from statistics import NormalDist
from typing import Any

from tests.support.mishaps import Mishap
from tests.support.records import PAYMENT, PRICE_CENTS, T0_WALL_NS

MS = 1_000_000
SYNC_THREADS = 4


@dataclass
class Order:
    """An order as the ledger keeps it; times are ns relative to the start of the load."""

    order_id: str
    user_id: int
    key: str
    status: str
    version: int
    accepted_ns: int
    settled_ns: int | None = None


@dataclass
class Answer:
    """What the server made of one request."""

    status: int
    order: Order | None = None
    replayed: bool = False


@dataclass
class Shop:
    """The model of one approach: its stock, its ledger, its gateway, its request counters."""

    approach: str
    stock: int
    initial: int
    limit: int | None
    seed: str
    rng: random.Random
    at: Callable[[int, Callable[[], None]], None]
    mishaps: Sequence[Mishap] = ()
    free_threads: int = SYNC_THREADS
    by_key: dict[str, Order] = field(default_factory=dict)
    held: Counter[int] = field(default_factory=Counter)
    counts: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    events: list[tuple[str, int, str, int]] = field(default_factory=list)
    moves: list[tuple[str, str, int, int, bool]] = field(default_factory=list)
    payments: list[tuple[str, str, str, int, int]] = field(default_factory=list)
    charges: list[tuple[Any, ...]] = field(default_factory=list)
    waiting: deque[Callable[[int], None]] = field(default_factory=deque)

    def take_thread(self, now: int, begin: Callable[[int], None]) -> None:
        """Begin at once if a thread is free, else when one becomes free, in order of arrival."""
        if self.approach == "queue":
            begin(now)
        elif self.free_threads:
            self.free_threads -= 1
            begin(now)
        else:
            self.waiting.append(begin)

    def give_thread(self, now: int) -> None:
        """Let the next waiting request begin."""
        if self.approach == "queue":
            return
        if self.waiting:
            self.waiting.popleft()(now)
        else:
            self.free_threads += 1

    def buy(self, now: int, user_id: int, key: str, done: Callable[[int, Answer], None]) -> None:
        """Reserve and insert; a sync shop answers after the payment, a queue at once."""
        known = self.by_key.get(key)
        if known is not None:
            status = 202
            if self.approach == "sync":
                status = {"confirmed": 201, "declined": 402}.get(known.status, 425)
            done(now + MS, Answer(status, known if status != 425 else None, status != 425))
        elif self.limit is not None and self.held[user_id] >= self.limit:
            done(now + MS, Answer(409))
        elif self.rng.random() < 0.01:
            done(now + MS, Answer(503))
        elif self.stock < 1:
            done(now + MS, Answer(410))
        else:
            self._accept(now, user_id, key, done)

    def _accept(
        self, now: int, user_id: int, key: str, done: Callable[[int, Answer], None]
    ) -> None:
        self.stock -= 1
        self.held[user_id] += 1
        order = Order(_uuid7(now, self.rng), user_id, key, "accepted", 1, now)
        self.by_key[key] = order
        lag = 0 if self.approach == "sync" else self.rng.randint(3 * MS, 12 * MS)
        self.events.append((order.order_id, 1, "accepted", now))
        self.at(now + lag, lambda: self._insert(now + lag, order, done))
        if self.approach == "queue":
            done(now + 2 * MS, Answer(202, replace(order)))

    def _insert(self, now: int, order: Order, done: Callable[[int, Answer], None]) -> None:
        order.status, order.version = "awaiting_payment", 2
        self.events.append((order.order_id, 2, "awaiting_payment", now))
        self.moves.append((order.order_id, "reserve", 1, now, False))
        outcome, latency_ms = draw(self.seed, order.key)
        begun = now + 2 * MS
        ended = begun + int(latency_ms * MS) + self.rng.randint(0, MS)
        charge_id = f"ch-{len(self.charges):05d}"
        self.charges.append(
            (
                *(charge_id, order.order_id, order.order_id, order.key, PRICE_CENTS, outcome),
                *(latency_ms, T0_WALL_NS + begun, T0_WALL_NS + ended),
            )
        )
        due = ended + 3 * MS
        for mishap in self.mishaps:
            due = mishap.settled_from(due)
        self.at(due, lambda: self._settle(due, order, charge_id, done))

    def _settle(
        self, now: int, order: Order, charge_id: str, done: Callable[[int, Answer], None]
    ) -> None:
        outcome = draw(self.seed, order.key)[0]
        order.status = "confirmed" if outcome == "approved" else "declined"
        order.version, order.settled_ns = 3, now
        self.events.append((order.order_id, 3, order.status, now))
        self.payments.append((order.order_id, charge_id, outcome, PRICE_CENTS, now))
        kind = "sell" if outcome == "approved" else "release"
        relayed = kind == "release" and self.approach == "queue"
        self.moves.append((order.order_id, kind, 1, now, relayed))
        if kind == "release":
            self.at(now + (3 * MS if relayed else 0), lambda: self._release(order))
        if self.approach == "sync":
            done(now + MS, Answer(201 if outcome == "approved" else 402, replace(order)))

    def _release(self, order: Order) -> None:
        self.stock += 1
        self.held[order.user_id] -= 1


def draw(seed: str, reference: str) -> tuple[str, float]:
    """Return what the modelled gateway does with a charge: outcome, latency in ms."""
    digest = hmac.digest(seed.encode(), reference.encode(), "sha256")
    u1, u2 = ((int.from_bytes(digest[i : i + 8], "big") + 0.5) / 2**64 for i in (0, 8))
    mean_s, sigma = PAYMENT["mean_s"], PAYMENT["sigma"]
    seconds = math.exp(math.log(mean_s) - sigma**2 / 2 + sigma * NormalDist().inv_cdf(u2))
    outcome = "declined" if u1 < PAYMENT["decline_rate"] else "approved"
    return outcome, round(min(seconds, 15.0) * 1000, 3)


def _uuid7(now_ns: int, rng: random.Random) -> str:
    value = ((T0_WALL_NS + now_ns) // MS) << 80 | rng.getrandbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    return str(uuid.UUID(int=value & ~(0x3 << 62) | 0x2 << 62))
