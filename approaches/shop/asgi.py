"""What ASGI services have in common: their answers are counted, their errors are problems."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

from fastapi import FastAPI, Request, Response
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from approaches.shop.corked import HAND_OVER
from approaches.shop.metrics import REQUESTS_IN_PROGRESS, Batched, count_request
from approaches.shop.problems import Problem

Headers = list[tuple[bytes, bytes]]


class Answer(NamedTuple):
    """An answer in the form in which ASGI takes it, its header names in lower case."""

    status: int
    headers: Headers
    body: bytes
    stream: asyncio.Protocol | None = None
    """Who goes on after the body on this connection, in chunks, and closes it."""


_CLOSE = (b"connection", b"close")
Handler = Callable[[Scope, Receive], Awaitable[Answer]]


class CountRequests:
    """ASGI middleware that counts every answer under the template of its route.

    Plain ASGI, so that a client that hangs up disturbs nothing. Once the process drains
    (`app.state.is_draining`), it makes each answer the last on its connection.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and count its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                template = getattr(scope.get("route"), "path", "")
                count_request(scope["method"], template, message["status"])
                if getattr(scope["app"].state, "is_draining", False):
                    message["headers"] = [*message.get("headers", []), _CLOSE]
            await send(message)

        REQUESTS_IN_PROGRESS.inc()
        try:
            await self._app(scope, receive, counting)
        finally:
            REQUESTS_IN_PROGRESS.dec()


class ShortCut:
    """The hot routes of an application, answered before the framework sees the request.

    FastAPI's Request, routing and middleware cost more CPU per request than the work itself. The
    routes are those of the application, too: it answers what differs from the plain case (another
    method, a path that needs decoding), and the answers are the same. A template is a path, of
    which the last segment but one, or the last, may be `{id}`; the handler finds the id under `id`
    in its scope.
    """

    def __init__(self, app: FastAPI, on_error: Callable[[Exception], Answer]) -> None:
        self._app = app
        self._on_error = on_error
        self._in_progress = Batched(REQUESTS_IN_PROGRESS)
        self._routes: dict[tuple[str, str, str], tuple[str, Handler]] = {}

    def add(self, method: str, template: str, handler: Handler) -> None:
        """Add a route, here and in the application."""
        before, _, after = template.partition("{id}")
        self._routes[method, before, after] = (template, handler)

        async def answer(request: Request) -> Response:
            request.scope["id"] = request.path_params.get("id", "")
            return _Whole(await handler(request.scope, request.receive))

        self._app.add_api_route(template, answer, methods=[method])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request of a hot route; pass everything else on."""
        route = None
        if scope["type"] == "http":
            route = self._route(scope)
        if route is None:
            await self._app(scope, receive, send)
            return
        template, handler = route
        self._in_progress.add(1)
        try:
            await self._answer(template, handler, scope, receive, send)
        finally:
            self._in_progress.add(-1)

    def _route(self, scope: Scope) -> tuple[str, Handler] | None:
        path, method, routes = scope["path"], scope["method"], self._routes
        last = path.rfind("/")
        if last + 1 == len(path):
            return None
        scope["id"] = path[last + 1 :]
        route = routes.get((method, path, "")) or routes.get((method, path[: last + 1], ""))
        if route is None and last > 0:
            before = path.rfind("/", 0, last) + 1
            scope["id"] = path[before:last]
            route = routes.get((method, path[:before], path[last:])) if before < last else None
        return route

    async def _answer(
        self, template: str, handler: Handler, scope: Scope, receive: Receive, send: Send
    ) -> None:
        try:
            answer = await handler(scope, receive)
        except ClientDisconnect:
            return
        except Exception as error:
            answer = self._on_error(error)
        count_request(scope["method"], template, answer.status)
        if self._app.state.is_draining:
            answer = answer._replace(headers=[*answer.headers, _CLOSE])
        await _send(answer, scope, send)


class _Whole(Response):
    """An answer in the form in which the framework takes it."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.body, answer.status)
        self.raw_headers = answer.headers
        self._answer = answer

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        await _send(self._answer, scope, send)


async def _send(answer: Answer, scope: Scope, send: Send) -> None:
    status, headers, body, stream = answer
    start = {"type": "http.response.start", "status": status, "headers": headers}
    if stream is None:
        await send(start)
        await send({"type": "http.response.body", "body": body})
        return
    goes_on = False
    try:
        await send(start)
        await send({"type": "http.response.body", "body": body, "more_body": True})
        goes_on = scope[HAND_OVER](scope, stream)
    finally:
        if not goes_on:
            stream.connection_lost(None)
    if not goes_on:
        await send({"type": "http.response.body", "body": b""})


def first_header(scope: Scope, name: bytes) -> str | None:
    """Return the value of the first header of this name, which is in lower case."""
    for found, value in scope["headers"]:
        if found == name:
            return str(value, "latin-1")
    return None


def header_values(scope: Scope, name: bytes) -> list[str]:
    """Return the values of all headers of this name, which is in lower case."""
    return [value.decode("latin-1") for found, value in scope["headers"] if found == name]


async def read_body(receive: Receive) -> bytes:
    """Return the whole body of a request; raise ClientDisconnect if its client hangs up."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        return bytes(message.get("body", b""))
    parts = []
    while message["type"] == "http.request":
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)
        message = await receive()
    raise ClientDisconnect


def json_answer(
    body: bytes, status: int = 200, headers: Iterable[tuple[bytes, bytes]] = ()
) -> Answer:
    """Return a JSON answer that nobody caches."""
    return Answer(
        status,
        [
            (b"cache-control", b"no-store"),
            *headers,
            (b"content-length", b"%d" % len(body)),
            (b"content-type", b"application/json"),
        ],
        body,
    )


def problem_answer(problem: Problem) -> Answer:
    """Return a problem as an answer."""
    body = problem.encoded()
    headers = [(k.lower().encode(), v.encode()) for k, v in problem.headers().items()]
    return Answer(problem.status, [*headers, (b"content-length", b"%d" % len(body))], body)


def problem_response(problem: Problem) -> Response:
    """Return a problem as an HTTP answer."""
    return Response(problem.encoded(), problem.status, problem.headers())
