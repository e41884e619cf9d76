"""The record and the telemetry that go with a simulated run (see `tests/support/histories.py`)."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from harness.results.record import RunRecord
from harness.results.store import RunData
from tests.support.mishaps import recorded

if TYPE_CHECKING:
    from tests.support.histories import Load

T0_WALL_NS = 1_760_000_000_000_000_000
PRICE_CENTS = 99_999
POLL_S = 0.5
PAYMENT: dict[str, Any] = {"model": "lognormal", "mean_s": 0.5, "sigma": 0.5, "decline_rate": 0.1}

_SERVICES = {
    "sync": {"api": 1, "postgres": 1},
    "queue": {
        "nginx": 1, "api": 2, "order-worker": 1, "payment-worker": 6, "event-stream": 1,
        "redis": 1, "postgres": 1,
    },
}  # fmt: skip
_TITLES = {"sync": "Synchronous", "queue": "Queue + workers"}


def build_record(load: "Load", *, index: int, block: int, drained_s: float) -> dict[str, Any]:
    """Return run.json of a simulated run."""
    shop = load.shop
    approach, queued = shop.approach, shop.approach == "queue"
    sold = sum(order.status == "confirmed" for order in shop.by_key.values())
    return {
        "schema_version": 2,
        "index": index,
        "block": block,
        "variant": approach,
        "approach": approach,
        "status": "complete",
        "case": load.case,
        "faults": recorded(
            load.mishaps, [(o.accepted_ns, o.settled_ns) for o in shop.by_key.values()]
        ),
        "seed": load.seed,
        "scenario": _scenario(load),
        "started_at": "2025-10-09T08:53:20+00:00",
        "t0_wall_ns": T0_WALL_NS,
        "durations_s": {
            "up": 2.0, "reset": 0.5, "warm_up": 3.0, "load": float(load.seconds),
            "drain": round(drained_s - load.seconds, 3), "collect": 0.5, "audit": 0.2, "down": 1.0,
        },
        "load_s": float(load.seconds),
        "drain_s": round(max(0.0, drained_s - load.seconds), 3),
        "drained": True,
        "drain_ended_wall_ns": T0_WALL_NS + int(drained_s * 1e9),
        "reset_proof": _reset_proof(shop.initial, queued),
        "server_counts": [
            {"method": method, "route": route, "status": status, "count": count}
            for (method, route, status), count in sorted(shop.counts.items())
        ],
        "store": {
            "products": [
                {
                    "id": 1, "price_cents": PRICE_CENTS, "initial_stock": shop.initial,
                    "reserved": 0, "sold": sold,
                }
            ],
            "redis": _redis(shop.initial - sold) if queued else None,
            "passwords": [{"parameters": "$argon2id$v=19$m=19456,t=2,p=1", "count": 1}],
            "statements": [],
        },
        "topology": {
            "approach": approach,
            "title": _TITLES[approach],
            "acknowledges": "acceptance" if queued else "outcome",
            "containers": sum(_SERVICES[approach].values()),
            "payment_slots": 720 if queued else 4,
            "has_redis": queued,
            "services": {name: {"replicas": n} for name, n in _SERVICES[approach].items()},
        },
        "cores": 2,
        "recorded": {"recorded": len(load.requests), "locust": len(load.requests)},
        "payment": {**PAYMENT, "seed": str(load.seed)},
        "validity": {"verdict": "VALID", "reasons": [], "laws": []},
    }  # fmt: skip


def a_record(**changes: Any) -> dict[str, Any]:
    """Return run.json of a run of which nothing is known but what is said."""
    facts: dict[str, Any] = {
        "schema_version": 2, "index": 1, "block": 1, "variant": "sync", "approach": "sync",
        "status": "complete", "seed": 1, "started_at": "2025-10-09T08:53:20+00:00",
        "scenario": {}, "topology": {}, "payment": None, "reset_proof": None, "t0_wall_ns": 0,
        "load_s": 0.0, "drain_s": 0.0, "drained": True, "server_counts": None,
        "store": {"products": None},
        "validity": {"verdict": "VALID", "reasons": []},
    }  # fmt: skip
    return facts | changes


def with_record(run: RunData, **changes: Any) -> RunData:
    """Return a run whose record has other values, as JSON or as parts, under some keys."""
    return edited(run, lambda document: document.update(changes))


def edited(run: RunData, edit: Callable[[dict[str, Any]], object]) -> RunData:
    """Return a run whose record, as JSON, was edited."""
    document = run.record.as_json()
    edit(document)
    return replace(run, record=RunRecord.model_validate(document))


def _scenario(load: "Load") -> dict[str, Any]:
    quarter_s = load.seconds / 4
    stages = (("warm-up", load.users // 2), ("rush", load.users), ("peak", load.users), ("out", 0))
    return {
        "title": "Simulated sale",
        "description": "A small sale for tests.",
        "runs": 1,
        "seed": load.seed,
        "product": {
            "name": "iPhone 15 Pro", "price_cents": PRICE_CENTS, "stock": load.shop.initial,
            "per_user_limit": load.shop.limit,
        },
        "payment": dict(PAYMENT),
        "load": {
            "buyer": "polling", "think_min_s": 0.5, "think_max_s": 1.5, "poll_interval_s": POLL_S,
            "request_timeout_s": 30, "watch_limit_s": 60, "processes": 1, "retries": 3,
        },
        "warm_up": {"users": 3, "seconds": 3},
        "drain": {"limit_s": 60},
        "stages": [
            {"name": name, "users": users, "seconds": quarter_s, "spawn_rate": 50}
            for name, users in stages
        ],
    }  # fmt: skip


def _reset_proof(stock: int, queued: bool) -> dict[str, Any]:
    tables = ("users", "orders", "payments", "stock_moves", "order_events", "purchase_counts")
    redis = {
        "stock": stock,
        "stream_lengths": {"{shop}:orders": 0, "{shop}:payments": 0},
        "dead_letters": 0,
        "configuration": {
            "appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction",
        },
    }  # fmt: skip
    return {
        "rows": {**dict.fromkeys(tables, 0), "products": 2},
        "product": {"initial_stock": stock, "reserved": 0, "sold": 0},
        "redis": redis if queued else None,
        "postgres": {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"},
        "postgres_roles": {},
        "stock_over_http": stock,
        "clean": True,
    }


def _redis(stock: int) -> dict[str, Any]:
    streams = ("{shop}:orders", "{shop}:payments")
    return {
        "stock": stock,
        "streams": {name: {"length": 0, "pending": 0} for name in streams},
        "dead_letters": 0,
    }


def telemetry(load: "Load", end_s: float) -> pd.DataFrame:
    """Return one sample a second of every service and store, from the start to the end."""
    shop, rows = load.shop, []
    services = _SERVICES[shop.approach]
    for t_s in range(int(end_s) + 2):
        now_ns = t_s * 1_000_000_000
        done = sum(row["done_ns"] <= now_ns for row in load.requests)
        for position, (name, replicas) in enumerate(services.items()):
            rows += [
                (t_s, name, "cpu_s", round(0.0005 * done + 0.001 * t_s * (position + 1), 6)),
                (t_s, name, "memory_bytes", 40e6 * replicas + 1000 * done),
                (t_s, name, "processes", float(replicas)),
            ]
        moved = [(kind, at) for _, kind, _, at, _ in shop.moves if at <= now_ns]
        held = sum({"reserve": 1, "release": -1, "sell": 0}[kind] for kind, _ in moved)
        sold = sum(kind == "sell" for kind, _ in moved)
        rows += [
            (t_s, "postgres", "connections", 12.0),
            (t_s, "postgres", "locks_waiting", 0.0),
            (t_s, "postgres", "commits", float(len(moved))),
            (t_s, "postgres", "stock", float(shop.initial - held)),
            (t_s, "postgres", "reserved", float(held - sold)),
            (t_s, "load", "cpu_s", round(0.0003 * done + 0.01 * t_s, 6)),
            (t_s, "machine", "cpu_s", round(0.004 * done + 0.05 * t_s, 6)),
            (t_s, "machine", "steal_s", 0.0),
            (t_s, "machine", "clock_step_s", 0.0),
            (t_s, "harness", "cpu_s", round(0.0001 * done + 0.01 * t_s, 6)),
        ]
        if shop.approach == "queue":
            rows += _redis_samples(t_s, float(shop.initial - held), float(held - sold))
    frame = pd.DataFrame(rows, columns=["t_s", "source", "metric", "value"])
    return frame.astype({"t_s": "float64"})


def _redis_samples(t_s: int, stock: float, waiting: float) -> list[tuple[Any, ...]]:
    return [
        (t_s, "redis", "used_memory_bytes", 2e6),
        (t_s, "redis", "stock", stock),
        (t_s, "redis", "stream_length:{shop}:orders", 0.0),
        (t_s, "redis", "pending:{shop}:orders", 0.0),
        (t_s, "redis", "stream_length:{shop}:payments", waiting),
        (t_s, "redis", "pending:{shop}:payments", waiting),
    ]
