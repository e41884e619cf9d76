"""The payment gateway for threads: the policy of payments.py, spoken by urllib3."""

import time
from contextlib import closing
from urllib.parse import urlsplit

from urllib3 import Timeout
from urllib3.connectionpool import connection_from_url
from urllib3.exceptions import HTTPError

from approaches.shop.breaker import Breaker
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


class GatewayClient:
    """The payment gateway for threads; safe to share between them."""

    def __init__(self, gateway_url: str, *, timeout_s: float, concurrency: int) -> None:
        self._prefix = urlsplit(gateway_url).path.rstrip("/")
        self._http = connection_from_url(gateway_url, maxsize=concurrency, block=True)
        self._timeout_s = timeout_s
        self.breaker = Breaker(on_change=BREAKER_OPEN.set)

    def charge(self, charge: Charge) -> ChargeResult:
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
                    time.sleep(step.seconds)
                    reply = None
                else:
                    reply = self._ask(step)

    def _ask(self, step: Ask) -> Reply:
        headers = {"Idempotency-Key": step.key}
        if step.body is not None:
            headers["Content-Type"] = "application/json"
        try:
            # pools of urllib3 know neither proxies nor netrc: nothing of the environment is used
            answer = self._http.urlopen(
                step.method,
                self._prefix + step.path,
                body=step.content() or None,
                headers=headers,
                retries=False,  # that is the policy's business
                redirect=False,
                timeout=Timeout(step.timeout_s, connect=min(CONNECT_TIMEOUT_S, step.timeout_s)),
                pool_timeout=step.timeout_s,  # type: ignore[arg-type] # which queue.get takes as well
            )
        except HTTPError:
            return Reply(None)
        return read_reply(answer.status, answer.data)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
