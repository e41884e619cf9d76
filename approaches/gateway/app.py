"""HTTP face of the payment gateway: charges, their log, and faults on request."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import FastAPI, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from approaches.gateway.charges import ChargeRequest, Charges, KeyReusedError, UnavailableError
from approaches.gateway.gateway_faults import LARGEST_FACTOR, LONGEST_S, Fault, FaultKind, Faults
from approaches.gateway.log import ChargeRecord
from approaches.shop.metrics import CONTENT_TYPE_LATEST, count_request, render
from approaches.shop.problems import Code, Problem, problem_for_status

Text = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[ -~]+$")]


class ChargeBody(BaseModel):
    """Body of POST /charges."""

    model_config = ConfigDict(extra="forbid", strict=True)

    order_id: Text
    reference: Text
    amount_cents: int = Field(ge=0, le=2**53)

    def request(self) -> ChargeRequest:
        """Return what is asked to be charged."""
        return ChargeRequest(self.order_id, self.reference, self.amount_cents)


class FaultBody(BaseModel):
    """Body of PUT /faults."""

    model_config = ConfigDict(extra="forbid")

    kind: FaultKind
    for_s: float = Field(gt=0, le=LONGEST_S, allow_inf_nan=False)
    factor: float = Field(default=1.0, ge=0, le=LARGEST_FACTOR, allow_inf_nan=False)


def _answer(record: ChargeRecord, replayed: bool) -> Response:
    body = {
        "charge_id": record.charge_id,
        "outcome": record.outcome,
        "amount_cents": record.amount_cents,
        "latency_ms": record.latency_ms,
    }
    headers = {"Idempotent-Replayed": "true"} if replayed else None
    return JSONResponse(body, 200 if record.outcome == "approved" else 402, headers)


def _problem(problem: Problem) -> Response:
    return Response(problem.encoded(), problem.status, problem.headers())


class CountRequests:
    """Counts answers; plain ASGI, so that a client that hangs up disturbs nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and count its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                path = getattr(scope.get("route"), "path", "")
                count_request(scope["method"], path, message["status"])
            await send(message)

        await self._app(scope, receive, counting)


def create_app(charges: Callable[[], Charges], faults: Faults) -> FastAPI:
    """Return the application; `charges` is called once, when the event loop runs."""
    state: dict[str, Charges] = {}

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        state["charges"] = charges()
        yield
        await state["charges"].drain()

    app = FastAPI(title="Payment gateway", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_middleware(CountRequests)
    _add_errors(app)
    _add_charges(app, state)
    _add_faults(app, faults)
    _add_health(app)
    return app


def _add_charges(app: FastAPI, state: dict[str, Charges]) -> None:
    @app.post("/charges", response_model=None)
    async def charge(body: ChargeBody, idempotency_key: Annotated[Text, Header()]) -> Response:
        try:
            return _answer(*await state["charges"].charge(idempotency_key, body.request()))
        except KeyReusedError:
            return _problem(Problem(Code.KEY_REUSED))
        except UnavailableError:
            return _problem(Problem(Code.OVERLOADED, "the provider is unavailable"))
        except OSError as error:
            return _problem(Problem(Code.INTERNAL, f"the charge log: {error.strerror}"))

    @app.get("/charges/{key}", response_model=None)
    async def read_charge(key: str) -> Response:
        record = state["charges"].find(key)
        if record is None:
            return _problem(Problem(Code.NOT_FOUND, "no charge with this key was executed"))
        return JSONResponse(
            {
                "charge_id": record.charge_id,
                "outcome": record.outcome,
                "amount_cents": record.amount_cents,
                "latency_ms": record.latency_ms,
            }
        )

    @app.get("/charges", response_model=None)
    async def read_charges() -> Response:
        lines = b"".join(record.line() for record in state["charges"].executed())
        return Response(lines, media_type="application/x-ndjson")


def _add_faults(app: FastAPI, faults: Faults) -> None:
    @app.put("/faults", status_code=204, response_model=None)
    async def begin(body: FaultBody) -> None:
        faults.begin(Fault(body.kind, body.for_s, body.factor))

    @app.delete("/faults", status_code=204, response_model=None)
    async def end() -> None:
        faults.end()


def _add_health(app: FastAPI) -> None:
    @app.get("/healthz", response_model=None)
    @app.get("/readyz", response_model=None)
    async def health() -> Response:
        return JSONResponse({"status": "ok"})

    @app.get("/metrics", response_model=None)
    async def metrics() -> Response:
        return Response(render(), media_type=CONTENT_TYPE_LATEST)


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return _problem(Problem(Code.INVALID_REQUEST, f"{where}: {first['msg']}"))

    @app.exception_handler(StarletteHTTPException)
    async def refused(_: Request, error: StarletteHTTPException) -> Response:
        return _problem(problem_for_status(error.status_code))
