"""A TCP proxy that stops forwarding without closing, as a network that drops packets does."""

import contextlib
import socket
import threading


class _Link:
    """One proxied connection; while it is frozen, what arrives stays where it is."""

    def __init__(self, client: socket.socket, server: socket.socket):
        self.flows = threading.Event()
        self.flows.set()
        self.sent = b""
        self._ends = (client, server)

    def start(self) -> None:
        """Begin to forward."""
        for source, sink in (self._ends, self._ends[::-1]):
            threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if source is self._ends[0]:
                    self.sent += data
                self.flows.wait()
                sink.sendall(data)
            self.flows.wait()
            sink.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self.flows.set()


class FreezingProxy:
    """Forwards to a port of this machine, until told not to; use it as a context."""

    def __init__(self, port: int):
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._links: list[_Link] = []
        self._takes_new = True
        self._lock = threading.Lock()
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            link = _Link(client, socket.create_connection(self._target))
            with self._lock:
                if not self._takes_new:
                    link.flows.clear()
                self._links.append(link)
            link.start()  # not before it can be frozen: this thread may be stopped here for long

    def freeze(self, having_sent: bytes = b"", *, new_ones: bool = False) -> None:
        """Forward nothing more of the connections whose clients have sent this, or of all.

        Connections that are made later are forwarded, unless `new_ones` are frozen, too.
        """
        with self._lock:
            self._takes_new = not new_ones
            for link in self._links:
                if having_sent in link.sent:
                    link.flows.clear()

    def take_new(self) -> None:
        """Forward connections that are made from now on; those that are frozen stay so."""
        with self._lock:
            self._takes_new = True

    def __enter__(self) -> "FreezingProxy":
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # closing alone does not end its accept()
        self._accepting.join()
        self._listener.close()
        for link in self._links:
            link.close()
