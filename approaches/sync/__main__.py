"""Runs the synchronous shop: `python -m approaches.sync`, one process of waitress threads.

SIGTERM drains: no new connection is taken, purchases in progress are taken to their answer, those
that arrive on an open connection are answered 503, and the process ends with 0.
"""

import logging
import sys

from approaches.shop import inventory_metrics
from approaches.shop.metrics import Gauge, listen
from approaches.shop.pools import sync_pool
from approaches.shop.server import Server
from approaches.shop.settings import Settings, SettingsError, read_int, read_text, split_bind
from approaches.shop.threaded_gateway import GatewayClient
from approaches.shop.web import Shop
from approaches.sync.checkout import RECONCILE_EVERY_S, Checkout, PaymentSlots, Reconciler
from approaches.sync.periodic import PeriodicThread
from approaches.sync.sync_ledger import SyncLedger

WAITING = Gauge(
    "shop_http_requests_waiting",
    "Requests that wait for a thread of the server",
    multiprocess_mode="livesum",
)


def main() -> int:
    """Serve until SIGTERM; return 0, or 78 if a setting is missing."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    # A full queue is this system's working point under load; one line per request would add
    # nothing.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    try:
        settings = Settings.from_environment("DATABASE_URL", "SECRET_KEY", "GATEWAY_URL")
        threads = read_int("THREADS", 4, high=2000)
        connections = read_int("DATABASE_POOL", 20, high=500)
        metrics_bind = read_text("METRICS_BIND", "0.0.0.0:8001")
        split_bind(metrics_bind)
    except SettingsError as error:
        print(f"sync: {error}", file=sys.stderr)
        return 78
    pool = sync_pool(settings.database_url, size=connections)
    gateway = GatewayClient(
        settings.gateway_url, timeout_s=settings.payment_timeout_s, concurrency=threads
    )
    pool.open()
    ledger = SyncLedger(pool)
    payments = PaymentSlots(gateway, threads)
    checkout = Checkout(ledger, payments)
    shop = Shop(settings, pool, ledger, checkout, "outcome")
    server = Server(shop, settings.bind, threads)
    reconciler = Reconciler(ledger, payments, checkout, threads)

    oversold = inventory_metrics.OversoldCheck()

    def publish_metrics() -> None:
        WAITING.set(server.waiting)
        inventory_metrics.publish(ledger.read_inventory())
        if oversold.is_due():
            with oversold.counting():
                units = ledger.count_oversold()
            inventory_metrics.publish_oversold(units)

    threads_beside = (
        PeriodicThread("reconciling", reconciler.reconcile, every_s=RECONCILE_EVERY_S),
        PeriodicThread("metrics", publish_metrics, every_s=inventory_metrics.INVENTORY_EVERY_S),
    )
    for thread in threads_beside:
        thread.start()
    end_metrics = listen(metrics_bind)
    server.run()
    reconciler.stop()
    for thread in threads_beside:
        thread.stop()
    end_metrics()
    pool.close()
    gateway.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
