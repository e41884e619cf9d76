"""Reads ``x-harness.contract``: how a shop's HTTP API is bridged to ours, without any code."""

import json
import re
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any, Final

from harness.contract import FACTS, ORDER_STATES, OWN, STATUS, VARIABLE, VARIABLES
from harness.errors import UsageError
from harness.topology.secrets import STRUCK_OUT, strike_out, strike_out_all
from harness.topology.section import Section, scalar

_KEYS: Final = ("request", "headers", "body", "answer", "statuses")
_WITHOUT_BODY: Final = ("product", "events")
_INDISPENSABLE: Final = {
    **{"login": "token", "buy": "order_id"},
    **{"status": "status", "events": "status"},
}
"""The fact without which an answer to an operation says nothing."""
_CONFLICTS: Final = ("sold_out", "limit_reached", "email_taken")
"""The codes by which answers of status 409 are told apart."""
_ALL_VARIABLES: Final = frozenset(chain.from_iterable(VARIABLES.values()))
_IN_BRACES: Final = re.compile(r"\{\{\s*[\w.-]+\s*\}\}|\{\s*[\w.-]+\s*\}")
_REQUEST: Final = re.compile(r"(GET|POST|PUT|PATCH|DELETE) /\S*")
_PLACE: Final = re.compile(r"[^.\s]+(\.[^.\s]+)*( \* [1-9]\d*)?")


def read_contract(facts: Section) -> dict[str, Any]:
    """Return the contract that `x-harness` declares, as `harness.contract` takes it; {}: ours.

    Raises UsageError that names the key.
    """
    if "contract" not in facts:
        return {}
    section = facts.section("contract")
    section.only((*OWN, "order_states"), f"supported: {', '.join(OWN)}, order_states")
    declared: dict[str, Any] = {
        name: _operation(section.section(name), name) for name in section if name in OWN
    }
    if "order_states" in section:
        declared["order_states"] = _order_states(section.section("order_states"))
    return declared


def without_secrets(declared: Mapping[str, Any], values: Iterable[str]) -> dict[str, Any]:
    """Return a contract as it is recorded: without secret values, nor what is named as one.

    A header that has no variable is the same for every buyer, and may well be the key of a client.
    """
    described = dict(declared)
    for name in set(OWN) & set(declared):
        operation = dict(declared[name])
        for key in {"request", "body"} & set(operation):
            operation[key] = strike_out_all(operation[key], values)
        if "headers" in operation:
            operation["headers"] = {
                header: strike_out(text, values) if VARIABLE.search(text) else STRUCK_OUT
                for header, text in operation["headers"].items()
            }
        described[name] = operation
    return described


def _operation(section: Section, name: str) -> dict[str, Any]:
    section.only(_KEYS, f"supported: {', '.join(_KEYS)}")
    if not _REQUEST.fullmatch(section.text("request")):
        raise section.wrong("request", "a method and a path, such as POST /purchases")
    declared: dict[str, Any] = {"request": section.text("request")}
    if "headers" in section:
        headers = section.section("headers")
        declared["headers"] = {key: headers.text(key) for key in headers}
        if named := [key for key in headers if "{" in key]:
            raise UsageError(
                f"{headers.where}: {named[0]!r} is not the name of a header",
                "variables stand in what a header says",
            )
    if "body" in section:
        declared["body"] = section.raw("body")
    _check_variables(section, name, declared)
    if name in _WITHOUT_BODY and "body" in section:
        raise UsageError(f"{section.where}.body: it is sent without a body", "leave it out")
    if name == "events" and not declared["request"].startswith("GET "):
        raise section.wrong("request", "a GET, which is what opens a stream of events")
    if "answer" in section:
        declared["answer"] = _answer(section.section("answer"), name)
    if "statuses" in section:
        declared["statuses"] = _statuses(section.section("statuses"))
    return declared


def _check_variables(section: Section, name: str, declared: Mapping[str, Any]) -> None:
    """Raise UsageError for what looks like a variable and would be sent as it is."""
    known = tuple(f"{{{one}}}" for one in VARIABLES[name])
    for key, value in declared.items():
        texts = json.dumps(list(value.values()) if key == "headers" else value)
        for found in _IN_BRACES.findall(texts):
            if found not in known and _is_meant_as_variable(found):
                raise UsageError(
                    f"{section.where}.{key}: {found} is none of its variables",
                    f"its variables are among {', '.join(known)}",
                )


def _is_meant_as_variable(found: str) -> bool:
    """Return False for what another language has in braces, such as GraphQL a list of fields."""
    word = found.strip("{}")
    return word == word.strip() or word.strip().replace("-", "_") in _ALL_VARIABLES


def _answer(section: Section, name: str) -> dict[str, str]:
    section.only(FACTS[name], f"of this answer, these are read: {', '.join(FACTS[name])}")
    if name in _INDISPENSABLE and _INDISPENSABLE[name] not in section:
        raise section.wrong(_INDISPENSABLE[name], "a dotted path: nothing goes on without it")
    for key in section:
        if not _PLACE.fullmatch(section.text(key)):
            raise section.wrong(key, "a dotted path, such as order.total, or order.total * 100")
    return {key: section.text(key) for key in section}


def _statuses(section: Section) -> dict[str, str]:
    ours = {key: scalar(section.raw(key), f"{section.where}.{key}") for key in section}
    for key, value in ours.items():
        if not STATUS.fullmatch(key) or not STATUS.fullmatch(value):
            raise section.wrong(key, "a status, with a code if need be, such as 200: 409 sold_out")
        status, _, code = value.partition(" ")
        if status == "409" and code not in ("", *_CONFLICTS):
            raise section.wrong(key, f"409 with one of {', '.join(_CONFLICTS)}, or without a code")
    return ours


def _order_states(section: Section) -> dict[str, str]:
    words = {key: section.text(key) for key in section}
    for key, word in words.items():
        if word not in ORDER_STATES:
            raise section.wrong(key, f"one of {', '.join(ORDER_STATES)}")
    return words
