"""The payment gateway for asyncio: the policy of payments.py, spoken by keep_alive.py."""

import asyncio
import time
from contextlib import closing

from approaches.shop.breaker import Breaker
from approaches.shop.keep_alive import KeepAliveClient
from approaches.shop.payments import (
    BREAKER_OPEN,
    CONNECT_TIMEOUT_S,
    Ask,
    Charge,
    ChargeResult,
    Pause,
    Reply,
    charging,
    read_reply,
    result_of,
)


class AsyncGatewayClient:
    """The payment gateway for asyncio; no proxy or netrc of the environment is used."""

    def __init__(self, gateway_url: str, *, timeout_s: float, concurrency: int) -> None:
        self._http = KeepAliveClient(
            gateway_url, connections=concurrency, connect_timeout_s=CONNECT_TIMEOUT_S
        )
        self._timeout_s = timeout_s
        self.breaker = Breaker(on_change=BREAKER_OPEN.set)

    async def charge(self, charge: Charge) -> ChargeResult:
        """Charge under the order's id, wait for the outcome.

        UNKNOWN if the gateway does not answer in time.
        """
        policy = charging(charge, self._timeout_s, time.monotonic, self.breaker)
        reply: Reply | None = None
        with closing(policy):
            while True:
                try:
                    step = policy.send(reply)
                except StopIteration as stop:
                    return result_of(stop)
                if isinstance(step, Pause):
                    await asyncio.sleep(step.seconds)
                    reply = None
                else:
                    reply = await self._ask(step)

    async def _ask(self, step: Ask) -> Reply:
        try:
            answer = await self._http.exchange(
                step.method,
                step.path,
                {"Idempotency-Key": step.key},
                step.content(),
                step.timeout_s,
            )
        except OSError:
            return Reply(None)
        return read_reply(answer.status, answer.body)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()
