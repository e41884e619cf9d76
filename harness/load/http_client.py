"""The HTTP client of the buyers: one connection, one try, one deadline.

Locust's own agent (geventhttpclient) sends a GET again, unseen, when the server closes the
connection: two requests at the server, one in the request log. It limits each read but not the
whole request, checks idle connections with `select`, which ends at 1,024 sockets, and keeps a
cookie jar that costs more than the request. This one sends each request exactly once, and
records when: `sent_ns` before it connects or sends, `done_ns` when the whole answer was there.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import gevent

from harness.load.http_connection import BrokenAnswer, HttpConnection

USER_AGENT = "flashsale-harness"


@dataclass(slots=True)
class Response:
    """An answer; without one, status 0 and in one word why: connect, timeout, reset or broken."""

    status: int
    headers: Mapping[bytes, bytes] = field(default_factory=dict)
    """Names are in lower case."""
    body: bytes = b""
    error: str = ""


class NoRetryClient:
    """Sends each request once, over one keep-alive connection to one address."""

    def __init__(self, address: str, timeout_s: float) -> None:
        url = urlsplit(address)
        self.sent_ns = 0
        self.done_ns = 0
        self._timeout_s = timeout_s
        self._peer = (url.hostname or "", url.port or 80)
        self._common = f" HTTP/1.1\r\nHost: {url.netloc}\r\nUser-Agent: {USER_AGENT}\r\n"
        self._connection: HttpConnection | None = None

    def request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Response:
        """Send one request and read its answer (ValueError: a header that HTTP cannot carry)."""
        return self._exchange(self._compose(method, path, headers, body), streaming=False)

    def open_stream(self, path: str, headers: Mapping[str, str]) -> Response:
        """Send a GET; of an answer 200 read only the head, and its body by `read_line`."""
        return self._exchange(self._compose("GET", path, headers, b""), streaming=True)

    def read_line(self) -> bytes:
        """Take the next line of the open stream, with its end; nothing if it has ended.

        Raises OSError or BrokenAnswer; `reason` says in one word what is wrong.
        """
        if self._connection is None:
            return b""
        return self._connection.read_line()

    def end_stream(self, within_s: float) -> None:
        """Read the open stream to its end if that comes in time; otherwise close the connection."""
        if self._connection is None:
            return
        try:
            with gevent.Timeout(within_s, False):
                self._connection.read_body()
        except (OSError, BrokenAnswer):
            pass
        self._keep_or_close(self._connection)

    @property
    def took_ns(self) -> int:
        """Return how long the last request took, in ns."""
        return self.done_ns - self.sent_ns

    def close(self) -> None:
        """Close the connection; the next request opens another one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _exchange(self, message: bytes, *, streaming: bool) -> Response:
        error = "connect"
        self.sent_ns = self.done_ns = time.monotonic_ns()
        # A new one each time: started again, it would go on where it was stopped.
        limit = gevent.Timeout.start_new(self._timeout_s)
        try:
            connection = self._connected()
            error = ""
            self._send(connection, message)
            connection.read_head()
            if not (streaming and connection.status == 200):
                connection.read_body()
                self._keep_or_close(connection)
            return Response(connection.status, connection.headers, connection.body)
        except (gevent.Timeout, OSError, BrokenAnswer) as why:
            self.close()
            if isinstance(why, gevent.Timeout) and why is not limit:
                raise  # not a limit of this client
            return Response(0, error=error or reason(why))
        finally:
            limit.close()
            self.done_ns = time.monotonic_ns()

    def _connected(self) -> HttpConnection:
        if self._connection is not None and not self._connection.can_send:
            self.close()
        if self._connection is None:
            self._connection = HttpConnection(self._peer)
        return self._connection

    def _send(self, connection: HttpConnection, message: bytes) -> None:
        connection.send(message)

    def _keep_or_close(self, connection: HttpConnection) -> None:
        if not connection.can_be_used_again:
            self.close()

    def _compose(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
        fields = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        is_clean = fields.count("\r") == fields.count("\n") == len(headers)
        if not is_clean or not path.isprintable() or " " in path:
            raise ValueError(f"{method} {path!r} has a path or header that HTTP cannot carry")
        if body or method == "POST":
            fields += f"Content-Length: {len(body)}\r\n"
        return f"{method} {path}{self._common}{fields}\r\n".encode("latin-1") + body


def reason(error: BaseException) -> str:
    """Return in one word why an answer did not come to its end."""
    if isinstance(error, gevent.Timeout | TimeoutError):
        return "timeout"
    return "reset" if isinstance(error, OSError) else "broken"
