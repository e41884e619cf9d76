"""The server of a shop of threads: waitress, drained by SIGTERM; time in its queue counts.

With few threads and slow payments most of a purchase's time is spent in waitress' queue, before any
code of the shop runs. So the clock of a request starts when it arrives, and a purchase whose client
hangs up in the queue, which waitress then does not begin, is counted.
"""

import signal
import time
from typing import Any

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import create_server
from waitress.task import WSGITask

from approaches.shop.listening import allow_open_files, has_waiting, refuse_new
from approaches.shop.order_metrics import PURCHASES_ABANDONED
from approaches.shop.parsing import Refusal, Request
from approaches.shop.settings import split_bind
from approaches.shop.web import IDEMPOTENCY_KEYS, WAITED_S, Shop, create_app

# Longer than the slowest payment may take to be settled.
DRAIN_LIMIT_S = 25.0
# Longer than the last step of a handshake takes.
HANDSHAKE_S = 0.1


class _Task(WSGITask):  # type: ignore[misc] # waitress has no types
    """Tells the application how long its request has waited, and which keys it has."""

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ.setdefault(WAITED_S, time.monotonic() - self.request.arrived_s)
        environ[IDEMPOTENCY_KEYS] = self.request.idempotency_keys
        return environ

    def build_response_header(self) -> bytes:
        if not self.channel.server.accepting:  # the process is about to end
            self.request.headers["CONNECTION"] = "close"
        header: bytes = super().build_response_header()
        return header


class _Channel(HTTPChannel):  # type: ignore[misc] # waitress has no types
    """A connection that counts the purchases it drops because its client has gone."""

    parser_class = Request
    task_class = _Task
    error_task_class = Refusal

    def service(self) -> None:
        if not self.connected:
            PURCHASES_ABANDONED.inc(sum(_is_purchase(one) for one in self.requests))
        super().service()


def _is_purchase(request: Request) -> bool:
    return not request.error and (request.command, request.path) == ("POST", "/orders")


class Server:
    """waitress with a loop that can be left: its own `run` cuts requests short after 5 seconds.

    `run` returns once drained after SIGTERM.
    """

    def __init__(self, shop: Shop, bind: str, threads: int) -> None:
        allow_open_files()
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
        self._server.channel_class = _Channel

    @property
    def waiting(self) -> int:
        """Requests that wait for a thread."""
        return len(self._server.task_dispatcher.queue)

    def run(self) -> None:
        """Serve until SIGTERM; take what is in hand to its answer, within DRAIN_LIMIT_S."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._begin_to_drain)
        while not self._shop.draining:
            self._turn(0.5)
        begun_s = time.monotonic()
        refuse_new(self._server.socket)
        while time.monotonic() < begun_s + HANDSHAKE_S or has_waiting(self._server.socket):
            self._turn(HANDSHAKE_S)
        wasyncore.dispatcher.close(self._server)  # of the listening socket alone
        while self._is_busy() and time.monotonic() < begun_s + DRAIN_LIMIT_S:
            self._turn(0.5)
        self._server.task_dispatcher.shutdown(timeout=1)
        self._server.trigger.close()

    def _turn(self, timeout_s: float) -> None:
        wasyncore.loop(timeout=timeout_s, use_poll=True, map=self._sockets, count=1)

    def _begin_to_drain(self, *_: object) -> None:
        self._shop.draining = True

    def _is_busy(self) -> bool:
        # A purchase whose client has hung up has no channel any more, and is still in hand.
        channels = list(self._server.active_channels.values())
        return self._shop.checkout.is_busy() or any(
            channel.requests or channel.total_outbufs_len for channel in channels
        )
