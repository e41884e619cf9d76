"""A shop that answers at once and does nothing: what is measured there is the generator itself.

It speaks the contract as far as a buyer does: accounts, the product, purchases (confirmed in the
answer, so nothing has to be watched) and orders. `null_shop` starts it in a process of its own.
"""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import psutil
import uvicorn

from harness.errors import InfrastructureError
from harness.host import child_processes

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]

_ORDER = {
    "order_id": "00000000-0000-4000-8000-000000000000",
    "status": "confirmed",
    "version": 3,
}
_ANSWERS: Mapping[str, tuple[int, Mapping[str, object]]] = {
    "POST /auth/register": (201, {"user_id": 1}),
    "POST /auth/login": (200, {"token": "null"}),
    "GET /products": (200, {"id": 1, "stock": 1}),
    "POST /orders": (201, _ORDER),
    "GET /orders": (200, _ORDER),
}
_NOT_FOUND: tuple[int, Mapping[str, object]] = (404, {"code": "not_found"})
_READY_LIMIT_S = 20.0
_STOP_LIMIT_S = 5.0
_BACKLOG = 4096


async def answer(scope: Mapping[str, Any], receive: _Receive, send: _Send) -> None:
    """Answer one request, once all of it has come (an ASGI application)."""
    while (await receive()).get("more_body"):
        pass
    status, body = _ANSWERS.get(_route(scope["method"], scope["path"]), _NOT_FOUND)
    content = json.dumps(body).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def _route(method: str, path: str) -> str:
    """Return method and path, without the number of a product or order."""
    collection = path.split("/")[1]
    return f"{method} /{collection}" if collection in ("products", "orders") else f"{method} {path}"


@dataclass(frozen=True, slots=True)
class NullShop:
    """The shop, and what it costs."""

    address: str
    process: psutil.Process

    def cpu_s(self) -> float:
        """Return the CPU seconds that it has used."""
        used = self.process.cpu_times()
        return float(used.user + used.system)


@contextmanager
def null_shop() -> Iterator[NullShop]:
    """Serve the shop at a free port of the loopback (InfrastructureError: it does not answer)."""
    with socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG) as listening:
        address = "http://{}:{}".format(*listening.getsockname())
        process = subprocess.Popen(
            [sys.executable, "-m", "harness.selftest.null_shop", str(listening.fileno())],
            pass_fds=[listening.fileno()],
            stdin=subprocess.PIPE,  # its end is the end of the shop, however this process ends
            start_new_session=True,
        )
    try:
        _wait_ready(address)
        yield NullShop(address, psutil.Process(process.pid))
    finally:
        _stop(process)


def _wait_ready(address: str) -> None:
    """Wait until it answers: connections queue at the socket while the shop is starting."""
    try:
        httpx.get(f"{address}/products/1", timeout=_READY_LIMIT_S).raise_for_status()
    except httpx.HTTPError as error:
        raise InfrastructureError(
            f"the null shop of the self-test does not answer: {error!r}", "see what it printed"
        ) from error


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.stdin is not None:
        process.stdin.close()
    if child_processes.wait(process, _STOP_LIMIT_S) is None:
        process.kill()
    process.wait()


def main(descriptor: int) -> None:
    """Serve at a socket that listens already, until the standard input ends."""
    config = uvicorn.Config(answer, lifespan="off", log_level="warning", backlog=_BACKLOG)
    server = uvicorn.Server(config)

    def stop_at_the_end() -> None:
        while os.read(sys.stdin.fileno(), 1):
            pass
        server.force_exit = server.should_exit = True

    threading.Thread(target=stop_at_the_end, daemon=True).start()
    server.run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    main(int(sys.argv[1]))
