"""A thread that takes stock (shop/stocktaking.py), and counts who waits for a thread."""

import logging
import threading

from approaches.shop import stocktaking
from approaches.shop.database import STORE_ERRORS
from approaches.shop.metrics import Gauge
from approaches.shop.server import Server
from approaches.sync.ledger import Ledger

_WAITING = Gauge(
    "shop_http_requests_waiting",
    "Requests that wait for a thread of the server",
    multiprocess_mode="livesum",
)

log = logging.getLogger(__name__)


class Stocktaker:
    """Publishes the numbers of this process' shop every few seconds."""

    def __init__(self, ledger: Ledger, server: Server) -> None:
        self._ledger = ledger
        self._server = server
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stocktaker", daemon=True)

    def start(self) -> None:
        """Take stock at once, then again and again."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more stock; what is under way is not waited for."""
        self._stopped.set()

    def _run(self) -> None:
        while True:
            _WAITING.set(self._server.waiting)
            try:
                stocktaking.publish(self._ledger.take_stock())
            except STORE_ERRORS as error:
                log.warning("no stocktaking: %s", error)
            except Exception:  # a thread that dies would let every number grow old
                log.exception("no stocktaking")
            if self._stopped.wait(stocktaking.TAKE_STOCK_EVERY_S):
                return
