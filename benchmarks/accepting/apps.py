"""The applications that POST /orders of the shop is compared with, from nothing to what is usual.

Each does a little more than the one before. `raw_lua` and `idiomatic` do the work of an acceptance,
by a script of their own (`reserve.lua`) that never changes with the product's; `idiomatic` is what
the documentation of FastAPI, PyJWT and redis-py would have a user write.
"""

import json
import os
import uuid
from pathlib import Path
from typing import Annotated, Any

import jwt
from fastapi import Depends, FastAPI, Header, HTTPException, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.routing import Route

ANSWER = b'{"order_id":"01999999-0000-7000-8000-000000000000","status":"accepted","version":1}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(ANSWER))]
RESERVE = (Path(__file__).parent / "reserve.lua").read_text(encoding="utf-8")
CONNECTIONS = 64


class Purchase(BaseModel):
    """The body of POST /orders."""

    product_id: int = Field(ge=1)
    quantity: int = Field(ge=1, default=1)


async def _read(receive: Any) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body", False):
            return body


async def _answer(send: Any, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 202, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def raw(scope: Any, receive: Any, send: Any) -> None:
    """Read the body and answer; an ASGI application without a framework."""
    if scope["type"] != "http":
        return
    await _read(receive)
    await send({"type": "http.response.start", "status": 202, "headers": HEADERS})
    await send({"type": "http.response.body", "body": ANSWER})


async def _plain(request: Request) -> Response:
    await request.body()
    return Response(ANSWER, 202, media_type="application/json")


async def _well(_: Request) -> Response:
    return Response(b"{}", media_type="application/json")


starlette = Starlette(
    routes=[Route("/orders", _plain, methods=["POST"]), Route("/healthz", _well, methods=["GET"])]
)

fastapi_raw = FastAPI(openapi_url=None)
fastapi_raw.add_api_route("/orders", _plain, methods=["POST"])

fastapi_body = FastAPI(openapi_url=None)


@fastapi_body.post("/orders", status_code=202)
async def no_op(purchase: Purchase) -> dict[str, object]:
    """Validate the body, and answer."""
    return {"product_id": purchase.product_id, "status": "accepted", "version": 1}


def _redis() -> "Redis":
    return Redis.from_url(
        os.environ["REDIS_URL"], decode_responses=True, max_connections=2 * CONNECTIONS
    )


class _RawLua:
    """A raw ASGI application that makes one call of the script by redis-py."""

    def __init__(self) -> None:
        self._script: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        if self._script is None:
            self._script = _redis().register_script(RESERVE)
        wanted = json.loads(await _read(receive) or b"{}")
        if scope["method"] != "POST":
            await _answer(send, b"{}")
            return
        key = dict(scope["headers"])[b"idempotency-key"].decode()
        order_id, product = str(uuid.uuid4()), wanted["product_id"]
        verdict = await self._script(
            keys=[f"{{b}}:key:{key}", f"{{b}}:stock:{product}", f"{{b}}:order:{order_id}", "{b}:s"],
            args=[order_id, 1, product, wanted["quantity"]],
        )
        await _answer(send, json.dumps({"order_id": order_id, "status": verdict}).encode())


raw_lua = _RawLua()
idiomatic = FastAPI()
_bearer = HTTPBearer()
_connected: dict[str, Any] = {}


def _script() -> Any:
    if "reserve" not in _connected:
        _connected["reserve"] = _redis().register_script(RESERVE)
    return _connected["reserve"]


def _user(sent: Annotated[HTTPAuthorizationCredentials, Depends(_bearer)]) -> int:
    try:
        claims = jwt.decode(
            sent.credentials, os.environ["SECRET_KEY"], algorithms=["HS256"], audience="shop"
        )
    except jwt.InvalidTokenError:
        raise HTTPException(401, "the token is not valid") from None
    return int(claims["sub"])


@idiomatic.post("/orders", status_code=202)
async def buy(
    purchase: Purchase,
    user: Annotated[int, Depends(_user)],
    idempotency_key: Annotated[str, Header()],
) -> dict[str, object]:
    """Accept an order by one call of the script."""
    order_id, product = str(uuid.uuid4()), purchase.product_id
    verdict = await _script()(
        keys=[
            f"{{b}}:key:{user}|{idempotency_key}",
            f"{{b}}:stock:{product}",
            f"{{b}}:order:{order_id}",
            "{b}:s",
        ],
        args=[order_id, user, product, purchase.quantity],
    )
    if verdict == "sold_out":
        raise HTTPException(409, "sold out")
    return {"order_id": order_id, "status": verdict, "product_id": product, "version": 1}


for _app in (fastapi_raw, fastapi_body, idiomatic):
    _app.add_api_route("/healthz", _well, methods=["GET"])
