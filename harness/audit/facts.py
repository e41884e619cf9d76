"""What the invariants read of a run, and how far two of its clocks may disagree.

Requests are on the monotonic clock of the load generator, counted from the start of the load; the
stores stamp wall-clock time. `t0_wall_ns` of the record joins the two. Where all processes share
one host, nothing but scheduling and clock slew lies between two stamps of one instant; the clocks
of several machines may disagree by what a law allows (`analysis.laws.node_clocks`).
"""

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from harness.audit.excuses import no_later_than
from harness.results.nodes import CLOCK_TOLERANCE_S, node_clock, nodes_of
from harness.results.outages import Outage, hits_accounts, outages
from harness.results.record import FaultRecord, Part
from harness.results.store import RunData
from harness.scenario.arrivals import account_of
from harness.topology import RELATIONS

MS = 1_000_000

CLOCK_NS = 100 * MS
"""The longest time between reading a clock and the act that it stamps; it also covers the slew of
a five-minute run."""

CLOCK_STEP_S = 0.05
"""How far the wall clock may leave the monotonic one; the law of the clocks allows no more."""

NODE_CLOCK_NS = round(CLOCK_TOLERANCE_S * 1000) * MS
"""How far a node's clock may be from this machine's; the law of their clocks allows no more."""

STAMP_NS = 10 * MS
"""How far stamps of one instant may lie apart: a clock of one host is read for one row after the
other, and written down to the microsecond."""

SOLD_OUT_CACHE_NS = 100 * MS
"""How long an approach may go on saying "sold out" from a cache."""

LEDGER_ORDER_NS = 1_000 * MS
"""How far ledger stamps may be out of commit order: `now()` is the start of a transaction, which
may then wait for the product's row while others commit."""

SEQUENCE = "seq"
"""The column of the stock moves with the ledger's own order of them, which no clock decides."""

RELAY_NS = 5_000 * MS
"""How long after the ledger's commit a released unit may take to reach Redis. Normally it takes
milliseconds; if the worker was killed in between, the reaper finds the release within 3 to 5 s."""

RECOVERY_NS = 15_000 * MS
"""How long after a fault is over a unit released meanwhile may take to reach Redis: a socket times
out (5 s), the lock of a dead leader expires (3 s), the next one relays what is overdue (3 s)."""

SHOWN_NS = 10_000 * MS
"""How long after the ledger's commit a buyer may still be shown an order as under way. Normally it
takes milliseconds; if the worker was killed in between, and all others with it, they must be
started again, find the entry, and settle it anew."""

HELD = ("accepted", "awaiting_payment", "unknown")
TERMINAL = ("confirmed", "declined")
CANCELLED = "cancelled"
ENDS = (*TERMINAL, CANCELLED)
"""What a buyer is shown in the end; what the ledger refused is no order there."""
ACKNOWLEDGED = (201, 202, 402)
"""Statuses of POST /orders by which a buyer learns that there is an order."""


class NotMeasuredError(Exception):
    """An input of a check is not there; its message names the input."""


