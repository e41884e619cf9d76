"""Settings of a service, read once from its environment, as the compose file wrote it down.

A missing or malformed setting ends the service at its start with the name of the variable, never in
the first request.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

Choice = TypeVar("Choice", bound=str)

LEAST_SECRET_BYTES = 32
"""As long as the hash that HS256 signs with (RFC 7518, 3.2): a shorter key can be guessed."""


class SettingsError(Exception):
    """A setting is missing or out of range; the message names the variable."""


def read_text(name: str, default: str | None = None, env: Mapping[str, str] = os.environ) -> str:
    """Return the text of variable `name`; raise SettingsError if it is empty and has no default."""
    value = env.get(name) or default
    if value is None:
        raise SettingsError(f"{name} is not set")
    return value


def read_int(
    name: str,
    default: int,
    *,
    low: int = 1,
    high: int = 1_000_000,
    env: Mapping[str, str] = os.environ,
) -> int:
    """Return variable `name` as an integer in low..high; raise SettingsError otherwise."""
    text = env.get(name) or str(default)
    try:
        value = int(text)
    except ValueError:
        raise SettingsError(f"{name} must be an integer, not {text!r}") from None
    if not low <= value <= high:
        raise SettingsError(f"{name} must be between {low} and {high}, not {value}")
    return value


def read_float(
    name: str,
    default: float,
    *,
    low: float = 0.0,
    high: float = 1e9,
    env: Mapping[str, str] = os.environ,
) -> float:
    """Return variable `name` as a number in low..high; raise SettingsError otherwise."""
    text = env.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        raise SettingsError(f"{name} must be a number, not {text!r}") from None
    if not low <= value <= high:
        raise SettingsError(f"{name} must be between {low} and {high}, not {text}")
    return value


def read_choice(
    name: str, choices: tuple[Choice, ...], env: Mapping[str, str] = os.environ
) -> Choice:
    """Return variable `name` as one of `choices`, the first if it is not set.

    Raise SettingsError if it is none of them.
    """
    text = env.get(name) or choices[0]
    for choice in choices:
        if text == choice:
            return choice
    raise SettingsError(f"{name} must be {' or '.join(choices)}, not {text!r}")


def check_secret(name: str, secret: str) -> None:
    """Raise SettingsError, which does not repeat it, if a signing key is too short."""
    size = len(secret.encode())
    if size < LEAST_SECRET_BYTES:
        raise SettingsError(
            f"{name} must have at least {LEAST_SECRET_BYTES} bytes, not {size};"
            " one such is printed by: openssl rand -hex 32"
        )


def split_bind(bind: str) -> tuple[str, int]:
    """Split "host:port"; raise SettingsError if it is not of that form."""
    host, colon, port = bind.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise SettingsError(f'BIND must be "host:port", not {bind!r}')
    return host, int(port)


@dataclass(frozen=True, slots=True)
class Settings:
    """What more than one service needs; "" marks a setting that this service did not ask for."""

    bind: str
    database_url: str
    secret_key: str
    gateway_url: str
    token_ttl_s: int
    hash_threads: int
    payment_timeout_s: float
    streams_per_buyer: int

    @classmethod
    def from_environment(
        cls, *required: str, env: Mapping[str, str] = os.environ, default_port: int = 8000
    ) -> "Settings":
        """Read the settings.

        Raise SettingsError if one of the `required` variables is not set, or is malformed.
        """
        for name in required:
            read_text(name, env=env)
        if "SECRET_KEY" in required:
            check_secret("SECRET_KEY", env["SECRET_KEY"])
        bind = read_text("BIND", f"0.0.0.0:{default_port}", env)
        split_bind(bind)
        return cls(
            bind=bind,
            database_url=env.get("DATABASE_URL", ""),
            secret_key=env.get("SECRET_KEY", ""),
            gateway_url=env.get("GATEWAY_URL", "").rstrip("/"),
            token_ttl_s=read_int("TOKEN_TTL_S", 3600, env=env),
            hash_threads=read_int("HASH_THREADS", 2, high=64, env=env),
            # Longer than the slowest charge (15 s), shorter than a buyer's patience (30 s).
            payment_timeout_s=read_float("PAYMENT_TIMEOUT_S", 20.0, low=0.05, high=600, env=env),
            streams_per_buyer=read_int("STREAMS_PER_BUYER", 20, high=10_000, env=env),
        )
