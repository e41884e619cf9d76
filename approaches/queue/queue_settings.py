"""Settings that only this approach has; the compose file is where their values are written down."""

from dataclasses import dataclass
from typing import Literal

from approaches.shop.settings import Settings, read_choice, read_float, read_int, read_text

Acknowledging = Literal["acceptance", "ledger"]
Reservation = Literal["script", "counter", "update", "lock"]
IDEMPOTENCY_TTL_S = 86_400
_ACKNOWLEDGING: tuple[Acknowledging, ...] = ("acceptance", "ledger")
_RESERVATIONS: tuple[Reservation, ...] = ("script", "counter", "update", "lock")


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """The shop's settings, where Redis is, and how much a service does at once.

    `ack` is what a 202 promises: that the order is in Redis and holds its stock, or that the ledger
    holds it, too, so that not even the loss of all that is in Redis undoes it. `idempotency_ttl_s`
    is for how long after its order's end a key is answered with that order; the ledger refuses a
    second order under it for ever. `reservation` and `rechecks_stock` make another shop of it, for
    experiments (reservation/, recheck.py).
    """

    shop: Settings
    redis_url: str
    processes: int
    concurrency: int
    ack: Acknowledging
    heartbeat_s: float = 15.0
    idempotency_ttl_s: int = IDEMPOTENCY_TTL_S
    reservation: Reservation = "script"
    rechecks_stock: bool = False

    @classmethod
    def from_environment(cls, *required: str) -> "QueueSettings":
        """Read the settings; raise SettingsError naming the variable that is missing or wrong."""
        return cls(
            shop=Settings.from_environment(*required),
            redis_url=read_text("REDIS_URL"),
            processes=read_int("PROCESSES", 1, high=64),
            concurrency=read_int("CONCURRENCY", 20, high=1_000),
            ack=read_choice("ACK", _ACKNOWLEDGING),
            heartbeat_s=read_float("HEARTBEAT_S", 15.0, low=0.05, high=600),
            idempotency_ttl_s=read_int("IDEMPOTENCY_TTL_S", IDEMPOTENCY_TTL_S, high=31_536_000),
            reservation=read_choice("RESERVATION", _RESERVATIONS),
            rechecks_stock=read_int("RECHECK_STOCK", 0, low=0, high=1) == 1,
        )
