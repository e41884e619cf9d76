"""A TCP proxy before Redis that stops forwarding without closing: a network that drops packets."""

import contextlib
import socket
import threading
from collections.abc import Callable


class FreezingProxy:
    """Forwards to a port of this machine until it is told to freeze.

    A frozen connection takes what it is sent and passes nothing on, in either direction; what was
    sent meanwhile is lost, also when it thaws.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: set[socket.socket] = set()
        self._sent_by: dict[socket.socket, bytes] = {}
        self._frozen: set[socket.socket] = set()
        self._all_frozen = False
        self._threads: list[threading.Thread] = []
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"

    def freeze(self, having_sent: bytes | None = None) -> None:
        """Freeze the connections whose clients have sent these bytes, or all, new ones included."""
        if having_sent is None:
            self._all_frozen = True
            return
        for client, sent in list(self._sent_by.items()):
            if having_sent in sent:
                self._frozen.add(client)

    def thaw(self) -> None:
        """Forward what is sent from now on."""
        self._all_frozen = False
        self._frozen.clear()

    def __enter__(self) -> "FreezingProxy":
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for one in (self._listener, *self._sockets):
            one.close()

    def _start(self, work: Callable[..., None], *words: socket.socket) -> None:
        thread = threading.Thread(target=work, args=words)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._port))
                self._sockets |= {client, server}
                self._sent_by[client] = b""
                for source, target in ((client, server), (server, client)):
                    self._start(self._forward, client, source, target)

    def _forward(self, client: socket.socket, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if source is client:
                    self._sent_by[client] += data
                if not self._all_frozen and client not in self._frozen:
                    target.sendall(data)
            target.shutdown(socket.SHUT_WR)
