"""The accounts that a fault deletes: what they ask, what is counted, and what is recorded of it."""

import threading
from types import SimpleNamespace

import httpx
import pytest

from harness.campaign import collect
from harness.errors import InfrastructureError
from harness.faults.actions import accounts
from harness.results.record import FaultRecord
from harness.scenario.faults import Fault
from harness.topology.ledger_sql import default_ledger_sql

ORDER = "0190-an-order"


class FakeLedger:
    """Knows accounts by their address; they are numbered from 1."""

    def __init__(self):
        self.users = {}
        self.deleted = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def execute(self, query, parameters):
        if query.startswith(b"DELETE"):
            self.deleted += parameters["ids"]
            return None
        return SimpleNamespace(fetchone=lambda: (self.users[parameters["email"]],))


@pytest.fixture
def ledger(monkeypatch):
    one = FakeLedger()
    monkeypatch.setattr(accounts.psycopg, "connect", lambda *_, **__: one)
    monkeypatch.setattr(accounts, "_POLL_S", 0.001)
    monkeypatch.setattr(accounts, "_PAUSES_S", (0.001,) * 6)
    return one


@pytest.fixture
def play(monkeypatch, ledger):
    """Play a fault of two accounts against a shop that answers what it is told to."""

    def played(answer):
        action = accounts.DeleteAccounts(
            Fault(kind="delete_account", at_s=1, count=2),
            SimpleNamespace(
                address="http://shop",
                dsn=lambda: "",
                topology=SimpleNamespace(ledger_sql=default_ledger_sql()),
            ),
            threading.Event(),
        )
        transport = httpx.MockTransport(answer)
        client = lambda: httpx.Client(base_url="http://shop", transport=transport)  # noqa: E731
        monkeypatch.setattr(action, "_shop", client)
        action.prepare()
        action.inject()
        action.recover()
        return action.facts()

    return played


def shop(ledger, on_order, on_poll=lambda: httpx.Response(404), on_register=None):
    def answer(request):
        if request.url.path == "/auth/register":
            address = httpx.Response(200, content=request.content).json()["email"]
            lost = address not in ledger.users and on_register
            ledger.users.setdefault(address, len(ledger.users) + 1)
            if lost:
                raise httpx.ReadTimeout("lost")
            return httpx.Response(409 if on_register else 201, json={})
        if request.url.path == "/auth/login":
            return httpx.Response(200, json={"token": "live"})
        assert request.headers["Authorization"] == "Bearer live"
        return on_order() if request.method == "POST" else on_poll()

    return answer


def counted(facts):
    fault = FaultRecord(kind="delete_account", service=None, **facts)
    return dict(collect.requests_of_faults([fault]))


def test_a_shop_that_refuses_is_asked_once(play, ledger):
    facts = play(shop(ledger, lambda: httpx.Response(401, json={"code": "unauthorized"})))
    assert ledger.deleted == facts["users"] == [1, 2]
    bought = [(one.user_id, one.status, one.order_id) for one in facts["purchases"]]
    assert bought == [(1, 401, None), (2, 401, None)]
    assert counted(facts) == {
        ("POST", "/auth/register", 201): 2,
        ("POST", "/auth/login", 200): 2,
        ("POST", "/orders", 401): 2,
    }


def test_the_status_of_a_refusal_is_no_state_of_an_order(play, ledger):
    """A problem body has the HTTP status as `status` (RFC 9457)."""
    sold_out = httpx.Response(409, json={"status": 409, "code": "sold_out"})
    facts = play(shop(ledger, lambda: sold_out))
    bought = [(one.status, one.order_id, one.order_status) for one in facts["purchases"]]
    assert bought == [(409, None, None)] * 2


def test_an_accepted_order_is_asked_for_until_it_has_ended(play, ledger):
    states = iter(["accepted", "accepted", "cancelled", "cancelled"])
    lock = threading.Lock()

    def poll():
        with lock:
            return httpx.Response(200, json={"status": next(states)})

    accepted = httpx.Response(202, json={"order_id": ORDER, "status": "accepted"})
    facts = play(shop(ledger, lambda: accepted, poll))
    assert {one.order_status for one in facts["purchases"]} == {"cancelled"}
    assert counted(facts)["GET", "/orders/{id}", 200] == 4


def test_an_order_that_never_ends_is_recorded_as_it_was_last_seen(play, ledger, monkeypatch):
    monkeypatch.setattr(accounts, "POLL_LIMIT_S", 0.02)
    accepted = httpx.Response(202, json={"order_id": ORDER, "status": "accepted"})
    facts = play(shop(ledger, lambda: accepted, lambda: httpx.Response(502)))
    assert {one.order_status for one in facts["purchases"]} == {"accepted"}
    assert ("GET", "/orders/{id}", 502) not in counted(facts)  # a proxy's own: nobody counted it


def test_an_open_outcome_is_tried_again_with_the_same_key(play, ledger):
    answers = iter([httpx.Response(503), httpx.Response(401), httpx.Response(500), *[None] * 9])
    facts = play(shop(ledger, lambda: next(answers) or httpx.Response(500)))
    assert [one.status for one in facts["purchases"]] == [401, 500]
    assert counted(facts)["POST", "/orders", 500] == 7


def test_a_registration_whose_answer_got_lost_is_one_all_the_same(play, ledger):
    facts = play(shop(ledger, lambda: httpx.Response(401), on_register="lost"))
    assert facts["users"] == [1, 2]
    assert counted(facts)["POST", "/auth/register", 409] == 2


def test_a_store_that_is_down_from_the_fault_before_is_waited_for(play, ledger):
    served = shop(ledger, lambda: httpx.Response(401))
    down = iter([httpx.Response(503)] * 6)
    facts = play(lambda request: next(down, None) or served(request))
    assert facts["users"] == [1, 2]
    assert counted(facts)["POST", "/auth/register", 503] == 6


def test_a_shop_that_takes_no_accounts_is_an_error_of_the_fault(play):
    with pytest.raises(InfrastructureError, match="cannot register or log in: 400"):
        play(lambda _: httpx.Response(400))
