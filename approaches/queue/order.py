"""An order as Redis and the ledger both have it, times in microseconds of the epoch."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from approaches.queue.keys import Field
from approaches.shop.orders import TERMINAL, Status, timestamp

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)


class Order(Struct, frozen=True, gc=False):  # made faster than a dataclass
    """Everything there is to know about one order at one version."""

    id: str
    user_id: int
    key: str
    product_id: int
    quantity: int
    amount_cents: int
    status: Status
    version: int
    accepted_at_us: int
    settled_at_us: int | None = None
    epoch: int = 0
    """The epoch of Redis that accepted it; only known of an order on its way to the ledger."""
    seq: int = 0
    """Its number among the orders accepted in that epoch; likewise."""

    @classmethod
    def from_hash(cls, order_id: str, fields: Mapping[str, str]) -> "Order":
        """Read the order's hash in Redis; raise KeyError or ValueError if it is not one."""
        settled = fields.get(Field.SETTLED_AT)
        return cls(
            id=order_id,
            user_id=int(fields[Field.USER]),
            key=fields[Field.KEY],
            product_id=int(fields[Field.PRODUCT]),
            quantity=int(fields[Field.QUANTITY]),
            amount_cents=int(fields[Field.AMOUNT]),
            status=Status(fields[Field.STATUS]),
            version=int(fields[Field.VERSION]),
            accepted_at_us=int(fields[Field.ACCEPTED_AT]),
            settled_at_us=int(settled) if settled else None,
            epoch=int(fields.get(Field.EPOCH, 0)),
            seq=int(fields.get(Field.SEQ, 0)),
        )

    @classmethod
    def from_entry(cls, fields: Mapping[str, str]) -> "Order":
        """Read an entry of the orders stream; raise KeyError or ValueError if it is not one."""
        accepted = {**fields, Field.STATUS: Status.ACCEPTED, Field.VERSION: "1"}
        return cls.from_hash(fields[Field.ORDER], accepted)

    @property
    def terminal(self) -> bool:
        """Return True if the order does not change any more."""
        return self.status in TERMINAL

    def at(self, version: int, status: Status) -> "Order":
        """Return the order as it was at a version that it has reached."""
        if version == self.version:
            return self
        settled = self.settled_at_us if status in TERMINAL else None
        return replace(self, version=version, status=status, settled_at_us=settled)

    def json(self) -> bytes:
        """Return the JSON view every approach serves (order_view).

        It is written out here, because most answers are made of it.
        """
        settled = self.settled_at_us
        ended = "null" if settled is None else f'"{timestamp(settled / 1e6)}"'
        return (
            f'{{"order_id":"{self.id}","status":"{self.status}","version":{self.version}'
            f',"product_id":{self.product_id},"quantity":{self.quantity}'
            f',"amount_cents":{self.amount_cents}'
            f',"accepted_at":"{timestamp(self.accepted_at_us / 1e6)}","settled_at":{ended}'
            f',"links":{{"self":"/orders/{self.id}","events":"/orders/{self.id}/events"}}}}'
        ).encode()


def from_microseconds(epoch_us: int) -> datetime:
    """Convert without the rounding of a float."""
    return _EPOCH + epoch_us * _US


def to_microseconds(instant: datetime) -> int:
    """Convert without the rounding of a float."""
    return (instant - _EPOCH) // _US
