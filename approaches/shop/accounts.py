"""Accounts: registration, login, tokens.

Passwords are hashed with argon2id at the OWASP minimum (19 MiB, 2 passes, 1 lane), about 27 ms of
one core each, in a pool of few threads with a bounded queue: a burst of logins is answered 503 at
once instead of starving the sale of CPU. An unknown address costs the same hash as a wrong
password, so the time of the answer does not show which it was.
"""

import asyncio
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import LiteralString, TypeVar

import jwt
from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation
from psycopg.rows import TupleRow

from approaches.shop.bodies import read_object, read_string
from approaches.shop.orders import timestamp
from approaches.shop.pools import AsyncPool, SyncPool
from approaches.shop.problems import Code, Problem

MIN_PASSWORD_LENGTH = 8
TICKET_TTL_S = 60

REGISTER_SQL = "INSERT INTO users (email, name, password_hash) VALUES (%s, %s, %s) RETURNING id"
LOGIN_SQL = "SELECT id, password_hash FROM users WHERE email = %s"

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_ARGON2 = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)


Result = TypeVar("Result")


class HashingBusy(Problem):
    """The queue of passwords to hash is full: nothing was done, try again."""

    def __init__(self) -> None:
        super().__init__(Code.OVERLOADED, "too many people are logging in right now")


class Hasher:
    """A bounded pool of threads that hash passwords; argon2 releases the GIL."""

    def __init__(self, threads: int, waiting: int = 256) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="hash")
        self._places = threading.BoundedSemaphore(threads + waiting)
        # What an unknown address is compared with: nobody knows the password it is made from.
        self._nobody = _ARGON2.hash(secrets.token_hex())

    def hash(self, password: str) -> "Future[str]":
        """Start hashing a password; raise HashingBusy if the queue is full."""
        return self._submit(partial(_ARGON2.hash, password))

    def verify(self, stored: str | None, password: str) -> "Future[bool]":
        """Start comparing a password with a stored hash (None: nobody's).

        Raise HashingBusy if the queue is full.
        """
        return self._submit(partial(_matches, stored or self._nobody, password))

    def _submit(self, work: Callable[[], Result]) -> "Future[Result]":
        if not self._places.acquire(blocking=False):
            raise HashingBusy
        future = self._pool.submit(work)
        future.add_done_callback(lambda _: self._places.release())
        return future


def _matches(stored: str, password: str) -> bool:
    try:
        return _ARGON2.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


@dataclass(frozen=True, slots=True)
class Registration:
    """What somebody registers with; the address in lower case."""

    email: str
    password: str
    name: str


@dataclass(frozen=True, slots=True)
class Credentials:
    """What somebody logs in with."""

    email: str
    password: str


def read_registration(body: bytes) -> Registration:
    """Read the body of POST /auth/register; raise Problem(invalid_request) naming what is wrong."""
    members = read_object(body)
    email = read_string(members, "email", low=3, high=254).lower()
    if not _EMAIL.fullmatch(email):
        raise Problem(Code.INVALID_REQUEST, "email must look like somebody@somewhere")
    return Registration(
        email,
        read_string(members, "password", low=MIN_PASSWORD_LENGTH, high=128),
        read_string(members, "name", low=1, high=200),
    )


def read_credentials(body: bytes) -> Credentials:
    """Read the body of POST /auth/login; raise Problem(invalid_request) naming what is wrong."""
    members = read_object(body)
    return Credentials(
        read_string(members, "email", low=1, high=254).lower(),
        read_string(members, "password", low=1, high=128),
    )


