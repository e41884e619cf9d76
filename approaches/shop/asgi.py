"""What FastAPI services have in common: their answers are counted, their errors are problems."""

from fastapi import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from approaches.shop.metrics import REQUESTS_IN_PROGRESS, count_request
from approaches.shop.problems import Problem


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
                    message["headers"] = [*message.get("headers", []), (b"connection", b"close")]
            await send(message)

        REQUESTS_IN_PROGRESS.inc()
        try:
            await self._app(scope, receive, counting)
        finally:
            REQUESTS_IN_PROGRESS.dec()


def problem_response(problem: Problem) -> Response:
    """Return a problem as an HTTP answer."""
    return Response(problem.encoded(), problem.status, problem.headers())
