"""Registration, login and who is let in, the same in every approach."""

import base64
import json
import uuid

import pytest

from tests.contract.shops import NO_ORDER, assert_problem

ACCOUNT = {"email": "x@example.org", "password": "long enough", "name": "X"}


def test_an_address_registers_once_in_any_case(shop):
    account = {**ACCOUNT, "email": f"{uuid.uuid4().hex}@example.org"}
    first = shop.http.post("/auth/register", json=account)
    assert first.status_code == 201
    assert first.json()["user_id"] >= 1
    again = {**account, "email": account["email"].upper()}
    assert_problem(shop.http.post("/auth/register", json=again), 409, "email_taken")


@pytest.mark.parametrize(
    "change",
    [
        {"email": "nobody"},
        {"email": "a@b c"},
        {"email": None},
        {"email": "x" * 300 + "@example.org"},
        {"email": "nul\0@example.org"},
        {"password": "short"},
        {"password": 12345678},
        {"password": "nul\0nul\0nul"},
        {"password": "x" * 129},
        {"name": ""},
        {"name": ["X"]},
        {"name": "\ud800"},
    ],
    ids=repr,
)
def test_a_bad_registration_is_refused(shop, change):
    body = json.dumps({**ACCOUNT, **change}).encode()
    headers = {"Content-Type": "application/json"}
    answer = shop.http.post("/auth/register", content=body, headers=headers)
    assert_problem(answer, 400, "invalid_request")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"1", b"\xff\xfe", b"[" * 9000])
@pytest.mark.parametrize("path", ["/auth/register", "/auth/login"])
def test_a_body_that_is_no_object_is_refused(shop, path, body):
    headers = {"Content-Type": "application/json"}
    answer = shop.http.post(path, content=body, headers=headers)
    assert_problem(answer, 400, "invalid_request")


def test_a_login_gives_a_token_that_expires(shop, buyer):
    payload = buyer.token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["sub"] == str(buyer.user_id)
    assert "exp" in claims


@pytest.mark.parametrize("known", [True, False])
def test_a_wrong_login_does_not_tell_what_was_wrong(shop, known):
    email = f"{uuid.uuid4().hex}@example.org"
    if known:
        shop.http.post("/auth/register", json={**ACCOUNT, "email": email})
    wrong = {"email": email, "password": "not this one"}
    answer = shop.http.post("/auth/login", json=wrong)
    assert_problem(answer, 401, "unauthorized")
    assert answer.json()["detail"] == "email or password is wrong"


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer x.y.z", "Basic eDp5"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/orders"),
        ("GET", f"/orders/{NO_ORDER}"),
        ("GET", f"/orders/{NO_ORDER}/events"),
        ("POST", "/auth/ticket"),
    ],
)
def test_nobody_gets_in_without_a_token(shop, method, path, header):
    headers = {} if header is None else {"Authorization": header}
    answer = shop.http.request(method, path, headers=headers)
    assert_problem(answer, 401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_token_with_another_signature_is_refused(shop, buyer):
    head, payload, _ = buyer.token.split(".")
    forged = f"{head}.{payload}.{base64.urlsafe_b64encode(b'x' * 32).decode().rstrip('=')}"
    answer = shop.http.post("/auth/ticket", headers={"Authorization": f"Bearer {forged}"})
    assert_problem(answer, 401, "unauthorized")


def test_a_ticket_opens_nothing_but_streams(shop, buyer):
    ticket = shop.http.post("/auth/ticket", headers=buyer.headers).json()["ticket"]
    answer = shop.http.post("/auth/ticket", headers={"Authorization": f"Bearer {ticket}"})
    assert_problem(answer, 401, "unauthorized")
