"""Bodies that clients send, read by hand: the same checks must hold under Flask and FastAPI.

PostgreSQL refuses U+0000 in text and UTF-8 refuses lone surrogates; both are legal in JSON, so both
are answered with 400 here instead of 500 there. Unknown members are ignored, as RFC 9457 asks of
its readers and most shops do.
"""

import json
from collections.abc import Mapping

from approaches.shop.problems import Code, Problem

MAX_BODY_BYTES = 16_384
_ENCODER = json.JSONEncoder(separators=(",", ":"))


def read_object(body: bytes) -> Mapping[str, object]:
    """Parse a JSON object; raise Problem(invalid_request | too_large) if it is anything else."""
    if len(body) > MAX_BODY_BYTES:
        raise Problem(Code.TOO_LARGE, f"the body is longer than {MAX_BODY_BYTES} bytes")
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        raise Problem(Code.INVALID_REQUEST, "the body is not valid JSON") from None
    if not isinstance(parsed, dict):
        raise Problem(Code.INVALID_REQUEST, "the body must be a JSON object")
    return parsed


def read_string(members: Mapping[str, object], name: str, *, low: int, high: int) -> str:
    """Return a member that is text of low..high characters.

    Raise Problem(invalid_request) if not.
    """
    value = members.get(name)
    if not isinstance(value, str) or not low <= len(value) <= high:
        raise Problem(Code.INVALID_REQUEST, f"{name} must be text of {low} to {high} characters")
    if "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise Problem(Code.INVALID_REQUEST, f"{name} holds a character that cannot be stored")
    return value


def encode_json(value: object) -> bytes:
    """Return compact JSON."""
    return _ENCODER.encode(value).encode()
