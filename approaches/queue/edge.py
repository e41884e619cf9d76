"""What the two web services have in common: answers, problems, counters, the server around them.

The hot routes take a Request and return a Response: FastAPI's body models and dependency
injection would cost more CPU per request than all the rest of this approach's work.
"""

import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from redis.exceptions import RedisError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from approaches.shop.bodies import encode_json
from approaches.shop.database import STORE_ERRORS
from approaches.shop.metrics import (
    CONTENT_TYPE_LATEST,
    REQUESTS_IN_PROGRESS,
    count_request,
    render,
)
from approaches.shop.problems import Code, Problem, problem_for_status

# Longer than nginx keeps an idle connection to us, so that it never sends into one we are closing.
KEEP_ALIVE_S = 75

log = logging.getLogger(__name__)


def json_response(
    value: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a JSON answer that nobody caches."""
    return Response(
        encode_json(value),
        status,
        {"Cache-Control": "no-store", **(headers or {})},
        media_type="application/json",
    )


class Counting:
    """ASGI middleware that counts every answer under the template of its route."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                template = getattr(scope.get("route"), "path", "")
                count_request(scope["method"], template, message["status"])
            await send(message)

        REQUESTS_IN_PROGRESS.inc()
        try:
            await self._app(scope, receive, counted)
        finally:
            REQUESTS_IN_PROGRESS.dec()


def answer_problem(problem: Problem) -> Response:
    """Return a problem as an HTTP answer."""
    return Response(problem.encoded(), problem.status, problem.headers())


async def _on_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - registered for this type
    return answer_problem(error)


async def _on_lost_store(_: Request, error: Exception) -> Response:
    # Whether the order was accepted is not known; the client repeats it under the same key.
    log.warning("a store does not answer: %r", error)
    return answer_problem(Problem(Code.STORE_DOWN, "try again with the same idempotency key"))


async def _on_http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type
    answer = answer_problem(problem_for_status(error.status_code))
    answer.headers.update(error.headers or {})
    return answer


async def _on_error(_: Request, error: Exception) -> Response:
    return answer_problem(Problem(Code.INTERNAL))


def web_app(lifespan: Callable[[FastAPI], Any], is_ready: Callable[[], Awaitable[bool]]) -> FastAPI:
    """Return an application that answers problems, counts, and serves its own health."""
    app = FastAPI(
        lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False
    )
    app.add_middleware(Counting)
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_error)
    for lost in (RedisError, *STORE_ERRORS):
        app.add_exception_handler(lost, _on_lost_store)

    async def healthz(_: Request) -> Response:
        return Response(b'{"status":"ok"}', media_type="application/json")

    async def readyz(_: Request) -> Response:
        if await is_ready():
            return Response(b'{"status":"ok"}', media_type="application/json")
        return answer_problem(Problem(Code.STORE_DOWN, "a store does not answer"))

    async def metrics(_: Request) -> Response:
        return Response(render(), media_type=CONTENT_TYPE_LATEST)

    for path, endpoint in {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}.items():
        app.add_api_route(path, endpoint, methods=["GET"])
    return app


def run_web(app: FastAPI, listener: socket.socket, *, drain_s: int) -> None:
    """Serve in this process until SIGTERM, then at most `drain_s` seconds more."""
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=drain_s,
    )
    uvicorn.Server(config).run(sockets=[listener])
