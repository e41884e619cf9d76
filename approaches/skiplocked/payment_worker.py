"""The payment worker, a thread per slot: `python -m approaches.skiplocked.payment_worker`.

SIGTERM ends it once the charges in flight are settled.
"""

import logging
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg

from approaches.shop.database import CONNECT_LIMIT_S, STORE_ERRORS
from approaches.shop.metrics import listen
from approaches.shop.payments import Charge, ChargeResult
from approaches.shop.pools import sync_pool
from approaches.shop.settings import Settings, SettingsError, read_float, read_int
from approaches.shop.threaded_gateway import GatewayClient
from approaches.skiplocked.outbox import Outbox

BATCH = 50
LOOK_EVERY_S = 0.5
"""What nobody announces, such as a lease that has run out, is found by looking so often."""
SETTLE_AGAIN_S = 0.5
EX_CONFIG = 78

log = logging.getLogger(__name__)


class News:
    """Waits for the announcement of work; a connection that is lost is made again."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._connection: psycopg.Connection | None = None

    def wait(self, stopped: threading.Event) -> None:
        """Return when work was announced or all is stopped, at the latest after LOOK_EVERY_S."""
        try:
            if self._connection is None:
                self._connection = psycopg.connect(
                    self._database_url, autocommit=True, connect_timeout=CONNECT_LIMIT_S
                )
                self._connection.execute("LISTEN outbox")
                return  # to look first: what came before was not heard
            for _ in self._connection.notifies(timeout=LOOK_EVERY_S, stop_after=1):
                pass
        except psycopg.Error as error:
            log.warning("work is not announced: %s", error)
            self._connection = None
            stopped.wait(LOOK_EVERY_S)


class PaymentWorker:
    """Takes as much work as there are free slots, and charges it, each in a thread."""

    def __init__(
        self, outbox: Outbox, gateway: GatewayClient, *, slots: int, lease_s: float
    ) -> None:
        self._outbox = outbox
        self._gateway = gateway
        self._lease_s = lease_s
        self._free = threading.Semaphore(slots)
        self._threads = ThreadPoolExecutor(slots, thread_name_prefix="pay")
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Take nothing more."""
        self._stopped.set()

    def run(self, news: News) -> None:
        """Work until `stop`, and settle what is in hand then."""
        while not self._stopped.is_set():
            slots = self._take_slots()
            due = self._take(slots) if slots else []
            for charge in due:
                self._threads.submit(self._pay, charge)
            for _ in range(slots - len(due)):
                self._free.release()
            if slots and not due:
                news.wait(self._stopped)
        self._threads.shutdown()

    def _take_slots(self) -> int:
        if not self._free.acquire(timeout=LOOK_EVERY_S):
            return 0
        slots = 1
        while slots < BATCH and self._free.acquire(blocking=False):
            slots += 1
        return slots

    def _take(self, slots: int) -> list[Charge]:
        try:
            return self._outbox.take(slots, self._lease_s)
        except STORE_ERRORS as error:
            log.warning("the ledger does not answer: %s", error)
            return []

    def _pay(self, charge: Charge) -> None:
        try:
            result = self._gateway.charge(charge)
            while not self._is_finished(charge, result):
                if self._stopped.wait(SETTLE_AGAIN_S):
                    return  # the row is due again when its lease has run out
        except Exception:
            log.exception("order %s is left to the next", charge.order_id)
        finally:
            self._free.release()

    def _is_finished(self, charge: Charge, result: ChargeResult) -> bool:
        try:
            self._outbox.finish(charge.order_id, result)
        except STORE_ERRORS as error:
            log.warning("the ledger does not answer: %s", error)
            return False
        return True


def main() -> int:
    """Work until SIGTERM; return 0, or 78 if a setting is missing."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        settings = Settings.from_environment("DATABASE_URL", "GATEWAY_URL")
        slots = read_int("CONCURRENCY", 100, high=2000)
        # longer than a charge may take: work that is being done is not taken by another
        lease_s = read_float("LEASE_S", 30.0, low=settings.payment_timeout_s + 1)
        connections = read_int("DATABASE_POOL", 10, high=500)
    except SettingsError as error:
        print(f"payment-worker: {error}", file=sys.stderr)
        return EX_CONFIG
    pool = sync_pool(settings.database_url, size=connections)
    pool.open()
    gateway = GatewayClient(
        settings.gateway_url, timeout_s=settings.payment_timeout_s, concurrency=slots
    )
    worker = PaymentWorker(Outbox(pool), gateway, slots=slots, lease_s=lease_s)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop())
    end_metrics = listen(settings.bind)
    worker.run(News(settings.database_url))
    end_metrics()
    pool.close()
    gateway.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
