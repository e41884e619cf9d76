"""One connection to Redis for all that a process asks at once: commands go out together.

A connection of its own for every command costs more of the API's CPU than all the rest of a
purchase. Here commands are written one behind the other, and answers, which come in the same order,
are handed to who waits for them. Whatever is sent within one turn of the event loop is one write.

- A command is sent once. What is in flight when the connection goes fails with ConnectionError,
  whether it was carried out or not; callers repeat what is safe to repeat.
- A connection on which a command waits and nothing arrives for longer than the limit is taken for
  frozen: it is dropped with all that is in flight, and the next command opens another one.
- Nothing that blocks (XREADGROUP BLOCK) may be sent here: everybody else would wait behind it. A
  subscription has a connection of its own.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha1
from typing import Any, Final, cast

import hiredis
from redis.asyncio.connection import DefaultParser, parse_url
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import NoScriptError, RedisError

from approaches.queue.cancellation import cancel

CONNECT_WITHIN_S = 2.0
FIRST_PAUSE_S = 0.02
LONGEST_PAUSE_S = 0.2
"""How long after a failed attempt the next one waits; commands wait with it."""
LOOKS = 4
"""How many looks in a row must find nothing new before a connection is taken for frozen.

Between two looks the event loop reads what has arrived. The clock alone would prove nothing: a
process that was busy for longer than the limit finds its timer due before it has read the answer.
"""
_DEFAULT_PORT = 6379
_INCOMPLETE: Final = object()

Word = str | bytes | int
_pack = cast(Callable[[tuple[Word, ...]], bytes], hiredis.pack_command)
_PING: Final = _pack(("PING",))


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script, and the digest under which Redis keeps it."""

    text: str
    digest: str

    @classmethod
    def of(cls, text: str) -> "Script":
        """Return the script with its digest, which is no matter of security."""
        return cls(text, sha1(text.encode(), usedforsecurity=False).hexdigest())


