"""Asks beside a load what no load asks, a few requests at a time, with accounts of its own.

It buys the product of the warm-up, so what it bought and paid is in none of the tables of the run;
its requests are in the record of the run, and in no buyer's log.
"""

import threading
from contextlib import ExitStack, suppress
from typing import Final

from harness.campaign.store_reset import WARM_UP_PRODUCT
from harness.conformance import PROBES, ShopUnderTest, Undecided
from harness.conformance.check import NotSupported, Violation
from harness.errors import InfrastructureError
from harness.results.record import Payments, ProbeResult, ProberFacts, RequestCount
from harness.runtimes import Deployment

MOST_EXAMPLES: Final = 5
STOP_LIMIT_S: Final = 60.0
"""How long the question in hand may take to end: each of its requests has a limit of its own."""


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
        of = ShopUnderTest.of(self._deployment, self._payment)
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
        self._open.close()

    def facts(self) -> ProberFacts:
        """Return what was asked, and what was found."""
        requests = [
            RequestCount(method=method, route=route, status=status, count=count)
            for (method, route, status), count in sorted(self._shop.requests.items())
        ]
        return ProberFacts(probes=list(self._results.values()), requests=requests)

    def _ask_until_stopped(self) -> None:
        turn = 0
        while not self._stopping.wait(self._every_s):
            probe = PROBES[turn % len(PROBES)]
            result = self._results[probe.title]
            turn += 1
            with suppress(NotSupported):
                result.asked += 1
                try:
                    probe(*self._buyers, WARM_UP_PRODUCT)
                except Undecided:
                    result.undecided += 1
                except Violation as found:
                    result.violated += 1
                    if len(result.examples) < MOST_EXAMPLES:
                        result.examples.append(str(found))
