"""Has the stock counter in Redis diverged from the ledger?

At any moment the counter should be

    units free in the ledger
    - units of accepted orders that the ledger does not hold yet (orders stream, dead letters)
    - units that the ledger has released and Redis has not taken back yet (the outbox)

The terms are read one after the other while orders flow, so a single difference says nothing. The
alarm is raised when two readings in a row, seconds apart, are the same in every term and show the
same difference: nothing moved, and yet the stores do not agree.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from approaches.queue.keys import Field
from approaches.shop.metrics import Gauge

STOCK_DRIFT = Gauge(
    "shop_stock_drift_units",
    "Stock counter in Redis minus what the ledger says it should be: not 0 is an alarm",
    ["product"],
    multiprocess_mode="mostrecent",
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LedgerStock:
    """Units of a product in the ledger: free, sold, released but not yet taken back by Redis."""

    free: int
    sold: int
    unrelayed: int


@dataclass(frozen=True, slots=True)
class StockSnapshot:
    """The stock of a product in both stores."""

    counter: int
    free: int
    sold: int
    unrecorded: int
    unrelayed: int

    @property
    def drift(self) -> int:
        """Units that the counter has too many; below zero, too few."""
        return self.counter - (self.free - self.unrecorded - self.unrelayed)


class DriftWatch:
    """Remembers the last snapshot of each product, and the drift that was last reported."""

    def __init__(self) -> None:
        self._last: dict[int, StockSnapshot] = {}
        self._alarm: dict[int, int] = {}

    def compare(
        self,
        stocks: Mapping[int, LedgerStock],
        unrecorded: Sequence[Mapping[str, str]],
        before: Mapping[int, int | None],
        after: Mapping[int, int | None],
    ) -> None:
        """Take a reading: counters before and after the ledger and the entries it lacks were."""
        last, self._last = self._last, {}
        for product_id, counter in before.items():
            stock = stocks.get(product_id)
            if stock is None or counter is None or after.get(product_id) != counter:
                continue  # it moved meanwhile: no evidence
            snapshot = StockSnapshot(
                counter,
                stock.free,
                stock.sold,
                _units(product_id, unrecorded),
                stock.unrelayed,
            )
            self._last[product_id] = snapshot
            if snapshot.drift == 0 or last.get(product_id) == snapshot:
                self._report(product_id, snapshot)

    def _report(self, product_id: int, snapshot: StockSnapshot) -> None:
        if self._alarm.get(product_id, 0) == snapshot.drift:
            return
        self._alarm[product_id] = snapshot.drift
        STOCK_DRIFT.labels(str(product_id)).set(snapshot.drift)
        if snapshot.drift:
            log.error("stock of product %d has diverged from the ledger: %s", product_id, snapshot)


def _units(product_id: int, entries: Sequence[Mapping[str, str]]) -> int:
    """Count the units of a product in these entries, each order once."""
    units = {
        fields[Field.ORDER]: int(fields[Field.QUANTITY])
        for fields in entries
        if fields.get(Field.PRODUCT) == str(product_id) and Field.QUANTITY in fields
    }
    return sum(units.values())
