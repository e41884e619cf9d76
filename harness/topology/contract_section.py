"""Reads ``x-harness.contract``: how a shop's HTTP API is bridged to ours, without any code."""

import json
import re
from typing import Any, Final

from harness.contract import FACTS, ORDER_STATES, OWN, STATUS, VARIABLE, VARIABLES
from harness.topology.section import Section, scalar

_KEYS: Final = ("request", "headers", "body", "answer", "statuses")
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


def _operation(section: Section, name: str) -> dict[str, Any]:
    section.only(_KEYS, f"supported: {', '.join(_KEYS)}")
    if not _REQUEST.fullmatch(section.text("request")):
        raise section.wrong("request", "a method and a path, such as POST /purchases")
    declared: dict[str, Any] = {"request": section.text("request")}
    if "headers" in section:
        headers = section.section("headers")
        declared["headers"] = {key: headers.text(key) for key in headers}
    if "body" in section:
        declared["body"] = section.raw("body")
    for key, value in declared.items():
        named = set(VARIABLE.findall(json.dumps(value)))
        if not named.issubset(VARIABLES[name]):
            known = ", ".join(f"{{{one}}}" for one in VARIABLES[name])
            raise section.wrong(key, f"one whose variables are among {known}")
    if "answer" in section:
        declared["answer"] = _answer(section.section("answer"), name)
    if "statuses" in section:
        declared["statuses"] = _statuses(section.section("statuses"))
    return declared


def _answer(section: Section, name: str) -> dict[str, str]:
    section.only(FACTS[name], f"of this answer, these are read: {', '.join(FACTS[name])}")
    for key in section:
        if not _PLACE.fullmatch(section.text(key)):
            raise section.wrong(key, "a dotted path, such as order.total, or order.total * 100")
    return {key: section.text(key) for key in section}


def _statuses(section: Section) -> dict[str, str]:
    ours = {key: scalar(section.raw(key), f"{section.where}.{key}") for key in section}
    for key, value in ours.items():
        if not STATUS.fullmatch(key) or not STATUS.fullmatch(value):
            raise section.wrong(key, "a status, with a code if need be, such as 200: 409 sold_out")
    return ours


def _order_states(section: Section) -> dict[str, str]:
    words = {key: section.text(key) for key in section}
    for key, word in words.items():
        if word not in ORDER_STATES:
            raise section.wrong(key, f"one of {', '.join(ORDER_STATES)}")
    return words