class Line(asyncio.Protocol):
    """One TCP connection, and who waits for its answers, in the order of the commands.

    On a subscription, `hear` is called with what is published.
    """

    def __init__(self, limit_s: float, hear: Callable[[str], None] | None = None) -> None:
        self._limit_s = limit_s
        self._hear = hear
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(
            replyError=DefaultParser.parse_error, encoding="utf-8", notEnoughData=_INCOMPLETE
        )
        self._waiting: deque[asyncio.Future[Any] | None] = deque()
        self._held: list[bytes] = []
        self._watch: asyncio.TimerHandle | None = None
        self._silent_looks = 0
        self.is_lost = False
        self.lost: asyncio.Future[str] = self._loop.create_future()
        """Done once the connection is lost, with the reason."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with a connection."""
        self._transport = cast(asyncio.Transport, transport)

    def send(self, packed: bytes, *, unheard: int = 0) -> "asyncio.Future[Any]":
        """Send commands; return the answer to the last, `unheard` ones come before it."""
        answer = self._loop.create_future()
        if self.is_lost:
            answer.set_exception(LostConnection("the connection is lost"))
            return answer
        for _ in range(unheard):
            self._waiting.append(None)
        self._waiting.append(answer)
        if self._watch is None:
            self._silent_looks = 0
            self._watch = self._loop.call_later(self._limit_s / LOOKS, self._look)
        if not self._held:
            self._loop.call_soon(self._write)
        self._held.append(packed)
        return answer

    def _write(self) -> None:
        if self.is_lost:
            return
        packed = b"".join(self._held)
        self._held.clear()
        try:
            self._transport.write(packed)
        except RuntimeError as error:  # uvloop, of a transport that its peer has reset
            self.drop(f"connection lost: {error}")

    def data_received(self, data: bytes) -> None:
        """Hand answers on to who waits for them."""
        self._silent_looks = -1  # the next look has something new
        reader, waiting, hear = self._reader, self._waiting, self._hear
        try:
            reader.feed(data)
            while (reply := reader.gets()) is not _INCOMPLETE:
                if hear is not None and isinstance(reply, list) and reply[0] == "message":
                    hear(reply[2])
                    continue
                answer = waiting.popleft()
                if answer is None or answer.done():  # done: nobody waits for it any more
                    continue
                if isinstance(reply, RedisError):
                    answer.set_exception(reply)
                else:
                    answer.set_result(reply)
        except (hiredis.HiredisError, UnicodeDecodeError, IndexError) as error:
            self.drop(f"not an answer: {error!r}")

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what is in flight."""
        self.drop(f"connection lost: {exc or 'closed by the server'}")

    def _look(self) -> None:
        """Drop a connection that froze; look again as long as somebody waits."""
        self._watch = None
        if not self._waiting:
            return
        self._silent_looks += 1
        if self._silent_looks == LOOKS:
            self.drop(f"no answer within {self._limit_s} s")
        else:
            self._watch = self._loop.call_later(self._limit_s / LOOKS, self._look)

    def ping(self) -> "asyncio.Future[Any]":
        """Return the proof, to come, that the other side is there."""
        return self.send(_PING)

    def drop(self, reason: str) -> None:
        """Close the connection at once; what is in flight fails for this reason."""
        if self.is_lost:
            return
        self.is_lost = True
        self.lost.set_result(reason)
        if self._watch is not None:
            self._watch.cancel()
        self._transport.abort()
        for answer in self._waiting:
            if answer is not None and not answer.done():
                answer.set_exception(LostConnection(reason))
        self._waiting.clear()


class Multiplexed:
    """Commands to the Redis at `url` over one connection, made when needed and when it was lost.

    Every call raises RedisError: ConnectionError if there is no connection, or it goes, or does not
    answer within `timeout_s`.
    """

    def __init__(self, url: str, *, timeout_s: float) -> None:
        place = parse_url(url)
        self._address = (place.get("host", "localhost"), place.get("port", _DEFAULT_PORT))
        self._greetings: list[tuple[Word, ...]] = [("SELECT", place.get("db", 0))]
        if "password" in place:
            user = [place["username"]] if "username" in place else []
            self._greetings.insert(0, ("AUTH", *user, place["password"]))
        self._timeout_s = timeout_s
        self._line: Line | None = None
        self._opening: asyncio.Task[Line] | None = None
        self._pause_s = 0.0
        self._not_before_s = 0.0

    async def call(self, *words: Word) -> Any:
        """Send one command and return its answer, text decoded."""
        packed = _pack(words)
        line = self._usable or await self._open()
        return await line.send(packed)

    async def run(self, script: Script, names: Sequence[str], args: Sequence[Any]) -> Any:
        """Run a script; one that Redis does not know has not run, and is sent in full."""
        packed = _pack(("EVALSHA", script.digest, len(names), *names, *args))
        line = self._usable or await self._open()
        try:
            return await line.send(packed)
        except NoScriptError:
            return await self.call("EVAL", script.text, len(names), *names, *args)

    async def transaction(self, *commands: tuple[Word, ...]) -> list[Any]:
        """Send commands that Redis carries out together, or not at all; return their answers."""
        packed = b"".join(map(_pack, [("MULTI",), *commands, ("EXEC",)]))
        line = self._usable or await self._open()
        answers: list[Any] = await line.send(packed, unheard=len(commands) + 1)
        for answer in answers:
            if isinstance(answer, RedisError):
                raise answer
        return answers

    async def subscribe(self, channel: str, hear: Callable[[str], None], *, limit_s: float) -> Line:
        """Return a connection of its own, on which `hear` gets what is published on a channel.

        Its `ping` fails if nothing arrives within `limit_s` seconds. Raise RedisError.
        """
        greetings = [*self._greetings, ("SUBSCRIBE", channel)]
        try:
            return await self._greet(greetings, Line(limit_s, hear))
        except (RedisError, OSError, TimeoutError) as error:
            raise _no_connection(error) from None

    async def close(self) -> None:
        """Close the connection; what is in flight fails. Subscriptions end with their own line."""
        if self._opening is not None:
            await cancel([self._opening])
        if self._line is not None:
            self._line.drop("this client is closed")

    @property
    def _usable(self) -> Line | None:
        line = self._line
        return None if line is None or line.is_lost else line

    async def _open(self) -> Line:
        """Return a new connection; all who need one wait for the same attempt."""
        if self._opening is None:
            self._opening = asyncio.create_task(self._connect())
            self._opening.add_done_callback(self._opened)
        try:
            return await asyncio.shield(self._opening)
        except (RedisError, OSError, TimeoutError) as error:
            raise _no_connection(error) from None

    def _opened(self, opening: "asyncio.Task[Line]") -> None:
        self._opening = None
        if opening.cancelled():
            return
        if opening.exception() is None:
            self._pause_s = self._not_before_s = 0.0
        else:
            self._pause_s = min(self._pause_s * 2 or FIRST_PAUSE_S, LONGEST_PAUSE_S)
            self._not_before_s = opening.get_loop().time() + self._pause_s

    async def _connect(self) -> Line:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._not_before_s - loop.time()))
        self._line = await self._greet(self._greetings, Line(self._timeout_s))
        return self._line

    async def _greet(self, greetings: Sequence[tuple[Word, ...]], line: Line) -> Line:
        """Connect a line, and return it once Redis has answered the greetings."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_WITHIN_S):
            await loop.create_connection(lambda: line, *self._address)
            try:
                for greeting in greetings:
                    await line.send(_pack(greeting))
            except BaseException:
                line.drop("it is not ready")
                raise
        return line


def _no_connection(error: Exception) -> LostConnection:
    return LostConnection(f"cannot connect: {type(error).__name__}: {error}")
