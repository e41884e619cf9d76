"""A shop's HTTP API in the words of our contract: how a request is written, and its answer read.

An operation is data: its request, headers and body, with variables in braces; where each fact of
docs/http-contract.md stands in the answer; and which of the shop's statuses is which of ours. Our
own contract is such data, too (`OWN`), whose answers need no translation. All of it is compiled
once and applied between the buyers and HTTP, so the log of requests has the words of one contract.
"""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote

from harness.errors import UsageError

ORDER_STATES: Final = (
    *("accepted", "awaiting_payment", "unknown"),
    *("confirmed", "declined", "cancelled"),
)
_OF_AN_ORDER: Final = ("order_id", "status", "version", "amount_cents", "code")
FACTS: Final[Mapping[str, tuple[str, ...]]] = {
    "register": ("user_id", "code"),
    "login": ("token", "code"),
    "product": ("stock", "price_cents", "code"),
    "buy": _OF_AN_ORDER,
    "status": _OF_AN_ORDER,
    "events": _OF_AN_ORDER,
}
"""What is read of the answer to each operation; ``status`` is that of the order."""

VARIABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "register": ("email", "password", "name"),
    "login": ("email", "password"),
    "product": ("product_id",),  # the page is asked for before anybody has logged in
    "buy": ("product_id", "quantity", "key", "token"),
    "status": ("order_id", "token"),
    "events": ("order_id", "token"),
}
"""What a request may name in braces."""

_OF_THE_SHOP: Final = ("order_id", "token")
"""Those whose values the shop chose: they may need an escape, in a path as within JSON."""

_BEARER: Final = {"Authorization": "Bearer {token}"}
OWN: Final[Mapping[str, Mapping[str, Any]]] = {
    "register": {
        "request": "POST /auth/register",
        "body": {"email": "{email}", "password": "{password}", "name": "{name}"},
    },
    "login": {
        "request": "POST /auth/login",
        "body": {"email": "{email}", "password": "{password}"},
    },
    "product": {"request": "GET /products/{product_id}", "headers": _BEARER},
    "buy": {
        "request": "POST /orders",
        "headers": {**_BEARER, "Idempotency-Key": "{key}"},
        "body": {"product_id": "{product_id}", "quantity": "{quantity}"},
    },
    "status": {"request": "GET /orders/{order_id}", "headers": _BEARER},
    "events": {"request": "GET /orders/{order_id}/events", "headers": _BEARER},
}

VARIABLE: Final = re.compile(r"\{(\w+)\}")
STATUS: Final = re.compile(r"(?P<status>[1-5]\d\d)(?: (?P<code>\S+))?")
"""A status, and the code by which it is told from others of the same status."""

_NUMBERS: Final = re.compile(r'"\{(product_id|quantity)\}"')
"""A variable that is a JSON number where it stands alone."""


