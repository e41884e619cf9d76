"""Clients that each open a connection of their own, ask once, and come again: who stops them?"""

import contextlib
import socket
import threading
import time
from collections import Counter

import httpx


class Newcomers:
    """Asks for /healthz over new connections from several threads, and counts what came of it.

    "refused" is good manners: nothing was sent, so anybody may ask elsewhere. A connection that was
    made and then reset may have carried a purchase.
    """

    def __init__(self, url: str, threads: int = 12) -> None:
        parsed = httpx.URL(url)
        self._address = (parsed.host, parsed.port)
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]
        self.met: Counter[str] = Counter()

    def __enter__(self) -> "Newcomers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, what: str, times: int, *, within_s: float = 60) -> None:
        """Wait until this has been met so often."""
        deadline = time.monotonic() + within_s
        while self.met[what] < times:
            assert time.monotonic() < deadline, f"{what}: {self.met}"
            time.sleep(0.02)

    def _run(self) -> None:
        while not self._over.is_set():
            self.met[self._ask()] += 1

    def _ask(self) -> str:
        try:
            connection = socket.create_connection(self._address, timeout=30)
        except ConnectionRefusedError:
            self._over.wait(0.05)
            return "refused"
        with contextlib.closing(connection):
            try:
                connection.sendall(
                    b"GET /healthz HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n"
                )
                received = b""
                while data := connection.recv(65536):
                    received += data
            except OSError as error:
                return type(error).__name__
            return received.split(b" ", 2)[1].decode() if received else "closed"
