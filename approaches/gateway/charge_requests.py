"""The shortest way through the gateway for the request that it is made for: a POST /charges.

FastAPI's dependencies, validation and serialization cost several times as much as the charge, and a
provider that is slow to answer would be measured in the place of the shop. So a request that is
valid at the first look is answered here. Every other one, and any doubt, goes on to the application
behind, whose route (app.py) is what the gateway is documented by and whose errors it answers.
"""

from collections.abc import Awaitable, Callable
from types import SimpleNamespace

from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from approaches.gateway.charge_body import ChargeBody, Text
from approaches.gateway.charges import ChargeRequest

Answer = Callable[[str, ChargeRequest], Awaitable[Response]]

_PATH = "/charges"
_ROUTE = SimpleNamespace(path=_PATH)
_LARGEST_BODY_BYTES = 10_000
_KEY: TypeAdapter[str] = TypeAdapter(Text)


class ChargeRequests:
    """ASGI middleware that answers valid charges, and passes everything else on."""

    def __init__(self, app: ASGIApp, answer: Answer) -> None:
        self._app = app
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a charge, or pass the request on, with what was read of it."""
        if scope["type"] != "http" or scope["path"] != _PATH or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        message = await receive()
        charge = None if message.get("more_body", False) else _read(scope, message)
        if charge is None:
            await self._app(scope, _first(message, receive), send)
            return
        scope["route"] = _ROUTE  # what it is counted under
        response = await self._answer(*charge)
        await response(scope, receive, send)


def _read(scope: Scope, message: Message) -> tuple[str, ChargeRequest] | None:
    """Return key and charge of a request whose body is whole, if all of it is valid."""
    keys = [value for name, value in scope["headers"] if name == b"idempotency-key"]
    kinds = [value for name, value in scope["headers"] if name == b"content-type"]
    body = message.get("body", b"")
    if len(keys) != 1 or kinds != [b"application/json"] or len(body) > _LARGEST_BODY_BYTES:
        return None
    try:
        key = _KEY.validate_python(keys[0].decode("latin-1"))
        return key, ChargeBody.model_validate_json(body).request()
    except ValidationError:
        return None


def _first(message: Message, receive: Receive) -> Receive:
    """Return a `receive` that repeats a message that was received, and then goes on."""
    left = [message]

    async def again() -> Message:
        return left.pop() if left else await receive()

    return again
