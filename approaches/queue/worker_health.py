"""/healthz, /readyz and /metrics of a worker: a few lines of HTTP on a socket its processes share.

A worker has no use for a web framework, and thirty-six of them would pay for its memory.
"""

import asyncio
import socket
from collections.abc import Callable

from approaches.shop.metrics import CONTENT_TYPE_LATEST, render

_REQUEST_TIMEOUT_S = 5.0


async def serve_health(listener: socket.socket, is_ready: Callable[[], bool]) -> asyncio.Server:
    """Start answering GET requests on `listener`; the caller closes the server."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_REQUEST_TIMEOUT_S):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_response(head, is_ready))
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the prober has gone
        finally:
            writer.close()

    return await asyncio.start_server(answer, sock=listener)


def _response(head: bytes, is_ready: Callable[[], bool]) -> bytes:
    method, path, *_ = [*head.split(b"\r\n", 1)[0].split(b" "), b"", b""]
    status, kind, body = b"404 Not Found", b"text/plain", b"not found\n"
    if path == b"/healthz":
        status, body = b"200 OK", b"ok\n"
    elif path == b"/readyz" and is_ready():
        status, body = b"200 OK", b"ready\n"
    elif path == b"/readyz":
        status, body = b"503 Service Unavailable", b"not ready\n"
    elif path == b"/metrics":
        status, kind, body = b"200 OK", CONTENT_TYPE_LATEST.encode(), render()
    return (
        b"HTTP/1.1 %b\r\nContent-Type: %b\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b"
        % (
            status,
            kind,
            len(body),
            b"" if method == b"HEAD" else body,
        )
    )
