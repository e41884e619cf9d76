"""The secrets of a deployment: drawn here, anew each time, and struck out of what is stored."""

import re
import secrets
from collections.abc import Iterable, Mapping
from typing import Any, Final

from harness.contract import VARIABLE

NAMES: Final = ("SECRET_KEY", "POSTGRES_PASSWORD", "DATABASE_PASSWORD", "REDIS_PASSWORD")
"""The variables that a compose file may demand: a key that signs, the superuser's password of the
ledger, that of the approach's role there, and that of Redis."""

STRUCK_OUT: Final = "***"

_BYTES = 32
"""As many as the output of SHA-256, the least for HS256 (RFC 7518, 3.2)."""

_NAMED_AS_ONE = re.compile(
    r"SECRET|PASSWORD|PASSWD|PASSPHRASE|PRIVATE|CREDENTIAL|(?:API|ACCESS|TOKEN)[_-]?KEY"
    r"|(?<!BY)PASS$|PWD$|DSN(?![A-Z])"
    r"|TOKEN(?!.*_(?:S|MS|TTL|SECONDS|MINUTES|HOURS|DAYS|LIFETIME|EXPIRY|LENGTH|SIZE|LIMIT)$)",
    re.IGNORECASE,
)
"""How long a token lives is no secret."""
_URL_PASSWORD = re.compile(r"(?<=:)[^:@/\s]+(?=@)")


def draw() -> dict[str, str]:
    """Return new secrets, of hexadecimal digits: they stand in URLs as they are."""
    return {name: secrets.token_hex(_BYTES) for name in NAMES}


def is_named_as_one(name: str) -> bool:
    """Return True for a variable or setting whose name is that of a secret."""
    return _NAMED_AS_ONE.search(name) is not None


def among(variables: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values of the variables that are named as a secret is."""
    return tuple(text for name, text in variables.items() if text and is_named_as_one(name))


def strike_out(text: str, values: Iterable[str], name: str = "") -> str:
    """Return a text without any of the secret values, and without a password in a URL.

    If `name`, that of a setting, is the name of a secret, nothing is left of the text.
    """
    if is_named_as_one(name):
        return STRUCK_OUT
    for value in values:
        text = text.replace(value, STRUCK_OUT)
    return _URL_PASSWORD.sub(STRUCK_OUT, text)


def strike_out_all(value: Any, values: Iterable[str], name: str = "") -> Any:
    """Return JSON with every text in it struck out as `strike_out` does, by the key it is at.

    A text with a variable in braces is a template, which has no secret for being named as one.
    """
    if isinstance(value, Mapping):
        return {key: strike_out_all(one, values, str(key)) for key, one in value.items()}
    if isinstance(value, list):
        return [strike_out_all(one, values, name) for one in value]
    if not isinstance(value, str):
        return value
    return strike_out(value, values, "" if VARIABLE.search(value) else name)
