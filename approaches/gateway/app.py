"""HTTP face of the payment gateway: charges, their log, and faults on request."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import FastAPI, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException as StarletteHTTPException

from approaches.gateway.charge_body import ChargeBody, Text
from approaches.gateway.charge_requests import ChargeRequests
from approaches.gateway.charges import ChargeRequest, Charges, KeyReusedError, UnavailableError
from approaches.gateway.gateway_faults import LARGEST_FACTOR, LONGEST_S, Fault, FaultKind, Faults
from approaches.gateway.log import ChargeRecord
from approaches.shop.asgi import CountRequests, problem_response
from approaches.shop.metrics import CONTENT_TYPE_LATEST, render
from approaches.shop.problems import Code, Problem, problem_for_status


class FaultBody(BaseModel):
    """Body of PUT /faults."""

    model_config = ConfigDict(extra="forbid")

    kind: FaultKind
    for_s: float = Field(gt=0, le=LONGEST_S, allow_inf_nan=False)
    factor: float = Field(default=1.0, ge=0, le=LARGEST_FACTOR, allow_inf_nan=False)


def _answer(record: ChargeRecord, status: int, headers: dict[str, str] | None = None) -> Response:
    body = {
        "charge_id": record.charge_id,
        "outcome": record.outcome,
        "amount_cents": record.amount_cents,
        "latency_ms": record.latency_ms,
    }
    return JSONResponse(body, status, headers)


async def _charge(charges: Charges, key: str, request: ChargeRequest) -> Response:
    try:
        record, replayed = await charges.charge(key, request)
    except KeyReusedError:
        return problem_response(Problem(Code.KEY_REUSED))
    except UnavailableError:
        return problem_response(Problem(Code.OVERLOADED, "the provider is unavailable"))
    except OSError as error:
        return problem_response(Problem(Code.INTERNAL, f"the charge log: {error.strerror}"))
    headers = {"Idempotent-Replayed": "true"} if replayed else None
    return _answer(record, 200 if record.outcome == "approved" else 402, headers)


def create_app(charges: Callable[[], Charges], faults: Faults) -> FastAPI:
    """Return the application; `charges` is called once, when the event loop runs."""
    state: dict[str, Charges] = {}

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        state["charges"] = charges()
        yield
        await state["charges"].drain()

    app = FastAPI(title="Payment gateway", lifespan=lifespan, docs_url=None, redoc_url=None)

    async def answer(key: str, request: ChargeRequest) -> Response:
        return await _charge(state["charges"], key, request)

    app.add_middleware(ChargeRequests, answer=answer)
    app.add_middleware(CountRequests)  # around it
    _add_errors(app)
    _add_charges(app, state)
    _add_faults(app, faults)
    _add_health(app)
    return app


def _add_charges(app: FastAPI, state: dict[str, Charges]) -> None:
    @app.post("/charges", response_model=None)
    async def charge(body: ChargeBody, idempotency_key: Annotated[Text, Header()]) -> Response:
        return await _charge(state["charges"], idempotency_key, body.request())

    @app.get("/charges/{key}", response_model=None)
    async def read_charge(key: str) -> Response:
        record = state["charges"].find(key)
        if record is None:
            return problem_response(Problem(Code.NOT_FOUND, "no charge with this key was executed"))
        return _answer(record, 200)

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
        return problem_response(Problem(Code.INVALID_REQUEST, f"{where}: {first['msg']}"))

    @app.exception_handler(StarletteHTTPException)
    async def refused(_: Request, error: StarletteHTTPException) -> Response:
        return problem_response(problem_for_status(error.status_code))
