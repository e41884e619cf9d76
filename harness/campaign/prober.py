"""Asks beside a load what no load asks, a few requests at a time, with accounts of its own.

It buys the product of the warm-up, so what it bought and paid is in none of the tables of the run;
its requests are in the record of the run, and in no buyer's log.
"""

import threading
from collections import deque
from contextlib import ExitStack
from typing import Final

from harness.campaign.store_reset import WARM_UP_PRODUCT
from harness.conformance import PROBES, Probe, ShopUnderTest
from harness.conformance.check import NotSupported, Violation
from harness.errors import InfrastructureError
from harness.results.record import Payments, ProbeResult, ProberFacts, RequestCount
from harness.runtimes import Deployment

MOST_EXAMPLES: Final = 5
ANSWER_LIMIT_S: Final = 5.0
"""How long an answer may take: one that comes later leaves the question open."""
STOP_LIMIT_S: Final = 30.0
"""How long the question in hand may take to end: a few requests, each with a limit of its own."""


class Prober:
    """Asks in a thread of its own, from `start` to `stop`; `prepare` comes before."""

    def __init__(self, deployment: Deployment, payment: Payments, every_s: float) -> None:
        self._deployment, self._payment, self._every_s = deployment, payment, every_s
        self._results = {probe.title: ProbeResult(title=probe.title) for probe in PROBES}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._ask_until_stopped, daemon=True)
        self._open = ExitStack()

    def prepare(self) -> None:
        """Register the accounts and log in (InfrastructureError: the shop refuses)."""
        of = ShopUnderTest.of(self._deployment, self._payment, ANSWER_LIMIT_S)
        self._shop = self._open.enter_context(of)
        try:
            self._buyers = self._shop.buyer(), self._shop.buyer()
        except Violation as refused:
            raise InfrastructureError(
                f"the prober gets no account: {refused}", "see the logs of the shop"
            ) from refused
        self._shop.requests.clear()

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the question in hand; a second call does nothing."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(STOP_LIMIT_S)
        if not self._thread.is_alive():  # else its connections are in use
            self._open.close()

    def facts(self) -> ProberFacts:
        """Return what was asked, and what was found."""
        requests = [
            RequestCount(method=method, route=route, status=status, count=count)
            for (method, route, status), count in sorted(self._shop.sent().items())
        ]
        probes = [result.model_copy(deep=True) for result in self._results.values()]
        return ProberFacts(probes=probes, requests=requests)

    def ask(self, probe: Probe) -> bool:
        """Ask one question, and count it; return False if it cannot be asked of this shop."""
        result = self._results[probe.title]
        try:
            probe(*self._buyers, WARM_UP_PRODUCT)
        except NotSupported:
            return False
        except Violation as found:
            result.violated += 1
            if len(result.examples) < MOST_EXAMPLES:
                result.examples.append(str(found))
        except Exception:  # a question that failed is open, and the next is asked
            result.undecided += 1
        result.asked += 1
        return True

    def _ask_until_stopped(self) -> None:
        in_turn = deque(PROBES)
        while in_turn and not self._stopping.wait(self._every_s):
            if self.ask(in_turn[0]):
                in_turn.rotate(-1)
            else:
                in_turn.popleft()
