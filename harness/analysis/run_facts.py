"""One run on one time axis: what the metrics, the laws and the series all start from.

The client's ledger counts nanoseconds from the start of the load (t0), the stores write wall-clock
times; both are brought to seconds or nanoseconds relative to t0, once, here. Derived tables are
computed when first asked for and kept, because forty metrics read the same few of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from harness.analysis.columns import Floats, Integers, floats, integers, is_in, rows
from harness.analysis.implied_moves import implied_moves
from harness.results.store import RunData
from harness.scenario.load_profile import Schedule

SALE_PRODUCT = 1
"""The product on sale; the warm-up buys another one."""

TERMINAL = ("confirmed", "declined")
ACKNOWLEDGED = (201, 202, 402)
NANOSECONDS = 1_000_000_000
CLOCK_REACH_S = 1.5
"""The stage clock is read each second; a stage's last reading must lie this close to its end."""

_OF_A_PURCHASE = (
    *("sent_ns", "done_ns", "latency_ms", "answered", "status", "outcome"),
    *("key", "try", "order_id"),
)


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the load: its number from 1, and its window in seconds since t0.

    A closed load plans the `users` at its end, an open one the `buyers` who arrive in it.
    """

    number: int
    name: str
    users: int
    start_s: float
    end_s: float
    buyers: int = 0

    @property
    def seconds(self) -> float:
        """Return the length of the stage in seconds."""
        return self.end_s - self.start_s

    @property
    def window_ns(self) -> tuple[int, int]:
        """Return the window in nanoseconds since t0."""
        return round(self.start_s * NANOSECONDS), round(self.end_s * NANOSECONDS)


def stages_of(scenario: dict[str, Any]) -> list[Stage]:
    """Return the stages of a resolved scenario with their windows; open loads plan no users."""
    open_load = scenario.get("open")
    listed = open_load["stages"] if open_load else scenario["stages"]
    stages, start_s = [], 0.0
    for number, stage in enumerate(listed, start=1):
        end_s = start_s + float(stage["seconds"])
        users, buyers = int(stage.get("users", 0)), int(stage.get("buyers", 0))
        stages.append(Stage(number, str(stage["name"]), users, start_s, end_s, buyers))
        start_s = end_s
    return stages


def overlap_s(begins: Integers, ends: Integers, stage: Stage) -> float:
    """Return the total length, in s, of the parts of intervals (ns since t0) within a stage."""
    start_ns, end_ns = stage.window_ns
    clipped = np.minimum(ends, end_ns) - np.maximum(begins, start_ns)
    return float(np.maximum(clipped, 0).sum()) / NANOSECONDS


class RunFacts:
    """A run's tables, restricted to the sale and brought to one time axis."""

    def __init__(self, run: RunData) -> None:
        self.run = run
        self.record = run.record
        self.scenario = run.record.scenario
        self.topology = run.record.topology
        self.stages = stages_of(self.scenario)
        self.schedule = Schedule.of(self.stages)
        self.load_s = run.record.load_s
        self.drain_s = run.record.drain_s
        self.t0_wall_ns = run.record.t0_wall_ns
        self.cores = run.record.cores or 1
        self.cores_allowed = run.record.cores_allowed or float(self.cores)
        self._telemetry: dict[str, pd.DataFrame] = {}

    @classmethod
    def of(cls, run: "RunData | RunFacts") -> "RunFacts":
        """Return the facts of a run; those that are given share what was made of it before."""
        return run if isinstance(run, RunFacts) else cls(run)

    @property
    def usable_cores(self) -> float:
        """Return the processors that services and generator could use together.

        An engine's services are none of our processes: what we are held to is nothing to them.
        """
        runtime = (self.record.deployment or {}).get("runtime", "local")
        return self.cores_allowed if runtime == "local" else float(self.cores)

    @property
    def end_s(self) -> float:
        """Return when the run stopped looking, in seconds since t0: after load and drain."""
        return self.load_s + self.drain_s

    @cached_property
    def selling_s(self) -> float:
        """Return when the last order was confirmed, in seconds since t0; 0 if none was."""
        settled_ns = integers(self.confirmed, "settled_rel_ns")
        return float(settled_ns[-1]) / NANOSECONDS if len(settled_ns) else 0.0

    @property
    def peak(self) -> Stage:
        """Return the stage with most users; of an open load, with most arrivals per second.

        Of stages with as many users it is the one that begins with most: that holds them.
        """

        def load(stage: Stage) -> tuple[float, ...]:
            at_start = self.schedule.planned_users(stage.start_s)
            return stage.users, at_start, stage.buyers / stage.seconds

        return max(self.stages, key=load)

    @cached_property
    def requests(self) -> pd.DataFrame:
        """Every request sent since t0, with `latency_ms` and `answered`."""
        sent = rows(self.run.requests, integers(self.run.requests, "stage") >= 1)
        latency_ms = (integers(sent, "done_ns") - integers(sent, "sent_ns")) / 1e6
        names = ("key", "order_id", "order_status")
        text = {name: sent[name].fillna("") for name in names if sent[name].hasnans}
        return sent.assign(latency_ms=latency_ms, answered=integers(sent, "status") > 0, **text)

    @cached_property
    def api_requests(self) -> pd.DataFrame:
        """Requests that are answered at once: all but the event streams, which stay open."""
        return rows(self.requests, ~is_in(self.requests, "endpoint", ["events"]))

    @cached_property
    def purchases(self) -> pd.DataFrame:
        """Requests to ``POST /orders``, in the order in which they were sent."""
        return self.purchases_with(*_OF_A_PURCHASE)

    def purchases_with(self, *columns: str) -> pd.DataFrame:
        """Return the purchases with columns of one's choice."""
        buys = np.flatnonzero(is_in(self.requests, "endpoint", ["buy"]))
        order = np.argsort(integers(self.requests, "sent_ns")[buys], kind="stable")
        return self.requests[list(columns)].take(buys[order])

    @cached_property
    def attempts(self) -> pd.DataFrame:
        """One row per idempotency key: `first_sent_ns`, final `outcome`, `order_id`."""
        buys = self.purchases
        first, last, named = _attempts(buys)
        return pd.DataFrame(
            {
                "first_sent_ns": integers(buys, "sent_ns")[first],
                "outcome": buys["outcome"].take(last).array,
                "order_id": buys["order_id"].take(named).array,
            },
            index=pd.Index(buys["key"].take(first).array, name="key"),
        )

    def first_sent_ns(self, keys: "pd.Series[str] | pd.Index[str]") -> Floats:
        """Return when buyers first sent some keys, in ns since t0; nan for one that none sent."""
        # They are looked up among few: an index of all keys would take an object for each.
        sent = self.attempts.loc[self.attempts.index.isin(keys), "first_sent_ns"]
        return sent.reindex(keys).to_numpy(dtype=np.float64)

    @cached_property
    def orders(self) -> pd.DataFrame:
        """Orders of the sale in the ledger, with times since t0.

        Adds `accepted_rel_ns`, `settled_rel_ns`, `settled` (reached a terminal status) and
        `first_sent_ns` of the buyer's attempt (missing if no buyer sent its key).
        """
        on_sale = [sale.product_id for sale in self.record.sales] or [SALE_PRODUCT]
        orders = self.run.orders[is_in(self.run.orders, "product_id", on_sale)]
        settled_ns = integers(orders, "settled_ns")
        settled = is_in(orders, "status", TERMINAL) & (settled_ns > 0)
        return orders.assign(
            accepted_rel_ns=integers(orders, "accepted_ns") - self.t0_wall_ns,
            settled_rel_ns=np.where(settled, settled_ns - self.t0_wall_ns, 0),
            settled=settled,
            first_sent_ns=self.first_sent_ns(orders["key"]),
        )

    @cached_property
    def unrecorded(self) -> int:
        """How many orders buyers were told of that the ledger does not have."""
        buys = self.purchases
        told = buys["order_id"][is_in(buys, "status", ACKNOWLEDGED)]
        return int(told[(told != "") & ~told.isin(self.orders["order_id"])].nunique())

    @property
    def accepted(self) -> int:
        """How many orders were accepted: those in the ledger, and those that it should have."""
        return len(self.orders) + self.unrecorded

    @cached_property
    def confirmed(self) -> pd.DataFrame:
        """Confirmed orders, in the order in which they were settled."""
        settled = self.orders["settled"].to_numpy(dtype=np.bool_)
        orders: pd.DataFrame = self.orders[is_in(self.orders, "status", ["confirmed"]) & settled]
        return orders.sort_values("settled_rel_ns", kind="stable")

    @cached_property
    def outcome_seen_ns(self) -> "pd.Series[int]":
        """When a buyer first saw the outcome of an order, in ns since t0, by order."""
        requests = self.requests
        shown = is_in(requests, "order_status", TERMINAL) | is_in(requests, "outcome", TERMINAL)
        first: pd.Series[int] = requests[shown].groupby("order_id")["done_ns"].min()
        return first

    @cached_property
    def charges(self) -> pd.DataFrame:
        """Charges that the gateway executed for orders of the sale."""
        return self.run.charges[self.run.charges["order_id"].isin(self.orders["order_id"])]

    @cached_property
    def stock_moves(self) -> pd.DataFrame:
        """Stock moves of the sale in order of time, with `at_rel_ns`; else those implied."""
        moves = self.run.stock_moves
        moves = moves[moves["order_id"].isin(self.orders["order_id"])]
        if not self.yields("stock_moves"):
            moves = implied_moves(self.orders)
        moves = moves.assign(at_rel_ns=integers(moves, "at_ns") - self.t0_wall_ns)
        return moves.sort_values("at_rel_ns", kind="stable")

    def yields(self, table: str) -> bool:
        """Return False for a table that the run could not have."""
        return table not in self.record.absent

    def users_at_end(self, stage: Stage) -> tuple[float, float] | None:
        """Return the stage clock's last reading in a stage: when (s since t0), and active users.

        None if the clock was not read in the last `CLOCK_REACH_S` seconds of the stage.
        """
        times = floats(self.run.clock, "t_s")
        within = np.flatnonzero((times <= stage.end_s) & (times >= stage.end_s - CLOCK_REACH_S))
        if len(within) == 0:
            return None
        row = within[times[within].argmax()]
        return float(times[row]), float(floats(self.run.clock, "active")[row])

    @property
    def initial_stock(self) -> int:
        """Return how many units were for sale."""
        products = self.record.store.products or ()
        return next(one.initial_stock for one in products if one.id == SALE_PRODUCT)

    @property
    def approach_services(self) -> list[str]:
        """Return the services that belong to the approach: all but the world's."""
        world = self.topology.get("world", ())
        return [name for name in self.topology["services"] if name not in world]

    @property
    def enforced_cpus(self) -> dict[str, float]:
        """Return, by service, the processors that all its replicas together are held to."""
        limits = (self.record.deployment or {}).get("limits") or {}
        return {
            service: float(limit["cpus"]) * int(self.topology["services"][service]["replicas"])
            for service, limit in limits.items()
            if limit.get("enforced") and limit.get("cpus")
        }

    def telemetry(self, metric: str) -> pd.DataFrame:
        """Return one telemetry metric as a table: a row per sample time, a column per source."""
        if metric not in self._telemetry:
            sampled = self._samples.get(metric, self.run.telemetry[:0])
            self._telemetry[metric] = _wide(sampled, "source")
        return self._telemetry[metric]

    @cached_property
    def _samples(self) -> dict[str, pd.DataFrame]:
        return {str(name): rows for name, rows in self.run.telemetry.groupby("metric", sort=False)}

    def telemetry_of(self, source: str, prefix: str) -> pd.DataFrame:
        """Return the metrics of one source whose name begins with `prefix`, a column each."""
        frame = self.run.telemetry
        named = frame[(frame["source"] == source) & frame["metric"].str.startswith(prefix)]
        return _wide(named, "metric")

    def cpu_s(self, source: str, from_s: float, to_s: float) -> float | None:
        """Return the CPU seconds a source used in a window, or None if it was not sampled."""
        times, values = self._cpu_samples.get(source, ((), ()))
        if len(times) < 2:
            return None
        first, last = np.interp([from_s, to_s], times, values)
        return float(last - first)

    @cached_property
    def _cpu_samples(self) -> dict[str, tuple[Floats, Floats]]:
        """Return the samples of `cumulative_cpu_s` by source: times and values."""
        sampled = {name: column.dropna() for name, column in self.cumulative_cpu_s.items()}
        return {
            str(name): (column.index.to_numpy(dtype=np.float64), column.to_numpy(dtype=np.float64))
            for name, column in sampled.items()
        }

    def known_cpu_s(self, sources: Iterable[str], from_s: float, to_s: float) -> list[float]:
        """Return the CPU seconds of those sources that were sampled."""
        used = (self.cpu_s(source, from_s, to_s) for source in sources)
        return [seconds for seconds in used if seconds is not None]

    @cached_property
    def cumulative_cpu_s(self) -> pd.DataFrame:
        """Cumulative CPU seconds, a column per source.

        The counter of a process may die with it; then what was used until the last sample stays.
        """
        read = self.telemetry("cpu_s")
        if all(read[source].dropna().is_monotonic_increasing for source in read):
            return read
        first = read.bfill().iloc[0]
        used = read.ffill().diff().clip(lower=0).fillna(0).cumsum() + first
        return used.where(read.notna())

    @cached_property
    def open_orders(self) -> tuple[Integers, Integers]:
        """Steps of the number of open orders: times in ns since t0, and the number from then on."""
        settled = self.orders[self.orders["settled"].to_numpy(dtype=np.bool_)]
        return steps(integers(self.orders, "accepted_rel_ns"), integers(settled, "settled_rel_ns"))


