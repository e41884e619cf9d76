"""Tokens and password hashing, without a database."""

import threading

import jwt
import pytest

from approaches.shop import accounts
from approaches.shop.accounts import Hasher, HashingBusy, Tokens
from approaches.shop.problems import Problem

SECRET = "s" * 32


@pytest.fixture(scope="module")
def hasher():
    return Hasher(2)


def test_a_token_tells_its_user():
    tokens = Tokens(SECRET, 60)
    header = f"Bearer {tokens.issue(7)['token']}"
    assert tokens.user_of(header) == 7
    assert tokens.user_of(header.replace("Bearer", "bearer")) == 7


def test_an_expired_token_is_refused_also_after_it_was_accepted(monkeypatch):
    now = [1_000_000.0]
    monkeypatch.setattr(accounts.time, "time", lambda: now[0])
    tokens = Tokens(SECRET, 60)
    token = tokens.issue(7)["token"]
    claims = jwt.decode(token, SECRET, ["HS256"], audience="shop", options={"verify_exp": False})
    assert claims["exp"] == 1_000_060
    with pytest.raises(Problem):  # that time is long past
        tokens.user_of(f"Bearer {token}")
    tokens._verified[f"shop {token}"] = (7, 1_000_060.0)
    assert tokens.user_of(f"Bearer {token}") == 7
    now[0] = 1_000_061.0
    with pytest.raises(Problem):
        tokens.user_of(f"Bearer {token}")


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic x", "Bearer x.y.z"])
def test_nothing_else_is_a_token(header):
    with pytest.raises(Problem) as caught:
        Tokens(SECRET, 60).user_of(header)
    assert caught.value.status == 401


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "7", "aud": "shop"},
        {"sub": "7", "exp": 9_999_999_999},
        {"aud": "shop", "exp": 9_999_999_999},
        {"sub": "seven", "aud": "shop", "exp": 9_999_999_999},
        {"sub": "7", "aud": "events", "exp": 9_999_999_999},
    ],
    ids=["no expiry", "no audience", "no user", "no number", "ticket"],
)
def test_a_token_with_other_claims_is_refused(claims):
    token = jwt.encode(claims, SECRET, algorithm="HS256")
    with pytest.raises(Problem):
        Tokens(SECRET, 60).user_of(f"Bearer {token}")


def test_an_unsigned_token_is_refused():
    token = jwt.encode({"sub": "7", "aud": "shop", "exp": 9_999_999_999}, None, algorithm="none")
    with pytest.raises(Problem):
        Tokens(SECRET, 60).user_of(f"Bearer {token}")


def test_a_ticket_opens_streams_only():
    tokens = Tokens(SECRET, 60)
    ticket, token = tokens.issue_ticket(7)["ticket"], tokens.issue(7)["token"]
    assert tokens.user_of_stream(None, ticket) == 7
    assert tokens.user_of_stream(f"Bearer {token}", None) == 7
    for wrong in (lambda: tokens.user_of_stream(None, token), lambda: tokens.user_of(ticket)):
        with pytest.raises(Problem):
            wrong()


def test_passwords_are_hashed_at_the_owasp_minimum(hasher):
    stored = hasher.hash("correct horse").result()
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert hasher.verify(stored, "correct horse").result()
    assert not hasher.verify(stored, "incorrect horse").result()
    assert not hasher.verify(None, "correct horse").result()
    assert not hasher.verify("no hash", "correct horse").result()


def test_a_full_queue_refuses_at_once_and_recovers(monkeypatch):
    hasher = Hasher(1, waiting=1)
    release = threading.Event()
    monkeypatch.setattr(accounts, "_matches", lambda stored, password: release.wait(30))
    waiting = [hasher.verify(None, "x"), hasher.verify(None, "x")]
    with pytest.raises(HashingBusy) as caught:
        hasher.verify(None, "x")
    assert caught.value.status == 503
    assert "Retry-After" in caught.value.headers()
    release.set()
    assert all(future.result(30) for future in waiting)
    assert hasher.verify(None, "x").result(30)
