"""Serves the page and what happens on the board, on the loopback alone.

What happens is sent as server-sent events: one connection for each open page, and a message when
there is something new (https://html.spec.whatwg.org/multipage/server-sent-events.html).
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Final
from urllib.parse import urlsplit

from harness.errors import InfrastructureError
from harness.live.board import Board, Seen

LOOPBACK: Final = "127.0.0.1"
_OWN_NAMES: Final = (LOOPBACK, "localhost")
_STALLED_S: Final = 2.0
"""How long a page may take nothing before it is given up: a campaign's end waits for every page."""


@contextmanager
def serving(board: Board, page: str, port: int) -> Iterator[str]:
    """Serve from here to the end of the block, and yield the address; port 0 is any free one.

    Every page has received all that is on the board when the port is closed.
    Raises InfrastructureError if the port is taken.
    """
    try:
        server = _Server(board, page.encode(), port)
    except OSError as error:
        raise InfrastructureError(
            f"cannot serve the live page at port {port}: {error.strerror}",
            "free the port, or leave --live-port out: any free one is taken then",
        ) from error
    thread = threading.Thread(target=server.serve_forever, name="live page", daemon=True)
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{server.server_address[1]}/"
    finally:
        board.close()
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingTCPServer):
    allow_reuse_address = True

    def __init__(self, board: Board, page: bytes, port: int) -> None:
        self.board = board
        self.page = page
        super().__init__((LOOPBACK, port), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing: a page may be closed while it is written to."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = "harness"
    timeout = _STALLED_S

    def do_GET(self) -> None:
        """Answer with the page, or with events until all is over."""
        if urlsplit(f"//{self.headers.get('Host', '')}").hostname not in _OWN_NAMES:
            # A page of another host must not read this one under a name of its own.
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
        elif self.path == "/":
            self._begin("text/html; charset=utf-8")
            self.wfile.write(self.server.page)
        elif self.path == "/events":
            self._begin("text/event-stream")
            with suppress(OSError):
                self._send_updates()
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def _begin(self, content_type: str) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", content_type)
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()

    def _send_updates(self) -> None:
        seen = Seen()
        while (update := self.server.board.updates(seen)) is not None:
            seen, text = update
            self.wfile.write(f"data: {text}\n\n".encode())

    def log_message(self, *_: object) -> None:
        """Print nothing: the terminal belongs to the campaign."""
