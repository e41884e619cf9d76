"""The contract that every approach serves, as one OpenAPI 3.1 document at /openapi.json.

Written by hand and not derived from one framework's routes, because it must hold for all of them:
the contract tests send what it allows to every approach and compare the answers with it. What
differs between the approaches, and only that, is when a purchase is acknowledged.
"""

from collections.abc import Mapping
from typing import Literal

from approaches.shop.accounts import MIN_PASSWORD_LENGTH
from approaches.shop.orders import MAX_KEY_LENGTH, MAX_PRODUCT_ID, MAX_QUANTITY, Status
from approaches.shop.problems import MEDIA_TYPE, Code

Acknowledges = Literal["outcome", "acceptance"]
Schema = dict[str, object]

# Text without U+0000, which PostgreSQL cannot store; lone surrogates are not text.
_STORABLE = r"^[^\u0000]*$"
_ORDER_ID_PATTERN = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"


def openapi(acknowledges: Acknowledges) -> Schema:
    """Return the OpenAPI document of an approach that acknowledges orders this way."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Flash-sale shop",
            "version": "1.0.0",
            "description": f"POST /orders answers with the {acknowledges}.",
        },
        "paths": {
            "/auth/register": {"post": _register()},
            "/auth/login": {"post": _log_in()},
            "/auth/ticket": {"post": _ticket()},
            "/products/{id}": {"get": _product()},
            "/orders": {"post": _purchase(acknowledges)},
            "/orders/{id}": {"get": _order()},
            "/orders/{id}/events": {"get": _events()},
            "/healthz": {"get": _health("healthz", "Whether the process runs")},
            "/readyz": {"get": _health("readyz", "Whether its stores answer")},
        },
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schemas() -> Schema:
    return {
        "Registration": _object(
            email={
                "type": "string",
                "minLength": 3,
                "maxLength": 254,
                "pattern": r"^[^@\s\u0000]+@[^@\s\u0000]+$",
            },
            password=_text(MIN_PASSWORD_LENGTH, 128),
            name=_text(1, 200),
        ),
        "Credentials": _object(email=_text(1, 254), password=_text(1, 128)),
        "Account": _object(user_id={"type": "integer", "minimum": 1}),
        "Token": _object(token={"type": "string"}, expires_at=_time()),
        "Ticket": _object(ticket={"type": "string"}, expires_at=_time()),
        "Product": _object(
            id={"type": "integer"},
            name={"type": "string"},
            price_cents={"type": "integer", "minimum": 0},
            stock={"type": "integer", "minimum": 0},
        ),
        "Purchase": {
            "type": "object",
            "required": ["product_id"],
            "properties": {
                "product_id": {"type": "integer", "minimum": 1, "maximum": MAX_PRODUCT_ID},
                "quantity": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": MAX_QUANTITY,
                    "default": 1,
                },
            },
        },
        "Order": _object(
            order_id={"type": "string", "format": "uuid"},
            status={"enum": [str(status) for status in Status]},
            version={"type": "integer", "minimum": 1},
            product_id={"type": "integer"},
            quantity={"type": "integer", "minimum": 1, "maximum": MAX_QUANTITY},
            amount_cents={"type": "integer", "minimum": 0},
            accepted_at=_time(),
            settled_at={"type": ["string", "null"], "format": "date-time"},
            links=_object(self={"type": "string"}, events={"type": "string"}),
        ),
        "Problem": _object(
            type={"type": "string"},
            title={"type": "string"},
            status={"type": "integer"},
            detail={"type": "string"},
            code={"enum": [str(code) for code in Code]},
        ),
    }


def _register() -> Schema:
    return {
        "operationId": "register",
        "requestBody": _body("Registration"),
        "responses": _responses({"201": _json("Account")}, 400, 409, 413, 503),
    }


def _log_in() -> Schema:
    return {
        "operationId": "logIn",
        "requestBody": _body("Credentials"),
        "responses": _responses({"200": _json("Token")}, 400, 401, 413, 503),
    }


def _ticket() -> Schema:
    return {
        "operationId": "issueTicket",
        "description": "A short-lived ticket for event streams: EventSource cannot send headers.",
        "security": [{"bearer": []}],
        "responses": _responses({"201": _json("Ticket")}, 401),
    }


def _product() -> Schema:
    product_id = {"type": "integer", "minimum": 1, "maximum": MAX_PRODUCT_ID}
    return {
        "operationId": "readProduct",
        "parameters": [_parameter("id", "path", product_id)],
        "responses": _responses({"200": _json("Product")}, 404, 503),
    }


def _purchase(acknowledges: Acknowledges) -> Schema:
    replayed = {"Idempotent-Replayed": {"schema": {"const": "true"}}}
    location = {"Location": {"schema": {"type": "string"}, "required": True}}
    order = {**_json("Order"), "headers": {**replayed, **location}}
    declined = {**_problem(), "headers": replayed}
    answers = {"201": order, "402": declined} if acknowledges == "outcome" else {"202": order}
    key = {
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_KEY_LENGTH,
        "pattern": "^[!-~]([ -~]*[!-~])?$",
    }
    return {
        "operationId": "buy",
        "security": [{"bearer": []}],
        "parameters": [_parameter("Idempotency-Key", "header", key)],
        "requestBody": _body("Purchase"),
        "responses": _responses(answers, 400, 401, 404, 409, 413, 422, 425, 429, 503),
    }


def _order() -> Schema:
    return {
        "operationId": "readOrder",
        "security": [{"bearer": []}],
        "parameters": [_order_id()],
        "responses": _responses({"200": _json("Order")}, 401, 404, 503),
    }


def _events() -> Schema:
    ticket = {**_parameter("ticket", "query", {"type": "string"}), "required": False}
    stream = {
        "description": "One event per version; ends with a terminal state",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
    return {
        "operationId": "watchOrder",
        "security": [{"bearer": []}],
        "parameters": [_order_id(), ticket],
        "responses": _responses({"200": stream}, 401, 404, 429, 503),
    }


def _health(operation: str, summary: str) -> Schema:
    answer = {
        "description": summary,
        "content": {"application/json": {"schema": _object(status={"type": "string"})}},
    }
    return {
        "operationId": operation,
        "summary": summary,
        "responses": _responses({"200": answer}, 503),
    }


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "required": list(properties), "properties": properties}


def _text(low: int, high: int) -> Schema:
    return {"type": "string", "minLength": low, "maxLength": high, "pattern": _STORABLE}


def _time() -> Schema:
    return {"type": "string", "format": "date-time"}


def _order_id() -> Schema:
    return _parameter("id", "path", {"type": "string", "pattern": _ORDER_ID_PATTERN})


def _parameter(name: str, place: str, schema: Schema) -> Schema:
    return {"name": name, "in": place, "required": True, "schema": schema}


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _body(name: str) -> Schema:
    return {"required": True, "content": {"application/json": {"schema": _reference(name)}}}


def _json(name: str) -> Schema:
    return {"description": name, "content": {"application/json": {"schema": _reference(name)}}}


def _problem() -> Schema:
    return {"description": "Problem", "content": {MEDIA_TYPE: {"schema": _reference("Problem")}}}


def _responses(answers: Mapping[str, object], *problems: int) -> Schema:
    return {**answers, **{str(status): _problem() for status in problems}}
