"""A server that says, byte for byte, what a test wants it to say, and keeps what it was asked."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Script = Callable[[socket.socket, int], None]
"""What to do on a connection that has just sent a request, which is the n-th one from 0 of all."""


@dataclass
class ScriptedServer:
    """Its address, and what it was asked: one list of requests per connection."""

    address: str = ""
    connections: list[list[bytes]] = field(default_factory=list)

    @property
    def requests(self) -> list[bytes]:
        return [request for requests in self.connections for request in requests]


@contextmanager
def serve(script: Script) -> Iterator[ScriptedServer]:
    """Run a script on each connection, one connection after the other, in a thread."""
    server = ScriptedServer()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server.address = "http://{}:{}".format(*listening.getsockname())
        thread = threading.Thread(target=_accept, args=(listening, server, script))
        thread.start()
        try:
            yield server
        finally:
            # Closing does not end an accept that waits in another thread.
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def _accept(listening: socket.socket, server: ScriptedServer, script: Script) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listening.accept()
            server.connections.append([])
            with connection, suppress(OSError):
                while request := _read_request(connection):
                    number = len(server.requests)
                    server.connections[-1].append(request)
                    script(connection, number)


def _read_request(connection: socket.socket) -> bytes:
    received = bytearray()
    while not (end := received.find(b"\r\n\r\n") + 4) > 3:
        if not (part := connection.recv(65_536)):
            return b""
        received += part
    length = 0
    for line in received[:end].lower().split(b"\r\n"):
        if line.startswith(b"content-length: "):
            length = int(line.partition(b" ")[2])
    while len(received) < end + length:
        received += connection.recv(65_536)
    return bytes(received)
