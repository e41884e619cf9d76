"""One very long sale, made with arrays: a run of millions of requests that obeys every law.

Buyers register, log in, look, and then buy every second or so, each time under a new key. The first
purchases are accepted and settled some seconds later; all others are refused as sold out.
"""

from typing import Any

import numpy as np
import pandas as pd

from harness.results.record import RunRecord
from harness.results.store import RunData
from tests.support.histories import make_run
from tests.support.records import PRICE_CENTS, T0_WALL_NS

S = 1_000_000_000
STOCK = 1000
ENTRY = (("register", "POST", "/auth/register", 201), ("login", "POST", "/auth/login", 200),
         ("product", "GET", "/products/{id}", 200))  # fmt: skip


def long_run(
    requests: int, users: int = 1000, *, index: int = 1, approach: str = "queue"
) -> RunData:
    """Return a run with so many requests."""
    rng = np.random.default_rng(index)
    each = requests // users
    think_ns = rng.integers(S // 2, 3 * S // 2, (users, each))
    think_ns[:, :3] = 0
    late_ns = rng.integers(20_000, 200_000, (users, each))
    took_ns = (rng.lognormal(1.0, 0.6, (users, each)) * 1e6).astype(np.int64)
    done_ns = np.cumsum(think_ns + late_ns + took_ns, axis=1)
    seconds = int(done_ns.max() // S) + 1
    frame = _requests(think_ns, late_ns, took_ns, done_ns)
    sales = _sales(frame, rng)
    base = make_run(approach, users=2, stock=5, seconds=12, index=index, block=index)
    left_ns = done_ns[:, -1]
    return RunData(
        record=_record(base.record, frame, users, seconds),
        requests=frame.sort_values("done_ns", kind="stable", ignore_index=True),
        buyers=pd.DataFrame(
            {"process": 0, "user": np.arange(users), "born_ns": 0, "asked_ns": left_ns,
             "left_ns": left_ns, "user_id": np.arange(users) + 4}
        ),
        clock=_clock(left_ns, users, seconds),
        telemetry=_telemetry(base.telemetry, sales["stock_moves"], seconds),
        **sales,
    )  # fmt: skip


def _requests(
    think_ns: np.ndarray, late_ns: np.ndarray, took_ns: np.ndarray, done_ns: np.ndarray
) -> pd.DataFrame:
    users, each = done_ns.shape
    endpoints = np.full((users, each), "buy", dtype=object)
    statuses = np.full((users, each), 409, dtype=np.int16)
    outcomes = np.full((users, each), "sold_out", dtype=object)
    for place, (endpoint, _, _, status) in enumerate(ENTRY):
        endpoints[:, place], statuses[:, place], outcomes[:, place] = endpoint, status, "ok"
    numbers = np.repeat(np.arange(users, dtype=np.int32), each)
    turns = np.tile(np.arange(each), users)
    is_buy = turns >= len(ENTRY)
    keys = np.where(
        is_buy, np.char.add(np.char.add(numbers.astype("U9"), "-"), turns.astype("U9")), ""
    )
    frame = pd.DataFrame(
        {
            "process": np.zeros(users * each, dtype=np.int16),
            "user": numbers,
            "endpoint": endpoints.ravel(),
            "stage": np.ones(users * each, dtype=np.int8),
            "intended_ns": (done_ns - took_ns - late_ns).ravel(),
            "sent_ns": (done_ns - took_ns).ravel(),
            "done_ns": done_ns.ravel(),
            "think_ns": think_ns.ravel(),
            "status": statuses.ravel(),
            "outcome": outcomes.ravel(),
            "error": "",
            "key": keys,
            "try": np.zeros(users * each, dtype=np.int8),
            "order_id": "",
            "order_status": "",
            "version": np.zeros(users * each, dtype=np.int16),
            "replayed": False,
            "code": "",
            "quantity": is_buy.astype(np.int16),
            "amount_cents": -1,
        }
    )
    first = frame[is_buy].nsmallest(STOCK, "sent_ns").index
    frame.loc[first, ["status", "outcome", "order_status", "version"]] = [
        202,
        "accepted",
        "accepted",
        1,
    ]
    frame.loc[first, "order_id"] = [f"order-{number:04d}" for number in range(STOCK)]
    return frame


def _sales(requests: pd.DataFrame, rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    bought = requests[requests["order_id"] != ""].sort_values("order_id")
    ids = bought["order_id"].to_numpy()
    accepted_ns = bought["sent_ns"].to_numpy() + T0_WALL_NS + 100_000
    latency_ms = rng.lognormal(7.7, 0.5, STOCK).round(3)
    started_ns = accepted_ns + 2_000_000
    finished_ns = started_ns + (latency_ms * 1e6).astype(np.int64) + 1
    settled_ns = finished_ns + 3_000_000
    states = ("accepted", accepted_ns), ("awaiting_payment", started_ns), ("confirmed", settled_ns)
    charges = [f"ch-{number}" for number in range(STOCK)]
    paid = {
        "order_id": ids,
        "charge_id": charges,
        "outcome": "approved",
        "amount_cents": PRICE_CENTS,
    }
    return {
        "orders": pd.DataFrame(
            {
                "order_id": ids, "user_id": bought["user"].to_numpy() + 4, "product_id": 1,
                "quantity": 1, "key": bought["key"].to_numpy(), "amount_cents": PRICE_CENTS,
                "status": "confirmed", "version": 3, "accepted_ns": accepted_ns,
                "settled_ns": settled_ns,
            }
        ),
        "order_events": _by_time(
            pd.concat(
                pd.DataFrame({"order_id": ids, "version": v, "status": status, "at_ns": at_ns})
                for v, (status, at_ns) in enumerate(states, start=1)
            )
        ),
        "payments": _by_time(pd.DataFrame({**paid, "at_ns": settled_ns})),
        "stock_moves": _by_time(
            pd.concat(
                pd.DataFrame({"order_id": ids, "kind": kind, "quantity": 1, "at_ns": at_ns,
                              "relayed": False})
                for kind, at_ns in (("reserve", accepted_ns), ("sell", settled_ns))
            )
        ).assign(seq=np.arange(1, 2 * len(ids) + 1)),
        "charges": pd.DataFrame(
            {**paid, "key": ids, "reference": bought["key"].to_numpy(), "latency_ms": latency_ms,
             "started_ns": started_ns, "finished_ns": finished_ns}
        ),
    }  # fmt: skip


def _by_time(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values("at_ns", kind="stable", ignore_index=True)


def _clock(left_ns: np.ndarray, users: int, seconds: int) -> pd.DataFrame:
    at_s = np.arange(seconds + 1, dtype=np.float64)
    there = users - np.searchsorted(np.sort(left_ns), at_s * S)
    there[-1] = users  # whom the plan still has at the very end
    return pd.DataFrame({"t_s": at_s, "planned": float(users), "active": users, "alive": there})


def _telemetry(base: pd.DataFrame, moves: pd.DataFrame, seconds: int) -> pd.DataFrame:
    """Return the model's sources, each second: CPU grows evenly, the ledger's counters are true."""
    at_s = np.arange(seconds + 2, dtype=np.float64)
    at_ns = moves["at_ns"].to_numpy() - T0_WALL_NS
    held, sold = (
        np.searchsorted(np.sort(at_ns[moves["kind"] == kind]), at_s * S, side="right")
        for kind in ("reserve", "sell")
    )
    frames = []
    for source, metric in base[["source", "metric"]].drop_duplicates().itertuples(index=False):
        values = {"cpu_s": 0.01 * at_s, "reserved": held - sold, "stock": STOCK - held}
        value = values.get(metric, np.zeros(len(at_s)))
        frames.append(
            pd.DataFrame({"t_s": at_s, "source": source, "metric": metric, "value": value})
        )
    return pd.concat(frames).sort_values("t_s", kind="stable", ignore_index=True)


def _record(base: RunRecord, requests: pd.DataFrame, users: int, seconds: int) -> RunRecord:
    routes = {name: (method, route) for name, method, route, _ in ENTRY} | {
        "buy": ("POST", "/orders")
    }
    counted = requests.groupby(["endpoint", "status"]).size()
    stage = {"name": "long", "users": users, "seconds": float(seconds), "spawn_rate": 10 * users}
    product = {"id": 1, "price_cents": PRICE_CENTS, "initial_stock": STOCK, "reserved": 0,
               "sold": STOCK}  # fmt: skip
    changes: dict[str, Any] = {
        "scenario": base.scenario | {"stages": [stage]},
        "load_s": float(seconds),
        "drain_s": 10.0,
        "drain_ended_wall_ns": T0_WALL_NS + (seconds + 10) * S,
        "server_counts": [
            dict(zip(("method", "route"), routes[endpoint], strict=True))
            | {"status": int(status), "count": int(count)}
            for (endpoint, status), count in counted.items()
        ],
        "store": base.store.model_dump() | {"products": [product]},
        "recorded": {"recorded": len(requests), "locust": len(requests)},
    }
    return RunRecord.model_validate(base.as_json() | changes)