def _attempts(buys: pd.DataFrame) -> tuple[Integers, Integers, Integers]:
    """Return, of every attempt, the places of its first try, of its last, and of one with an order.

    Only keys that were tried again are looked up: most are not, and there may be millions.
    """
    again = buys.loc[buys["try"] > 0, "key"]
    is_again = buys["key"].isin(again).to_numpy(dtype=np.bool_)
    once, places = np.flatnonzero(~is_again), np.flatnonzero(is_again)
    number, keys = pd.factorize(buys["key"].take(places))
    first, last = (np.zeros(len(keys), dtype=np.int64) for _ in range(2))
    first[number[::-1]], last[number] = places[::-1], places
    named = first.copy()  # of an attempt that was never given an order, any place will do
    has_order = (buys["order_id"].take(places) != "").to_numpy(dtype=np.bool_)
    named[number[has_order][::-1]] = places[has_order][::-1]
    order = np.argsort(np.append(once, first), kind="stable")
    of_first, of_last, of_order = (np.append(once, of)[order] for of in (first, last, named))
    return of_first, of_last, of_order


def _wide(samples: pd.DataFrame, column: str) -> pd.DataFrame:
    keyed = samples.drop_duplicates(["t_s", column], keep="last")
    table: pd.DataFrame = keyed.pivot(index="t_s", columns=column, values="value")
    return table.sort_index()


def steps(begins: Integers, ends: Integers) -> tuple[Integers, Integers]:
    """Return when the number of things in progress changes, and what it is from then on.

    Things that end at the instant at which others begin have ended first.
    """
    times = np.concatenate([begins, ends])
    changes = np.concatenate([np.ones_like(begins), -np.ones_like(ends)])
    instants, position = np.unique(times, return_inverse=True)
    net = np.zeros(len(instants), dtype=np.int64)
    np.add.at(net, position, changes)
    return instants, np.cumsum(net)
