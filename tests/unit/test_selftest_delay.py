"""The proxy's delay, on a clock of its own: time passes only when nothing else happens."""

import asyncio
import selectors

import pytest

from harness.runtimes.delaying_proxy import delay


class Instant(selectors.SelectSelector):
    """Waits for nothing: what would have been waited is added to the time."""

    def __init__(self):
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout=None):
        ready = super().select(0)
        if not ready and timeout:
            self.now_s += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self):
        self._instant = Instant()
        super().__init__(self._instant)

    def time(self):
        return self._instant.now_s


class Client:
    """Notes when it was written what."""

    def __init__(self):
        self.received = []

    def write(self, piece):
        self.received.append((asyncio.get_running_loop().time(), piece))

    async def drain(self):
        await asyncio.sleep(0)


def deliver(delay_s, pieces):
    """Return what a client gets, and when the connection is over: pieces are (at_s, bytes)."""

    async def run():
        reader, client = asyncio.StreamReader(), Client()
        delayed = asyncio.create_task(delay(reader, client, delay_s))
        loop = asyncio.get_running_loop()
        for at_s, piece in pieces:
            await asyncio.sleep(at_s - loop.time())
            reader.feed_data(piece)
        reader.feed_eof()
        await delayed
        return client.received, loop.time()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(run())


@pytest.mark.parametrize("delay_s", [0.0, 0.02])
def test_a_piece_leaves_so_much_later_than_it_came(delay_s):
    received, over_s = deliver(delay_s, [(1.0, b"one")])
    assert received == [(pytest.approx(1.0 + delay_s), b"one")]
    assert over_s == pytest.approx(1.0 + delay_s)


def test_answers_are_delayed_side_by_side_and_stay_in_order():
    came = [(1.0 + n / 1000, b"%d" % n) for n in range(50)]
    received, _ = deliver(0.02, came)
    assert [piece for _, piece in received] == [piece for _, piece in came]
    assert [at_s for at_s, _ in received] == pytest.approx([at_s + 0.02 for at_s, _ in came])


def test_what_came_before_the_end_is_delivered_before_the_end():
    received, over_s = deliver(0.02, [(1.0, b"first"), (1.5, b"last")])
    assert [piece for _, piece in received] == [b"first", b"last"]
    assert over_s == pytest.approx(1.52)
