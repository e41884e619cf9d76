"""A web service on FastAPI and uvicorn: answers, problems, counters, and the server around them.

What stores raise when they do not answer is a parameter (`lost`): the errors of the ledger,
and those of any other store that an approach has.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from starlette.datastructures import State
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from approaches.shop.asgi import Answer, CountRequests, problem_answer, problem_response
from approaches.shop.bodies import encode_json
from approaches.shop.corked import CorkedProtocol
from approaches.shop.database import STORE_ERRORS
from approaches.shop.listening import has_waiting
from approaches.shop.metrics import CONTENT_TYPE_LATEST, render
from approaches.shop.problems import Code, Problem, problem_for_status

# Longer than nginx keeps an idle connection to us, so that it never sends into one we are closing.
KEEP_ALIVE_S = 75
# Longer than nginx keeps an idle connection (keepalive_timeout of its upstream): by then it has
# closed each itself, so none is closed here while a request is on its way.
LINGER_S = 3.0
# Longer than the last step of a handshake takes.
HANDSHAKE_S = 0.1
LOOK_EVERY_S = 0.02

Errors = tuple[type[Exception], ...]

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


def answer_to(error: Exception, lost: Errors = STORE_ERRORS) -> Answer:
    """Return what a hot route that failed is answered with, as `web_app` answers for the others."""
    if isinstance(error, Problem):
        return problem_answer(error)
    if isinstance(error, lost):
        return problem_answer(_lost_store(error))
    log.error("a request failed", exc_info=error)
    return problem_answer(Problem(Code.INTERNAL))


def _lost_store(error: Exception) -> Problem:
    # Whether the order was accepted is not known; the client repeats it under the same key.
    log.warning("a store does not answer: %s: %s", type(error).__name__, error)
    return Problem(Code.STORE_DOWN, "try again with the same idempotency key")


async def _on_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - registered for this type
    return problem_response(error)


async def _on_lost_store(_: Request, error: Exception) -> Response:
    return problem_response(_lost_store(error))


async def _on_http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type
    answer = problem_response(problem_for_status(error.status_code))
    answer.headers.update(error.headers or {})
    return answer


async def _on_error(_: Request, error: Exception) -> Response:
    return problem_response(Problem(Code.INTERNAL))


def web_app(
    lifespan: Callable[[FastAPI], Any],
    is_ready: Callable[[], Awaitable[bool]],
    drain: Callable[[], None] = lambda: None,
    lost: Errors = STORE_ERRORS,
) -> FastAPI:
    """Return an application that answers problems, counts, and serves its own health.

    `drain` is called when the process is about to end, to end what would not end by itself. An
    error among `lost` says that a store does not answer.
    """
    app = FastAPI(
        lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False
    )
    app.state.is_draining = False
    app.state.drain = drain
    app.add_middleware(CountRequests)
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_error)
    for kind in lost:
        app.add_exception_handler(kind, _on_lost_store)

    async def healthz(_: Request) -> Response:
        return Response(b'{"status":"ok"}', media_type="application/json")

    async def readyz(_: Request) -> Response:
        if app.state.is_draining:
            return problem_response(Problem(Code.OVERLOADED, "this server is shutting down"))
        if await is_ready():
            return Response(b'{"status":"ok"}', media_type="application/json")
        return problem_response(Problem(Code.STORE_DOWN, "a store does not answer"))

    async def metrics(_: Request) -> Response:
        return Response(render(), media_type=CONTENT_TYPE_LATEST)

    for path, endpoint in {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}.items():
        app.add_api_route(path, endpoint, methods=["GET"])
    return app


class _Server(uvicorn.Server):
    """uvicorn that drains: no connection is reset that is open, or about to send a request.

    By itself it closes its listening socket with connections still waiting to be accepted, and
    every connection without a request at once, though one may be on its way: nginx must answer 502
    to a POST that is lost so. Here what waits is accepted; then connections end with their next
    answer, or when the other side closes them; and only what then is left is closed.
    """

    def __init__(self, config: uvicorn.Config, state: State) -> None:
        super().__init__(config)
        self._state = state

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        listeners = sockets or []
        self._state.is_draining = True
        self._state.drain()
        await asyncio.sleep(HANDSHAKE_S)
        await _until(lambda: not any(map(has_waiting, listeners)), within_s=LINGER_S)
        for server in self.servers:
            server.close()
        for listener in listeners:
            listener.close()
        await _until(lambda: not self.server_state.connections, within_s=LINGER_S)
        await super().shutdown(listeners)


async def _until(condition: Callable[[], bool], *, within_s: float) -> None:
    """Wait until the condition holds, for at most so many seconds."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            while not condition():
                await asyncio.sleep(LOOK_EVERY_S)


def run_web(
    app: FastAPI, listener: socket.socket, *, drain_s: int, entry: ASGIApp | None = None
) -> None:
    """Serve in this process until SIGTERM, then at most LINGER_S and `drain_s` seconds more.

    Requests come to `entry`, which passes on to the application what it does not answer itself.
    """
    config = uvicorn.Config(
        entry or app,
        loop="uvloop",
        http=CorkedProtocol,
        proxy_headers=False,  # nobody asks who the client is
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=drain_s,
    )
    _Server(config, app.state).run(sockets=[listener])
