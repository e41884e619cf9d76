"""Runs the synchronous shop: `python -m approaches.sync`, one process of waitress threads.

SIGTERM drains: purchases in progress are taken to their answer, new ones are told 503, and the
process ends with 0.
"""

import logging
import signal
import sys
import time
from typing import Any

from waitress import wasyncore
from waitress.server import create_server

from approaches.shop.accounts import Accounts, Hasher, Tokens
from approaches.shop.database import sync_pool
from approaches.shop.payments import GatewayClient
from approaches.shop.settings import Settings, SettingsError, read_int, split_bind
from approaches.sync.checkout import Checkout, PaymentSlots, Reconciler
from approaches.sync.ledger import Ledger
from approaches.sync.web import Shop, create_app

# Longer than the slowest payment may take to be settled.
DRAIN_LIMIT_S = 25.0


class _Server:
    """waitress with a loop that can be left: its own `run` cuts requests short after 5 seconds."""

    def __init__(self, shop: Shop, bind: str, threads: int) -> None:
        host, port = split_bind(bind)
        self._shop = shop
        self._sockets: dict[int, Any] = {}
        self._server = create_server(
            create_app(shop),
            map=self._sockets,
            host=host,
            port=port,
            threads=threads,
            connection_limit=2000,
            asyncore_use_poll=True,
            backlog=2048,
            # Reads on while a request waits, and so notices a client that hangs up: waitress does
            # not start the request then.
            channel_request_lookahead=1,
            ident=None,
        )
        self._leave_at_s = 0.0

    def run(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._begin_to_drain)
        while not self._shop.draining or (self._is_busy() and time.monotonic() < self._leave_at_s):
            wasyncore.loop(timeout=0.5, use_poll=True, map=self._sockets, count=1)
        self._server.task_dispatcher.shutdown(timeout=1)
        self._server.close()

    def _begin_to_drain(self, *_: object) -> None:
        self._shop.draining = True
        self._leave_at_s = time.monotonic() + DRAIN_LIMIT_S

    def _is_busy(self) -> bool:
        # A purchase whose client has hung up has no channel any more, and is still in hand.
        channels = list(self._server.active_channels.values())
        return self._shop.checkout.is_busy() or any(
            channel.requests or channel.total_outbufs_len for channel in channels
        )


def main() -> int:
    """Serve until SIGTERM; return 0, or 78 if a setting is missing."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    # A full queue is this system's working point under load; one line per request would not tell
    # more.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    try:
        settings = Settings.from_environment("DATABASE_URL", "SECRET_KEY", "GATEWAY_URL")
        threads = read_int("THREADS", 4, high=2000)
        connections = read_int("DATABASE_POOL", 20, high=500)
    except SettingsError as error:
        print(f"sync: {error}", file=sys.stderr)
        return 78
    pool = sync_pool(settings.database_url, size=connections)
    gateway = GatewayClient(
        settings.gateway_url, timeout_s=settings.payment_timeout_s, concurrency=threads
    )
    pool.open()
    tokens = Tokens(settings.secret_key, settings.token_ttl_s)
    ledger = Ledger(pool)
    payments = PaymentSlots(gateway, threads)
    checkout = Checkout(ledger, payments)
    accounts = Accounts(pool, Hasher(settings.hash_threads), tokens)
    shop = Shop(accounts, tokens, ledger, checkout)
    server = _Server(shop, settings.bind, threads)
    reconciler = Reconciler(ledger, payments, checkout, threads)
    reconciler.start()
    server.run()
    reconciler.stop()
    pool.close()
    gateway.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
