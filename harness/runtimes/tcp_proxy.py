"""A TCP proxy whose connections can be frozen: they stop without being closed.

    python tcp_proxy.py LISTEN_HOST:PORT TARGET_HOST:PORT
    python tcp_proxy.py --is-up HOST:PORT

SIGUSR1 freezes it: nothing is forwarded any more, in either direction, and nothing is closed; new
connections are accepted, and stay without an answer. SIGUSR2 lets connections through that come
from then on. Those that were frozen stay so for good, to either side of them, as when a middlebox
has forgotten them and drops their packets: neither end learns of it, and only a deadline of its own
helps. The kernel goes on confirming what is sent, and keepalives, so neither ``TCP_USER_TIMEOUT``
nor a keepalive ends a frozen connection here, as they would where packets are dropped: it is the
harder case.

It runs beside the services, under their Python or in their image: the standard library is all it
has.
"""

import asyncio
import signal
import socket
import sys

_BACKLOG = 1024


class _Side(asyncio.Protocol):
    """One side of a connection; what it receives is sent to its peer."""

    def __init__(self) -> None:
        self.peer: _Side | None = None
        self.transport: asyncio.Transport | None = None
        self.is_frozen = False
        self.early = bytearray()
        """What came before there was a peer: a client may speak first."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP has no other
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.is_frozen:
            return
        if self.peer is None or self.peer.transport is None:
            self.early += data
        else:
            self.peer.transport.write(data)

    def send(self, data: bytes | bytearray) -> None:
        """Send what came early."""
        if self.transport is not None and data:
            self.transport.write(bytes(data))

    def pause_writing(self) -> None:
        if self.peer is not None:
            self.peer.set_reading(False)

    def resume_writing(self) -> None:
        if self.peer is not None:
            self.peer.set_reading(True)

    def set_reading(self, wanted: bool) -> None:
        """Read on, or stop reading; what is frozen never reads again."""
        if self.transport is None or self.transport.is_closing():
            return
        if wanted and not self.is_frozen:
            self.transport.resume_reading()
        elif not wanted:
            self.transport.pause_reading()

    def freeze(self) -> None:
        """Neither read nor close any more."""
        self.is_frozen = True
        self.set_reading(False)

    def connection_lost(self, _: Exception | None) -> None:
        if self.peer is not None and not self.is_frozen:
            self.peer.close()

    def close(self) -> None:
        """Close after what is still to be sent."""
        if self.transport is not None:
            self.transport.close()


class _Client(_Side):
    """The side of whoever connects."""

    def __init__(self, proxy: "Proxy") -> None:
        super().__init__()
        self._proxy = proxy

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._proxy.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._proxy.remove(self)


class Proxy:
    """All connections to one target."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._is_frozen = False
        self._live: set[_Client] = set()
        self._frozen: list[_Client] = []
        self._connecting: set[asyncio.Task[None]] = set()

    def add(self, client: _Client) -> None:
        """Connect a new client to the target; while the proxy is frozen, only keep it."""
        if self._is_frozen:
            self._keep(client)
            return
        self._live.add(client)
        task = asyncio.get_running_loop().create_task(self._connect(client))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    def remove(self, client: _Client) -> None:
        """Forget a client that has closed its connection."""
        self._live.discard(client)

    async def _connect(self, client: _Client) -> None:
        server = _Side()
        try:
            await asyncio.get_running_loop().create_connection(lambda: server, *self._target)
        except OSError:
            if not client.is_frozen:
                client.close()
            return
        client.peer, server.peer = server, client
        if client.is_frozen:
            server.freeze()
        elif client not in self._live:
            server.close()
        else:
            server.send(client.early)

    def freeze(self) -> None:
        """Freeze every connection there is, and those that come."""
        self._is_frozen = True
        for client in self._live:
            self._keep(client)
        self._live.clear()
        print("frozen", flush=True)

    def _keep(self, client: _Client) -> None:
        """Freeze a client and its peer, and hold them: the loop forgets whom it does not read."""
        client.freeze()
        if client.peer is not None:
            client.peer.freeze()
        self._frozen.append(client)

    def thaw(self) -> None:
        """Forward what comes over new connections."""
        self._is_frozen = False
        print(f"forwarding again; {len(self._frozen)} connections stay frozen", flush=True)


async def _serve(listen: tuple[str, int], target: tuple[str, int]) -> None:
    loop = asyncio.get_running_loop()
    proxy = Proxy(target)
    loop.add_signal_handler(signal.SIGUSR1, proxy.freeze)
    loop.add_signal_handler(signal.SIGUSR2, proxy.thaw)
    server = await loop.create_server(lambda: _Client(proxy), *listen, backlog=_BACKLOG)
    print(f"forwarding from {listen[0]}:{listen[1]} to {target[0]}:{target[1]}", flush=True)
    await server.serve_forever()


def _is_up(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=1).close()
    except OSError:
        return False
    return True


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


if __name__ == "__main__":
    if sys.argv[1] == "--is-up":
        sys.exit(0 if _is_up(_address(sys.argv[2])) else 1)
    asyncio.run(_serve(_address(sys.argv[1]), _address(sys.argv[2])))
