"""Answers that leave in one write: nothing is lost, reordered or left behind."""

import asyncio

import pytest
import uvicorn
import uvloop
from uvicorn.server import ServerState

from approaches.shop import corked
from approaches.shop.corked import CorkedProtocol

PARTS = [b"x" * 100_000 for _ in range(40)]


async def app(scope, receive, send):
    """Answer with the path, or, under /long, in many parts."""
    long = scope["path"] == "/long"
    body = PARTS if long else [scope["path"].encode()]
    length = b"%d" % sum(map(len, body))
    headers = [(b"content-length", length)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for part in body:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request):
    return request.param


@pytest.fixture
def writes(monkeypatch):
    """How often something is written to a socket."""
    seen = []
    send = corked._Corked._send

    def counting(self):
        if self._held:
            seen.append(sum(map(len, self._held)))
        send(self)

    monkeypatch.setattr(corked._Corked, "_send", counting)
    return seen


async def ask(words):
    """Serve one connection that sends these words; return all that comes back until its end."""
    config = uvicorn.Config(app, http=CorkedProtocol, ws="none", lifespan="off", access_log=False)
    config.load()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: CorkedProtocol(config, ServerState(), {}), "127.0.0.1", 0
    )
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(words)
    received = await reader.read()
    writer.close()
    await writer.wait_closed()
    server.close()
    return received


def get(path, *more):
    return b"\r\n".join([b"GET %b HTTP/1.1" % path, b"Host: shop", *more, b"", b""])


def test_head_and_body_of_an_answer_are_one_write(run, writes):
    received = run(ask(get(b"/a", b"Connection: close")))
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert received.endswith(b"\r\n\r\n/a")
    assert writes == [len(received)]


def test_requests_sent_ahead_are_answered_in_their_order(run):
    received = run(ask(get(b"/a") + get(b"/b") + get(b"/c", b"Connection: close")))
    bodies = [part.partition(b"\r\n\r\n")[2] for part in received.split(b"HTTP/1.1 200 OK")[1:]]
    assert bodies == [b"/a", b"/b", b"/c"]


def test_a_long_answer_arrives_whole_before_its_connection_ends(run):
    received = run(ask(get(b"/long", b"Connection: close")))
    assert received.partition(b"\r\n\r\n")[2] == b"".join(PARTS)


def test_what_no_parser_takes_is_refused_before_the_connection_ends(run):
    received = run(ask(b"no request at all\r\n\r\n"))
    assert received.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert received.endswith(b"Invalid HTTP request received.")


def test_nothing_is_written_to_a_client_that_has_gone():
    written = []

    class Gone(asyncio.Transport):
        def is_closing(self):
            return True

        def write(self, data):
            written.append(data)

    async def step():
        transport = corked._Corked(Gone(), asyncio.get_running_loop().call_soon)
        transport.write(b"too late")
        await asyncio.sleep(0)

    asyncio.run(step())
    assert written == []
