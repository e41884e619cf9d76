"""How waitress reads a request here: as nginx would, and refused as the contract says.

What waitress refuses before any code of the shop runs, it answers with text of its own; and where
nginx refuses a request that is too large in one part, waitress passes it on.
"""

import time
from collections import Counter
from typing import Any

from waitress.parser import HTTPRequestParser, ParsingError
from waitress.task import ErrorTask
from waitress.utilities import Error, RequestEntityTooLarge, RequestHeaderFieldsTooLarge

from approaches.shop.problems import problem_for_status

# As nginx has them in the queued shop: large_client_header_buffers and client_max_body_size.
MAX_LINE_BYTES = 8 * 1024
MAX_HEAD_BYTES = 4 * MAX_LINE_BYTES
MAX_BODY_BYTES = 1024 * 1024

# Joined to one, two of these mean something else than either (RFC 9110, 5.3).
_SENT_ONCE = (b"host", b"authorization", b"content-length")
_KEY = b"idempotency-key"


class _AddressTooLong(Error):  # type: ignore[misc] # waitress has no types
    code = 414
    reason = "URI Too Long"


class Request(HTTPRequestParser):  # type: ignore[misc] # waitress has no types
    """A request that knows when its first byte arrived, and each of its idempotency keys."""

    error: Error | None = None

    def __init__(self, adj: Any) -> None:
        super().__init__(adj)
        self.arrived_s = time.monotonic()
        self.idempotency_keys: list[str] = []

    def received(self, data: bytes) -> int:
        """Take bytes of the request; return how many.

        A body that is too large is read to its end: closed in mid-send, a connection is reset, and
        the answer on it lost.
        """
        taken: int = super().received(data)
        if self.completed and not self.error and self.body_bytes_received > MAX_BODY_BYTES:
            self.error = RequestEntityTooLarge("the body is too large")
        return taken

    def parse_header(self, header_plus: bytes) -> None:
        """Parse address and headers; raise ParsingError if the request is malformed."""
        address, *lines = header_plus.split(b"\r\n")
        fields = [
            (name.lower(), value) for name, _, value in (one.partition(b":") for one in lines)
        ]
        sent = Counter(name for name, _ in fields)
        for name in _SENT_ONCE:
            if sent[name] > 1:
                raise ParsingError(f"the header {name.decode()} is sent more than once")
        super().parse_header(header_plus)
        self.idempotency_keys = [
            value.strip(b" \t").decode("latin-1") for name, value in fields if name == _KEY
        ]
        if len(address) > MAX_LINE_BYTES:
            self.error = _AddressTooLong("the address is too long")
        elif len(header_plus) > MAX_HEAD_BYTES or max(map(len, lines)) > MAX_LINE_BYTES:
            self.error = RequestHeaderFieldsTooLarge("the headers are too large")


class Refusal(ErrorTask):  # type: ignore[misc] # waitress has no types
    """Answers a request that waitress refuses, with a problem body."""

    def execute(self) -> None:
        """Send the answer, the last on its connection."""
        error = self.request.error
        problem = problem_for_status(error.code, error.body)
        body = problem.encoded()
        self.status = f"{problem.status} {error.reason}"
        self.response_headers.extend(problem.headers().items())
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)