class Facts:
    """A run as the invariants read it; what several of them need is made once and shared.

    A missing input raises NotMeasuredError. The frames are shared, so nobody changes them.
    """

    def __init__(self, run: RunData) -> None:
        self.run = run
        self._tables: dict[str, pd.DataFrame] = {}

    def recorded(self, *path: str) -> Any:
        """Return a value of run.json; raise NotMeasuredError if it is absent or null."""
        value: Any = self.run.record
        for step in path:
            value = value.get(step) if isinstance(value, dict) else getattr(value, step, None)
            if value is None:
                raise NotMeasuredError(f"run.json has no {'.'.join(path)}")
        return value

    @cached_property
    def outages(self) -> tuple[Outage, ...]:
        """The faults that were carried out, in ns since the load began; none in most runs."""
        return outages(self.run.record)

    @cached_property
    def outages_by_wall_clock(self) -> tuple[Outage, ...]:
        """The same in ns since the epoch, as the stores stamp."""
        if not self.outages:
            return ()
        return tuple(outage.shifted(int(self.recorded("t0_wall_ns"))) for outage in self.outages)

    @property
    def at_rest(self) -> bool:
        """Return True if the shop had worked off its backlog when its stores were read."""
        return self.run.record.drained

    @cached_property
    def clock_doubt(self) -> str:
        """Return why clocks cannot be compared in this run; empty: they can.

        The wall clock, read each second beside another, was set, or that of a node is not known to
        be right.
        """
        samples = self.run.telemetry
        if "metric" in samples:
            steps_s = samples.loc[samples["metric"] == "clock_step_s", "value"]
            if (steps_s.abs() > CLOCK_STEP_S).any():
                return "while the wall clock was set"
        for name in nodes_of(self.run.record.deployment):
            clock = node_clock(samples, name)
            if clock is None or not clock.is_right:
                return f"while the clock of {name} was not known to be right"
        return ""

    @property
    def clock_ns(self) -> int:
        """Return how far stamps of this machine and of a service may lie apart, in ns."""
        nodes = nodes_of(self.run.record.deployment)
        return CLOCK_NS + (NODE_CLOCK_NS if nodes else 0)

    @property
    def stamp_ns(self) -> int:
        """Return how far stamps of one instant may lie apart that two services wrote, in ns."""
        nodes = nodes_of(self.run.record.deployment)
        return STAMP_NS + (2 * NODE_CLOCK_NS if nodes else 0)

    @property
    def has_redis(self) -> bool:
        """Return True if the approach keeps stock and queues in Redis."""
        return bool(self.recorded("topology", "has_redis"))

    @property
    def seeded_stock(self) -> int:
        """Return how many units of the sale product were put up for sale."""
        return int(self.recorded("scenario", "product", "stock"))

    def table(self, name: str, *columns: str) -> pd.DataFrame:
        """Return columns of a table; raise NotMeasuredError if the run does not have them."""
        if not self.yields(name):
            raise NotMeasuredError(
                "the charges could not be read"
                if name == "charges"
                else f"the ledger yields no {name}"
            )
        if name not in self._tables:
            self._tables[name] = with_python_strings(getattr(self.run, name))
        frame = self._tables[name]
        missing = [
            column
            for column in columns
            if column not in frame.columns or not self.yields(f"{name}.{column}")
        ]
        if missing:
            raise NotMeasuredError(f"{name} has no column {', '.join(missing)}")
        return frame[list(columns)]

    def yields(self, what: str) -> bool:
        """Return False for a table, or TABLE.COLUMN, that the run could not have."""
        return what not in self.run.record.absent

    def of_order(self, order_ids: "pd.Series[str]", *columns: str) -> pd.DataFrame:
        """Return what the ledger says of the orders with these ids, in a frame beside them.

        It is null where there is no such order. Raises NotMeasuredError for a column that there is
        not.
        """
        missing = [column for column in columns if column not in self.order_of.columns]
        if missing:
            raise NotMeasuredError(f"orders has no column {', '.join(missing)}")
        return self.order_of[list(columns)].reindex(order_ids).set_index(order_ids.index)

    def requests(self, *columns: str) -> pd.DataFrame:
        """Return columns of the request log; a log without a request was not measured."""
        frame = self.table("requests", *columns)
        if frame.empty:
            raise NotMeasuredError("the request log holds no request")
        return frame

    @cached_property
    def purchases(self) -> pd.DataFrame:
        """Every request to buy."""
        columns = ("user", "key", "sent_ns", "done_ns", "status", "outcome", "order_id")
        frame = self.requests("endpoint", *columns)
        bought = frame.loc[frame["endpoint"] == "buy", list(columns)]
        return bought.assign(account=self._accounts(bought["user"]))

    def _accounts(self, buyers: "pd.Series[int]") -> "pd.Series[int]":
        """Return the number of the account that each buyer uses: its own, but in an open load."""
        scenario = self.run.record.scenario
        if not scenario.get("open"):
            return buyers
        accounts = scenario["open"]["accounts"]
        return buyers.map(lambda number: account_of(number, accounts))

    @cached_property
    def user_ids(self) -> "pd.Series[int]":
        """The user ids that buyers got when they registered, by buyer; without those unknown."""
        buyers = self.table("buyers", "user", "user_id").drop_duplicates("user")
        return buyers[buyers["user_id"] > 0].set_index("user")["user_id"]

    @cached_property
    def accounts_of_buyers(self) -> pd.DataFrame:
        """Each account that buyers use, by its number in the load, with its user id if known."""
        buyers = self.user_ids.reset_index()
        return buyers.assign(account=self._accounts(buyers["user"])).drop_duplicates(
            ["account", "user_id"]
        )

    @cached_property
    def acknowledgements(self) -> pd.DataFrame:
        """The requests by which a buyer learnt that there is an order."""
        frame = self.purchases
        return frame[frame["status"].isin(ACKNOWLEDGED)]

    @cached_property
    def orders(self) -> pd.DataFrame:
        """The orders of the ledger; who needs a column that it need not yield asks `table`."""
        orders = RELATIONS["orders"]
        optional = (one for one in orders.optional if self.yields(f"orders.{one}"))
        further = (one for one in orders.further if one in self.run.orders.columns)
        return self.table(
            "orders",
            *("order_id", "product_id", "quantity", "amount_cents", "status", "accepted_ns"),
            *optional,
            *further,
        )

    @property
    def charged_under(self) -> str:
        """Return the column of the orders that has the reference of their charges."""
        return "reference" if "reference" in self.run.orders.columns else "key"

    @cached_property
    def order_of(self) -> pd.DataFrame:
        """The orders of the ledger by their id; of an id that is used twice, the first."""
        return self.orders.drop_duplicates("order_id").set_index("order_id")

    @cached_property
    def stock_moves(self) -> pd.DataFrame:
        """The stock moves, each with what its order says; that is null for an orphan.

        Runs from before the ledger numbered its moves have no `SEQUENCE`.
        """
        columns = ["order_id", "kind", "quantity", "at_ns", "relayed"]
        sequence = [SEQUENCE] if SEQUENCE in self.run.stock_moves.columns else []
        moves = self.table("stock_moves", *columns, *sequence)
        owner = ["user_id"] if self.yields("orders.user_id") else []
        known = self.of_order(moves["order_id"], "product_id", "status", "quantity", *owner)
        return moves.join(known.rename(columns={"quantity": "ordered"}))

    @cached_property
    def in_queues(self) -> frozenset[str] | None:
        """The ids that stood in the queues at the end; None if nobody looked, or there is none."""
        found = self.run.record.store.redis
        return None if found is None or found.waiting is None else frozenset(found.waiting)

    @cached_property
    def cancelled(self) -> pd.DataFrame:
        """The orders that were accepted and that the ledger refused; a run of old records none.

        `excused`: a fault deleted their account, so they could not end better.
        """
        columns = ["order_id", "user_id", "product_id", "quantity", "key", "reason"]
        frame = frame_of(self.run.record.store.cancelled, *columns)
        return frame.assign(excused=frame["user_id"].isin(list(self._deleted_accounts)))

    @cached_property
    def deleted_buyers(self) -> pd.DataFrame:
        """What the accounts that a fault deleted bought, and the last state they were shown."""
        columns = ["user_id", "key", "status", "order_id", "order_status"]
        bought = [row for fault in self._deletions for row in fault.purchases]
        return frame_of(bought, *columns)

    @property
    def _deleted_accounts(self) -> set[int]:
        """Return the user ids of the accounts that a fault deleted: its record names them."""
        return {user for fault in self._deletions for user in fault.users}

    @property
    def _deletions(self) -> list[FaultRecord]:
        return [
            fault
            for fault in self.run.record.faults
            if hits_accounts(fault.kind) and fault.begun_ns is not None
        ]

    @cached_property
    def charges(self) -> pd.DataFrame:
        """The payment gateway's log."""
        return self.table(
            "charges",
            *("charge_id", "order_id", "reference", "amount_cents", "outcome"),
            *("latency_ms", "started_ns", "finished_ns"),
        )

    @cached_property
    def products(self) -> pd.DataFrame:
        """The final rows of the products, indexed by their id."""
        columns = ["id", "price_cents", "initial_stock", "reserved", "sold"]
        frame = frame_of(self.recorded("store", "products"), *columns)
        if frame.empty:
            raise NotMeasuredError("run.json has no row in store.products")
        return frame.set_index("id", drop=False)


