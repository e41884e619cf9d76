"""Charges: each key is executed once, however often and however concurrently it is asked for.

A charge in flight is a task that later requests with the same key join, and it runs to its end even
if every client hangs up. A finished one is answered from memory, which is the log, read back at the
start.
"""

import asyncio
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from approaches.gateway.gateway_faults import Faults
from approaches.gateway.log import ChargeLog, ChargeRecord
from approaches.gateway.payment_draws import PaymentModel, draw


class KeyReusedError(Exception):
    """The key belongs to a charge with another body."""


class UnavailableError(Exception):
    """The provider takes no charges right now; nothing was executed."""


@dataclass(frozen=True, slots=True)
class ChargeRequest:
    """What a client asks to be charged."""

    order_id: str
    reference: str
    amount_cents: int


class Charges:
    """All charges, by key."""

    def __init__(self, seed: str, model: PaymentModel, log: ChargeLog, faults: Faults) -> None:
        self._seed = seed
        self._model = model
        self._log = log
        self._faults = faults
        self._executed = {record.key: record for record in log.read()}
        self._in_flight: dict[str, tuple[ChargeRequest, asyncio.Task[ChargeRecord]]] = {}

    @property
    def in_flight(self) -> int:
        """Charges being executed."""
        return len(self._in_flight)

    def executed(self) -> Iterable[ChargeRecord]:
        """Return the executed charges, oldest first."""
        return self._executed.values()

    def find(self, key: str) -> ChargeRecord | None:
        """Return the executed charge with this key."""
        return self._executed.get(key)

    async def charge(self, key: str, request: ChargeRequest) -> tuple[ChargeRecord, bool]:
        """Execute, join or replay a charge; return it and whether this was a replay.

        Raise KeyReusedError, UnavailableError, or OSError if the log cannot be written.
        """
        fault = self._faults.present()
        if fault is not None and fault.kind == "unavailable":
            raise UnavailableError
        record = self._executed.get(key)
        if record is not None:
            if (record.order_id, record.reference, record.amount_cents) != (
                request.order_id,
                request.reference,
                request.amount_cents,
            ):
                raise KeyReusedError
            return record, True
        flight = self._in_flight.get(key)
        joined = flight is not None
        if flight is None:
            flight = (request, asyncio.create_task(self._execute(key, request)))
            self._in_flight[key] = flight
        if flight[0] != request:
            raise KeyReusedError
        # A client that hangs up must not cancel the charge for the others.
        return await asyncio.shield(flight[1]), joined

    async def _execute(self, key: str, request: ChargeRequest) -> ChargeRecord:
        try:
            started_ns = time.time_ns()
            drawn = draw(self._seed, request.reference, self._model)
            await self._faults.hold()
            await asyncio.sleep(drawn.latency_ms / 1000 * self._slowness())
            record = ChargeRecord(
                charge_id=f"ch_{uuid.uuid4().hex}",
                key=key,
                order_id=request.order_id,
                reference=request.reference,
                amount_cents=request.amount_cents,
                outcome=drawn.outcome,
                latency_ms=drawn.latency_ms,
                started_ns=started_ns,
                finished_ns=time.time_ns(),
            )
            await self._log.append(record)
            self._executed[key] = record
            return record
        finally:
            del self._in_flight[key]

    def _slowness(self) -> float:
        fault = self._faults.present()
        return fault.factor if fault is not None and fault.kind == "slow" else 1.0

    async def drain(self) -> None:
        """Wait until the charges in flight have ended, held ones included."""
        self._faults.end()
        await asyncio.gather(
            *(task for _, task in self._in_flight.values()), return_exceptions=True
        )
