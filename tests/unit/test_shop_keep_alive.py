"""The client of the gateway, against a server that does what a server should not."""

import asyncio
import contextlib

import pytest
import uvloop

from approaches.shop.keep_alive import LARGEST_BODY_BYTES, Answer, KeepAliveClient

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Script:
    """A server that answers each request by the next step of its script; None: not at all."""

    def __init__(self, *steps: bytes | None):
        self._steps = list(steps)
        self.requests: list[bytes] = []
        self.connections = 0
        self.closed = asyncio.Event()
        self._serving: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._serving.add(asyncio.current_task())
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.partition(b"Content-Length: ")[2].partition(b"\r")[0]
                self.requests.append(head + await reader.readexactly(int(length or 0)))
                step = self._steps.pop(0)
                if step == b"":
                    break
                if step is not None:
                    writer.write(step)
        self.closed.set()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def end(self) -> None:
        """Wait for what the client has closed."""
        await asyncio.gather(*self._serving)


def play(*steps: bytes | None, connections: int = 2):
    """Decorate `scene(client, script)`: run it on each event loop, against a server."""

    def decorate(scene):
        @pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
        def test(loop):
            async def live():
                script = Script(*steps)
                server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
                port = server.sockets[0].getsockname()[1]
                client = KeepAliveClient(
                    f"http://127.0.0.1:{port}", connections=connections, connect_timeout_s=5
                )
                try:
                    async with asyncio.timeout(20):
                        await scene(client, script)
                finally:
                    await client.close()
                    server.close()
                await script.end()

            with asyncio.Runner(loop_factory=loop) as runner:
                runner.run(live())

        test.__name__ = scene.__name__
        return test

    return decorate


def ask(client: KeepAliveClient, timeout_s: float = 10, **headers: str):
    return client.exchange("POST", "/charges", headers, b"{}", timeout_s)


@play(OK, OK, OK)
async def test_exchanges_follow_each_other_on_one_connection(client, script):
    for _ in range(3):
        assert await ask(client, Key="k") == Answer(200, b"ok")
    assert script.connections == 1
    assert script.requests[0].startswith(b"POST /charges HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nKey: k\r\nContent-Type: application/json\r\n" in script.requests[0]
    assert script.requests[0].endswith(b"\r\n\r\n{}")


@play(OK[:20], OK)
async def test_a_connection_with_an_unfinished_answer_is_never_used_again(client, script):
    with pytest.raises(TimeoutError):
        await ask(client, 0.05)
    await script.closed.wait()
    assert await ask(client) == Answer(200, b"ok")
    assert script.connections == 2


@play(None, OK)
async def test_a_connection_whose_caller_was_cancelled_is_never_used_again(client, script):
    asking = asyncio.create_task(ask(client))
    while not script.requests:
        await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait([asking])
    await script.closed.wait()
    assert await ask(client) == Answer(200, b"ok")
    assert script.connections == 2


@play(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother", OK)
async def test_an_answer_that_nobody_asked_for_answers_nothing(client, script):
    assert await ask(client) == Answer(200, b"ok")
    assert await ask(client) == Answer(200, b"ok")
    assert script.connections == 2


@play(OK.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n"), OK)
async def test_a_server_that_closes_is_believed(client, script):
    assert await ask(client) == Answer(200, b"ok")
    assert await ask(client) == Answer(200, b"ok")
    assert script.connections == 2


@play(b"", b"220 smtp.example.org\r\n", OK)
async def test_what_is_no_answer_is_an_error_and_the_next_one_is_asked_afresh(client, script):
    for _ in range(2):
        with pytest.raises(OSError):  # noqa: PT011 - whichever it is
            await ask(client)
    assert await ask(client) == Answer(200, b"ok")
    assert script.connections == 3


@play(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % 2**40 + b" " * (LARGEST_BODY_BYTES + 1))
async def test_an_answer_without_end_is_cut_off(client, script):
    with pytest.raises(OSError, match="too large"):
        await ask(client)
    await script.closed.wait()


@play(b"HTTP/1.1 102 Processing\r\n\r\n" + OK)
async def test_an_interim_answer_is_not_the_answer(client, script):
    assert await ask(client) == Answer(200, b"ok")


CHUNKED = b"HTTP/1.1 402 No\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n"


@play(CHUNKED, OK)
async def test_an_answer_may_come_in_pieces(client, script):
    assert await ask(client) == Answer(402, b"ab")
    assert await ask(client) == Answer(200, b"ok")
    assert script.connections == 1


@play(None, connections=1)
async def test_who_waits_for_a_connection_waits_no_longer_than_the_limit(client, script):
    first = asyncio.create_task(ask(client))
    while not script.requests:
        await asyncio.sleep(0)
    with pytest.raises(TimeoutError):
        await ask(client, 0.05)
    assert len(script.requests) == 1
    first.cancel()
    await asyncio.wait([first])


@play(OK)
async def test_a_header_with_a_line_break_is_not_sent(client, script):
    with pytest.raises(ValueError, match="a value of Key"):
        await ask(client, Key="k\r\nOther: header")
    assert script.requests == []
