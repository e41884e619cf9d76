"""The connection to Redis that a process shares: whose answer is whose, and what a loss means."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest
import redis
import uvloop
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import ExecAbortError, ResponseError

from approaches.queue import multiplexed
from approaches.queue.multiplexed import Multiplexed, Script
from tests.support.freezing_proxy import FreezingProxy
from tests.support.store_servers import free_port

pytestmark = pytest.mark.integration

ECHO = Script.of("redis.call('INCR', KEYS[1]) return ARGV[1]")


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request):
    return request.param


@pytest.fixture
def client(valkey):
    with redis.Redis.from_url(valkey.url, decode_responses=True) as client:
        client.flushall()
        yield client


def using(url, step, *, timeout_s=5.0):
    """Return a coroutine that runs `step(shared)` and closes the connection."""

    async def live():
        shared = Multiplexed(url, timeout_s=timeout_s)
        try:
            return await step(shared)
        finally:
            await shared.close()

    return live()


def test_commands_of_many_share_a_connection_and_each_gets_its_own_answer(run, client, valkey):
    async def step(shared):
        return await asyncio.gather(*(shared.call("ECHO", f"n{one}") for one in range(500)))

    before = client.info("stats")["total_connections_received"]
    assert run(using(valkey.url, step)) == [f"n{one}" for one in range(500)]
    assert client.info("stats")["total_connections_received"] == before + 1


def test_whoever_gives_up_waiting_does_not_shift_the_answers_of_others(run, client, valkey):
    async def step(shared):
        await shared.call("PING")
        asked = [asyncio.create_task(shared.call("ECHO", f"n{one}")) for one in range(6)]
        await asyncio.sleep(0)  # all are sent
        for one in asked[::2]:
            one.cancel()
        return await asyncio.gather(*asked, return_exceptions=True)

    answers = run(using(valkey.url, step))
    assert answers[1::2] == ["n1", "n3", "n5"]
    assert all(isinstance(one, asyncio.CancelledError) for one in answers[::2])


def test_an_error_is_the_answer_to_its_command_alone(run, client, valkey):
    client.set("text", "x")

    async def step(shared):
        return await asyncio.gather(
            shared.call("GET", "text"),
            shared.call("HGETALL", "text"),
            shared.call("GET", "nothing"),
            return_exceptions=True,
        )

    text, error, nothing = run(using(valkey.url, step))
    assert (text, nothing) == ("x", None)
    assert isinstance(error, ResponseError)
    assert str(error).startswith("WRONGTYPE")


def test_a_script_that_redis_does_not_know_runs_once(run, client, valkey):
    client.script_flush()

    async def step(shared):
        return [await shared.run(ECHO, ["ran"], [one]) for one in ("a", "b")]

    assert run(using(valkey.url, step)) == ["a", "b"]
    assert client.get("ran") == "2"


def test_a_transaction_is_carried_out_together_or_not_at_all(run, client, valkey):
    client.set("text", "x")

    async def step(shared):
        done = await shared.transaction(("SET", "a", "1"), ("GET", "a"))
        with pytest.raises(ResponseError, match="WRONGTYPE"):
            await shared.transaction(("GET", "a"), ("HGETALL", "text"))
        with pytest.raises(ExecAbortError):
            await shared.transaction(("SET", "a", "2"), ("NO-SUCH-COMMAND",))
        return done, await shared.call("GET", "a")

    assert run(using(valkey.url, step)) == (["OK", "1"], "1")


def test_user_password_and_database_of_the_address_are_used(run, client, valkey):
    client.acl_setuser("buyer", enabled=True, passwords=["+p w"], keys="*", commands=["+@all"])
    address = valkey.url.removeprefix("redis://").replace("/0", "/3")
    try:

        async def write(shared):
            await shared.call("SET", "here", "1")

        run(using(f"redis://buyer:p%20w@{address}", write))
        with pytest.raises(LostConnection, match="AuthenticationError"):
            run(using(f"redis://buyer:other@{address}", write))
    finally:
        client.acl_deluser("buyer")
    assert client.get("here") is None
    with redis.Redis.from_url(f"redis://{address}") as third:
        assert third.get("here") == b"1"


def test_a_frozen_connection_is_dropped_with_all_in_flight_and_the_next_one_works(
    run, client, valkey
):
    async def step(shared):
        await shared.call("SET", "n", "0")
        proxy.freeze()
        failed = await asyncio.gather(
            *(shared.call("INCR", "n") for _ in range(5)), return_exceptions=True
        )
        return failed, await shared.call("INCR", "n")

    with FreezingProxy(valkey.port) as proxy:
        url = f"redis://127.0.0.1:{proxy.port}/0"
        failed, number = run(using(url, step, timeout_s=0.3))
    assert [type(one) for one in failed] == [LostConnection] * 5
    assert number == 1  # what was in flight did not arrive, and was not sent again


def test_a_process_that_was_busy_reads_the_answer_that_has_arrived(run, client, valkey):
    async def step(shared):
        await shared.call("PING")
        asked = asyncio.create_task(shared.call("ECHO", "here"))
        await asyncio.sleep(0)  # it is sent
        time.sleep(0.5)  # one turn of the loop lasts longer than the limit
        return await asked

    assert run(using(valkey.url, step, timeout_s=0.2)) == "here"


def test_a_store_that_accepts_connections_and_does_not_answer_is_no_store(
    run, client, valkey, monkeypatch
):
    monkeypatch.setattr(multiplexed, "CONNECT_WITHIN_S", 0.3)

    async def step(shared):
        failed = await asyncio.gather(
            *(shared.call("PING") for _ in range(3)), return_exceptions=True
        )
        proxy.take_new()
        return failed, await shared.call("PING")

    with FreezingProxy(valkey.port) as proxy:
        proxy.freeze(new_ones=True)
        failed, answer = run(using(f"redis://127.0.0.1:{proxy.port}/0", step, timeout_s=2.0))
    assert [type(one) for one in failed] == [LostConnection] * 3
    assert answer == "PONG"


class Listening:
    """A server that answers as a test says, and remembers what it received."""

    def __init__(self, answer):
        self._answer = answer
        self._serving = set()
        self.connections = 0
        self.received = b""

    async def _serve(self, reader, writer):
        self._serving.add(asyncio.current_task())
        self.connections += 1
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                self.received += data
                answer = self._answer(data)
                if answer is None:
                    break
                writer.write(answer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    @contextlib.asynccontextmanager
    async def at(self, port: int) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        try:
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.close()
            await asyncio.gather(*self._serving)


@pytest.mark.parametrize(
    "answer", [None, b"HTTP/1.1 400 Bad Request\r\n\r\n", b"$3\r\n\xff\xfe\xfd\r\n"],
    ids=["closed", "no answer of Redis", "no text"],
)  # fmt: skip
def test_what_was_in_flight_when_the_connection_went_fails_and_is_not_sent_again(run, answer):
    server = Listening(lambda data: b"+OK\r\n" if b"SELECT" in data else answer)

    async def step():
        async with server.at(free_port()) as url:
            shared = Multiplexed(url, timeout_s=5)
            asked = [shared.call("INCR", one) for one in ("a", "b")]
            failed = await asyncio.gather(*asked, return_exceptions=True)
            await shared.close()
            return failed

    assert [type(one) for one in run(step())] == [LostConnection] * 2
    assert server.received.count(b"INCR") == 2
    assert server.connections == 1


def test_an_answer_that_nobody_asked_for_ends_the_connection(run):
    server = Listening(lambda data: b"+OK\r\n" if b"SELECT" in data else b"+PONG\r\n+MORE\r\n")

    async def step():
        async with server.at(free_port()) as url:
            shared = Multiplexed(url, timeout_s=5)
            answers = [await shared.call("PING") for _ in range(2)]
            await shared.close()
            return answers

    assert run(step()) == ["PONG", "PONG"]
    assert server.connections == 2


def test_a_store_that_comes_back_is_found_by_the_next_command(run):
    server = Listening(lambda _: b"+OK\r\n")

    async def step():
        port = free_port()
        shared = Multiplexed(f"redis://127.0.0.1:{port}/0", timeout_s=5)
        for _ in range(5):
            with pytest.raises(LostConnection, match="cannot connect"):
                await shared.call("PING")
        async with server.at(port):
            answer = await shared.call("PING")
            await shared.close()
            return answer

    assert run(step()) == "OK"


def test_what_is_in_flight_fails_when_the_client_is_closed(run):
    server = Listening(lambda data: b"+OK\r\n" if b"SELECT" in data else b"")

    async def step():
        async with server.at(free_port()) as url:
            shared = Multiplexed(url, timeout_s=60)
            asked = asyncio.create_task(shared.call("PING"))
            while b"PING" not in server.received:
                await asyncio.sleep(0)
            await shared.close()
            with pytest.raises(LostConnection, match="closed"):
                await asked

    run(step())


class Recording(asyncio.Transport):
    """A transport that keeps each write by itself."""

    def __init__(self):
        super().__init__()
        self.writes = []

    def write(self, data):
        self.writes.append(data)

    def abort(self):
        pass


def test_what_is_sent_within_one_turn_is_one_write():
    async def step():
        line, transport = multiplexed.Line(60), Recording()
        line.connection_made(transport)
        for one in (b"a", b"b", b"c"):
            line.send(one)
        await asyncio.sleep(0)
        line.send(b"d")
        await asyncio.sleep(0)
        line.data_received(b"+1\r\n+2\r\n+3\r\n+4\r\n")
        line.drop("the test is over")
        return transport.writes

    assert asyncio.run(step()) == [b"abc", b"d"]