def frame_of(parts: Iterable[Part], *columns: str) -> pd.DataFrame:
    """Return parts of a record as the rows of a frame."""
    return pd.DataFrame([part.model_dump() for part in parts], columns=list(columns))


def with_python_strings(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with its texts, and the names of its columns, as Python strings.

    Arrow's are smaller, but looking one up among others (`isin`, a join, a column by its name) took
    most of the time of an audit.
    """
    texts = {
        name: object
        for name, dtype in frame.dtypes.items()
        if dtype == "str" or isinstance(dtype, pd.CategoricalDtype)
    }
    if texts:
        frame = frame.astype(texts)
    if frame.columns.dtype != object:
        frame = frame.set_axis(frame.columns.astype(object), axis=1)
    return frame


def among(column: "pd.Series[str]", others: "pd.Series[str] | pd.Index[str]") -> "pd.Series[bool]":
    """Return which identifiers are among the others."""
    return column.isin(others)


def open_or_sold(
    changes: pd.DataFrame, faults: tuple[Outage, ...], by: str | None = None
) -> pd.DataFrame:
    """Return the running sum of quantity (within each `by`), over all prefixes of history.

    `changes` has quantity (positive when units are taken, negative when given back) and at_ns. The
    order of history is that of the ledger's own sequence, if `changes` has it: then every sum was
    true at some moment. If not, the clock decides, and an excess shorter than the slack is missed:
    what is given back counts `LEDGER_ORDER_NS` early (or more, if one of `faults`, on the clock of
    the stamps, held a transaction up), and first among equal stamps, so that a sum above a limit
    is never an artefact of the order of stamps.
    """
    if SEQUENCE in changes.columns:
        ordered = changes.sort_values(SEQUENCE, kind="stable")
    else:
        at_ns = changes["at_ns"].to_numpy(dtype=np.int64)
        early_ns = no_later_than(at_ns, LEDGER_ORDER_NS, faults)
        counted_ns = np.where(changes["quantity"] < 0, early_ns, at_ns)
        ordered = changes.assign(at_ns=counted_ns).sort_values(["at_ns", "quantity"])
    groups = ordered.groupby(by) if by else ordered
    return ordered.assign(held=groups["quantity"].cumsum())
