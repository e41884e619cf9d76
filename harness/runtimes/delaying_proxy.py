"""A TCP proxy that hands every answer on a fixed time later: a difference of known size.

Requests pass at once. Each piece of an answer leaves the delay after it came, in order and
independently of those before it: answers are delayed, not queued behind each other, so the delay
costs latency and no throughput. With a delay of 0 the same code runs, so whoever is compared with
whom, both pay what the proxy itself costs.

Words: where it listens and what it passes on to (``host:port`` each), the delay in ms.
"""

import asyncio
import selectors
import signal
import sys
from contextlib import suppress
from functools import partial

MOST_CONNECTIONS = 450
"""select(2) ends at 1,024 open files, and a connection takes two."""

_PIECE_BYTES = 65_536
_PIECES_WAITING = 256
"""Per connection; who sends more without being read has to wait."""

_Piece = tuple[float, bytes]
"""When a piece of an answer is due (loop time, in s), and the piece; empty at the end."""


async def serve(bind: str, upstream: str, delay_s: float) -> None:
    """Forward connections to `bind` (``host:port``) until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    host, port = _address(bind)
    handle = partial(forward, upstream=upstream, delay_s=delay_s)
    server = await asyncio.start_server(handle, host, port, backlog=1024)
    await stop.wait()
    server.close()


async def forward(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, upstream: str, delay_s: float
) -> None:
    """Forward one connection until the server has closed it, or the client has gone."""
    try:
        answers, requests = await asyncio.open_connection(*_address(upstream))
    except OSError:
        writer.close()
        return
    forth = asyncio.create_task(_pass_on(reader, requests))
    try:
        await delay(answers, writer, delay_s)
    except ConnectionError:
        pass  # one of the two has gone; the other learns it by the closing below
    finally:
        forth.cancel()
        requests.close()
        writer.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hand on what comes, as it comes, and that no more will come."""
    with suppress(OSError):
        while piece := await reader.read(_PIECE_BYTES):
            writer.write(piece)
            await writer.drain()
        writer.write_eof()


async def delay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float) -> None:
    """Hand on what comes, `delay_s` later."""
    pieces: asyncio.Queue[_Piece] = asyncio.Queue(_PIECES_WAITING)
    reading = asyncio.create_task(_stamp(reader, pieces, delay_s))
    now = asyncio.get_running_loop().time
    try:
        while True:
            due_s, piece = await pieces.get()
            if (wait_s := due_s - now()) > 0:
                await asyncio.sleep(wait_s)
            if not piece:
                return
            writer.write(piece)
            await writer.drain()
    finally:
        reading.cancel()


async def _stamp(
    reader: asyncio.StreamReader, pieces: "asyncio.Queue[_Piece]", delay_s: float
) -> None:
    """Note of each piece when it is due; the end of the answers is the last one, and empty."""
    now = asyncio.get_running_loop().time
    while True:
        try:
            piece = await reader.read(_PIECE_BYTES)
        except ConnectionError:
            piece = b""
        await pieces.put((now() + delay_s, piece))
        if not piece:
            return


def punctual_loop() -> asyncio.AbstractEventLoop:
    """Return an event loop that keeps time to microseconds: epoll(2) rounds up to milliseconds."""
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def main(bind: str, upstream: str, delay_ms: str) -> None:
    """Serve as the words say."""
    with asyncio.Runner(loop_factory=punctual_loop) as runner:
        runner.run(serve(bind, upstream, float(delay_ms) / 1000))


if __name__ == "__main__":
    main(*sys.argv[1:])