class Operation:
    """One operation of a shop's API, compiled: the path of every request goes through it."""

    def __init__(
        self, name: str, declared: Mapping[str, Any], states: Mapping[str, str] | None = None
    ) -> None:
        self.method, _, self.route = declared["request"].partition(" ")
        self._path = _printf(self.route)
        self._quoted = _of_the_shop(self.route)
        body = declared.get("body")
        self._body = None if body is None else _json(body)
        self._escaped = _of_the_shop(json.dumps(body))
        headers = declared.get("headers", {})
        if body is not None:
            headers = {"Content-Type": "application/json", **headers}
        self._headers = [
            (header, _printf(text), tuple(VARIABLE.findall(text)))
            for header, text in headers.items()
        ]
        self._states = {str(word): ours for word, ours in (states or {}).items()}
        self._statuses = {_status(a): _status(b) for a, b in declared.get("statuses", {}).items()}
        self._is_ours = "answer" not in declared and not self._statuses and not self._states
        stated = declared.get("answer", {fact: fact for fact in FACTS[name]})
        self._answer = [(fact, *_place(text)) for fact, text in stated.items()]

    def shows(self, fact: str) -> bool:
        """Return True if the answer has a fact, as far as the contract says."""
        return any(fact == one[0] for one in self._answer)

    def compose(self, variables: Mapping[str, Any]) -> tuple[str, dict[str, str], bytes]:
        """Return path, headers and body of a request.

        A header is left out while one of its variables has no value, such as before the login.
        """
        headers = {
            header: template % variables
            for header, template, needed in self._headers
            if all(map(variables.get, needed))
        }
        body = b""
        if self._body is not None:
            escaped = {name: json.dumps(variables[name])[1:-1] for name in self._escaped}
            body = (self._body % ({**variables, **escaped} if escaped else variables)).encode()
        if self._quoted:
            quoted = {name: quote(variables[name], safe="") for name in self._quoted}
            variables = {**variables, **quoted}
        return self._path % variables, headers, body

    def read(self, status: int, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return the status and the facts of an answer in the words of our contract."""
        if self._is_ours:
            return status, body
        facts: dict[str, Any] = {}
        for fact, keys, factor in self._answer:
            value = _at(body, keys)
            if value is not None:
                facts[fact] = value if factor is None else _times(value, factor)
        if "order_id" in facts:
            facts["order_id"] = str(facts["order_id"])
        if "status" in facts:
            facts["status"] = self._states.get(str(facts["status"]), facts["status"])
        code = str(facts.get("code", ""))
        ours = self._statuses.get((status, code)) or self._statuses.get((status, ""))
        if ours is not None:
            status = ours[0]
            facts["code"] = ours[1] or code
        return status, facts


class Contract:
    """The operations of a shop's API; what it does not declare is as in our own contract."""

    def __init__(self, declared: Mapping[str, Any] | None = None) -> None:
        stated = declared or {}
        states = stated.get("order_states", {})
        self._operations = {
            name: Operation(
                name, stated.get(name, own), states if "status" in FACTS[name] else None
            )
            for name, own in OWN.items()
        }

    def __getitem__(self, name: str) -> Operation:
        return self._operations[name]


def units_in(facts: Mapping[str, Any], file: str) -> int:
    """Return the stock that a product's page shows (KeyError: it shows none).

    Raises UsageError, in which `file` is that of the mapping, if no number stands there.
    """
    stock = facts["stock"]
    try:
        return int(stock)
    except (TypeError, ValueError, OverflowError) as error:
        raise UsageError(
            f"{file}: x-harness.contract.product.answer.stock: {stock!r} is not a whole number",
            "name the place of the number of units that are left",
        ) from error


def _printf(template: str) -> str:
    """Return a template as Python's `%` fills it."""
    return VARIABLE.sub(r"%(\1)s", template.replace("%", "%%"))


def _of_the_shop(template: str) -> list[str]:
    """Return the variables of a template whose values the shop chose."""
    return [name for name in _OF_THE_SHOP if f"{{{name}}}" in template]


def _json(body: Any) -> str:
    return _printf(_NUMBERS.sub(r"{\1}", json.dumps(body, separators=(",", ":"))))


def _status(stated: object) -> tuple[int, str]:
    status, _, code = str(stated).partition(" ")
    return int(status), code


def _place(stated: str) -> tuple[tuple[str, ...], int | None]:
    """Return the keys of a dotted path, and by what its number is multiplied (``total * 100``)."""
    path, _, factor = stated.partition(" * ")
    return tuple(path.split(".")), int(factor) if factor else None


def _at(body: Any, keys: tuple[str, ...]) -> Any:
    """Return what stands below keys, in objects and lists; None if nothing does."""
    for key in keys:
        if isinstance(body, dict):
            body = body.get(key)
        elif isinstance(body, list) and key.isdecimal() and int(key) < len(body):
            body = body[int(key)]
        else:
            return None
    return body


def _times(value: Any, factor: int) -> Any:
    """Return a number, or a text that is one, multiplied and whole; anything else as it is."""
    try:
        return int(Decimal(str(value)) * factor)
    except (ArithmeticError, ValueError):  # no number, or one without an end
        return value
