"""Problem bodies (RFC 9457): every error of every approach looks alike, with a code for programs.

    {"type": "about:blank", "title": …, "status": …, "detail": …, "code": …}

A `Problem` is an exception, so the code that finds out raises it and the edge of each web framework
turns it into an answer.
"""

import json
from enum import StrEnum
from http import HTTPStatus

MEDIA_TYPE = "application/problem+json"


class Code(StrEnum):
    """What went wrong, for programs: the closed list of codes."""

    INVALID_REQUEST = "invalid_request"
    UNAUTHORIZED = "unauthorized"
    PAYMENT_DECLINED = "payment_declined"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    SOLD_OUT = "sold_out"
    LIMIT_REACHED = "limit_reached"
    EMAIL_TAKEN = "email_taken"
    TOO_LARGE = "too_large"
    KEY_REUSED = "key_reused"
    IN_PROGRESS = "in_progress"
    RATE_LIMITED = "rate_limited"
    INTERNAL = "internal"
    OVERLOADED = "overloaded"
    STORE_DOWN = "store_down"
    STOCK_NOT_LOADED = "stock_not_loaded"
    PAYMENT_UNKNOWN = "payment_unknown"
    UNREACHABLE = "unreachable"


_KINDS: dict[Code, tuple[int, str]] = {
    Code.INVALID_REQUEST: (400, "The request is not valid"),
    Code.UNAUTHORIZED: (401, "Not logged in"),
    Code.PAYMENT_DECLINED: (402, "The payment was declined"),
    Code.NOT_FOUND: (404, "Not found"),
    Code.METHOD_NOT_ALLOWED: (405, "Method not allowed"),
    Code.SOLD_OUT: (409, "Sold out"),
    Code.LIMIT_REACHED: (409, "The limit per buyer is reached"),
    Code.EMAIL_TAKEN: (409, "The email address is taken"),
    Code.TOO_LARGE: (413, "The request is too large"),
    Code.KEY_REUSED: (422, "The idempotency key belongs to another request"),
    Code.IN_PROGRESS: (425, "The first request with this key is still in progress"),
    Code.RATE_LIMITED: (429, "Too many requests"),
    Code.INTERNAL: (500, "Internal error"),
    Code.OVERLOADED: (503, "Overloaded"),
    Code.STORE_DOWN: (503, "A store does not answer"),
    Code.STOCK_NOT_LOADED: (503, "The stock is not loaded yet"),
    Code.PAYMENT_UNKNOWN: (503, "The outcome of the payment is not known yet"),
    Code.UNREACHABLE: (502, "The shop cannot be reached"),  # nginx.conf answers this, or 504
}
_RETRY_AFTER_S: dict[Code, int] = {
    Code.IN_PROGRESS: 1,
    Code.RATE_LIMITED: 1,
    Code.OVERLOADED: 1,
    Code.STORE_DOWN: 1,
    Code.STOCK_NOT_LOADED: 1,
    Code.PAYMENT_UNKNOWN: 1,
    Code.UNREACHABLE: 1,
}
# One code, several statuses: what is too large is a body, an address or a header.
_CODES_OF_SERVERS: dict[int, Code] = {
    404: Code.NOT_FOUND,
    405: Code.METHOD_NOT_ALLOWED,
    413: Code.TOO_LARGE,
    414: Code.TOO_LARGE,
    431: Code.TOO_LARGE,
    501: Code.INVALID_REQUEST,
    505: Code.INVALID_REQUEST,
}


class Problem(Exception):
    """An error answer: code, readable detail, and members that extend the body."""

    def __init__(self, code: Code, detail: str = "", **extension: object) -> None:
        super().__init__(detail or code)
        self.code = code
        self.detail = detail
        self.extension = extension
        self.status, self._title = _KINDS[code]

    def body(self) -> dict[str, object]:
        """Return the members of the problem body."""
        return {
            "type": "about:blank",
            "title": self._title,
            "status": self.status,
            "detail": self.detail or self._title,
            "code": str(self.code),
            **self.extension,
        }

    def encoded(self) -> bytes:
        """Return the problem body as JSON."""
        return json.dumps(self.body(), separators=(",", ":")).encode()

    def headers(self) -> dict[str, str]:
        """Return the headers that go with the answer, Content-Type included."""
        headers = {"Content-Type": MEDIA_TYPE, "Cache-Control": "no-store"}
        if self.code in _RETRY_AFTER_S:
            headers["Retry-After"] = str(_RETRY_AFTER_S[self.code])
        if self.code is Code.UNAUTHORIZED:
            headers["WWW-Authenticate"] = "Bearer"
        return headers


def problem_for_status(status: int, detail: str = "") -> Problem:
    """Return the problem for a status that a web framework or its server chose by itself."""
    if status in _CODES_OF_SERVERS:
        problem = Problem(_CODES_OF_SERVERS[status], detail)
    elif 400 <= status < 500:
        problem = Problem(Code.INVALID_REQUEST, detail or HTTPStatus(status).phrase)
    else:
        return Problem(Code.INTERNAL)
    problem.status = status
    return problem
