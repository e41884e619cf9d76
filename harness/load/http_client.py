"""The HTTP client under Locust's FastHttpSession: one connection, one try, one deadline.

Locust's own agent (geventhttpclient) sends a GET again, unseen, when the server closes the
connection: two requests at the server, one in the request log. It limits each read but not the
whole request, checks idle connections with `select`, which ends at 1,024 sockets, and keeps a
cookie jar that costs more than the request. This one sends each request exactly once, and
records when: `sent_ns` before it connects or sends, `done_ns` when the whole answer was there.
The parser and the response are geventhttpclient's.
"""

import select
import time
from typing import Any
from urllib.parse import urlsplit

import gevent
import gevent.monkey
import gevent.socket
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError, HTTPSocketResponse
from locust.contrib.fasthttp import FastResponse, LocustUserAgent

USER_AGENT = "flashsale-harness"

_poll = gevent.monkey.get_original("select", "poll")


class NoRetryClient(LocustUserAgent):
    """Sends each request once, over one keep-alive connection to one address."""

    def __init__(self, address: str, timeout_s: float) -> None:
        super().__init__()
        url = urlsplit(address)
        self.sent_ns = 0
        self.done_ns = 0
        self.error = ""
        self._timeout_s = timeout_s
        self._peer = (url.hostname or "", url.port or 80)
        self._prefix_length = len(address)
        self._common = f" HTTP/1.1\r\nHost: {url.netloc}\r\nUser-Agent: {USER_AGENT}\r\n"
        self._socket: gevent.socket.socket | None = None
        self._idle = _poll()

    def urlopen(  # type: ignore[override]
        self,
        url: str,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        payload: bytes | None = None,
        streaming: bool = False,
        **_: Any,
    ) -> FastResponse:
        """Send one request and read its answer; of an event stream (200) only the head.

        Raises what went wrong; `error` is then one word: connect, timeout, reset or broken.
        """
        message = self._compose(url, method, headers or {}, payload or b"")
        self.error = ""
        stage = "connect"
        self.sent_ns = self.done_ns = time.monotonic_ns()
        try:
            with gevent.Timeout(self._timeout_s):
                connection = self._connection()
                stage = "timeout"
                self._send(connection, message)
                response = HTTPSocketResponse(connection, method=method)
                answer = FastResponse(response)  # type: ignore[arg-type]
                if not (streaming and response.status_code == 200):
                    answer._cached_content = response.read()
                    self.release(response)
                return answer
        except (gevent.Timeout, OSError, HTTPParseError) as error:
            self.close()
            self.error = stage if stage == "connect" else reason(error)
            raise
        finally:
            self.done_ns = time.monotonic_ns()

    @property
    def took_ns(self) -> int:
        """Return how long the last request took, in ns."""
        return self.done_ns - self.sent_ns

    def release(self, response: HTTPSocketResponse) -> None:
        """Keep the connection if the answer was read to its end and the server keeps it too."""
        if response.should_close():
            self.close()

    def close(self) -> None:
        """Close the connection; the next request opens another one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, connection: "gevent.socket.socket", message: bytes) -> None:
        connection.sendall(message)

    def _connection(self) -> "gevent.socket.socket":
        # An idle connection that has something to read was closed by the server.
        if self._socket is not None and self._idle.poll(0):
            self.close()
        if self._socket is None:
            self._socket = gevent.socket.create_connection(self._peer)
            self._socket.setsockopt(gevent.socket.IPPROTO_TCP, gevent.socket.TCP_NODELAY, 1)
            self._idle = _poll()  # the response may close the socket: no unregistering it
            self._idle.register(self._socket, select.POLLIN)
        return self._socket

    def _compose(self, url: str, method: str, headers: dict[str, str], payload: bytes) -> bytes:
        fields = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        if payload or method == "POST":
            fields += f"Content-Length: {len(payload)}\r\n"
        head = f"{method} {url[self._prefix_length :]}{self._common}{fields}\r\n"
        return head.encode("latin-1") + payload


def reason(error: BaseException) -> str:
    """Return in one word why an answer did not come to its end."""
    if isinstance(error, gevent.Timeout | TimeoutError):
        return "timeout"
    if isinstance(error, OSError | HTTPConnectionClosed):
        return "reset"
    return "broken"