class Tokens:
    """Signed tokens (JWT, HS256): one kind for requests, a short-lived one for event streams.

    A browser's EventSource cannot send an Authorization header, so a stream also takes a ticket in
    its address; addresses end in logs, hence the ticket opens nothing but streams and dies within a
    minute.
    """

    def __init__(self, secret_key: str, ttl_s: int) -> None:
        self._secret_key = secret_key
        self._ttl_s = ttl_s
        self._verified: dict[str, tuple[int, float]] = {}

    def issue(self, user_id: int) -> dict[str, object]:
        """Return the answer to a login: token and the time it expires."""
        token, expires_at_s = self._sign(user_id, "shop", self._ttl_s)
        return {"token": token, "expires_at": timestamp(expires_at_s)}

    def issue_ticket(self, user_id: int) -> dict[str, object]:
        """Return a ticket for the event streams of this buyer's orders, and the time it expires."""
        ticket, expires_at_s = self._sign(user_id, "events", TICKET_TTL_S)
        return {"ticket": ticket, "expires_at": timestamp(expires_at_s)}

    def user_of(self, authorization: str | None) -> int:
        """Return the user id of an Authorization header.

        Raise Problem(unauthorized) if there is none.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Problem(Code.UNAUTHORIZED, "send the token of POST /auth/login as a bearer token")
        return self._user_of(token.strip(), "shop")

    def user_of_stream(self, authorization: str | None, ticket: str | None) -> int:
        """Return the user id that may open an event stream, by ticket or header.

        Raise Problem(unauthorized).
        """
        return self._user_of(ticket, "events") if ticket else self.user_of(authorization)

    def _sign(self, user_id: int, audience: str, ttl_s: int) -> tuple[str, int]:
        expires_at_s = int(time.time()) + ttl_s
        claims = {"sub": str(user_id), "aud": audience, "exp": expires_at_s}
        return jwt.encode(claims, self._secret_key, algorithm="HS256"), expires_at_s

    def _user_of(self, token: str, audience: str) -> int:
        # A buyer sends the same token with every request; checking the signature again costs 50 us
        # each time.
        cache_key = f"{audience} {token}"
        known = self._verified.get(cache_key)
        if known is not None and known[1] > time.time():
            return known[0]
        try:
            claims = jwt.decode(
                token,
                self._secret_key,
                algorithms=["HS256"],
                audience=audience,
                options={"require": ["sub", "exp", "aud"]},
            )
            user_id = int(claims["sub"])
        except (jwt.InvalidTokenError, ValueError):
            raise Problem(Code.UNAUTHORIZED, "the token is not valid or has expired") from None
        if len(self._verified) >= 10_000:
            self._verified.clear()
        self._verified[cache_key] = (user_id, float(claims["exp"]))
        return user_id


def _email_taken() -> Problem:
    return Problem(Code.EMAIL_TAKEN, "somebody registered with this address already")


def _wrong_credentials() -> Problem:
    return Problem(Code.UNAUTHORIZED, "email or password is wrong")


class Accounts:
    """Registration and login for threads."""

    def __init__(self, pool: SyncPool, hasher: Hasher, tokens: Tokens) -> None:
        self._pool = pool
        self._hasher = hasher
        self._tokens = tokens

    def register(self, body: bytes) -> Mapping[str, object]:
        """Create an account and return {user_id}.

        Raise Problem(invalid_request | email_taken | overloaded).
        """
        wanted = read_registration(body)
        stored = self._hasher.hash(wanted.password).result()
        try:
            with self._pool.connection() as connection:
                row = connection.execute(
                    REGISTER_SQL, (wanted.email, wanted.name, stored)
                ).fetchone()
        except UniqueViolation:
            raise _email_taken() from None
        return {"user_id": row[0]} if row else {}

    def log_in(self, body: bytes) -> Mapping[str, object]:
        """Return {token, expires_at}.

        Raise Problem(invalid_request | unauthorized | overloaded).
        """
        sent = read_credentials(body)
        with self._pool.connection() as connection:
            row = connection.execute(LOGIN_SQL, (sent.email,)).fetchone()
        if not self._hasher.verify(row[1] if row else None, sent.password).result() or row is None:
            raise _wrong_credentials()
        return self._tokens.issue(row[0])


class AsyncAccounts:
    """Registration and login for asyncio; the same rules as `Accounts`."""

    def __init__(self, pool: AsyncPool, hasher: Hasher, tokens: Tokens) -> None:
        self._pool = pool
        self._hasher = hasher
        self._tokens = tokens

    async def register(self, body: bytes) -> Mapping[str, object]:
        """Create an account and return {user_id}.

        Raise Problem(invalid_request | email_taken | overloaded).
        """
        wanted = read_registration(body)
        stored = await asyncio.wrap_future(self._hasher.hash(wanted.password))
        try:
            row = await self._row(REGISTER_SQL, wanted.email, wanted.name, stored)
        except UniqueViolation:
            raise _email_taken() from None
        return {"user_id": row[0]} if row else {}

    async def log_in(self, body: bytes) -> Mapping[str, object]:
        """Return {token, expires_at}.

        Raise Problem(invalid_request | unauthorized | overloaded).
        """
        sent = read_credentials(body)
        row = await self._row(LOGIN_SQL, sent.email)
        verified = await asyncio.wrap_future(
            self._hasher.verify(row[1] if row else None, sent.password)
        )
        if not verified or row is None:
            raise _wrong_credentials()
        return self._tokens.issue(row[0])

    async def _row(self, statement: LiteralString, *parameters: object) -> TupleRow | None:
        async def step(connection: AsyncConnection[TupleRow]) -> TupleRow | None:
            return await (await connection.execute(statement, parameters)).fetchone()

        return await self._pool.run(step)
