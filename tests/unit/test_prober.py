"""A prober tells a wrong answer from none, and keeps count of what it asked."""

import threading
from contextlib import contextmanager

import httpx
import pytest

import harness.campaign.prober as prober_module
from harness.campaign.prober import Prober
from harness.conformance import PROBES, Buyer, ShopUnderTest, Undecided
from harness.conformance.check import NotSupported, Violation
from harness.results.record import Payments
from harness.topology import load_topology
from tests.support.small_project import COMPOSE, write_small_project

PAYMENT = Payments(model="fixed", mean_s=0.05, sigma=0.5, decline_rate=0.1, seed="1")
SAME, BODY, IDS, PRIVATE = PROBES
WITHOUT_KEY = "{request: POST /buy, body: {item: '{product_id}', count: '{quantity}'}}"
WITHOUT_QUANTITY = "{request: POST /buy, body: {item: '{product_id}', key: '{key}'}}"


class Deployment:
    def __init__(self, topology):
        self.topology = topology


@pytest.fixture
def asked(tmp_path):
    """Ask a probe of a shop that answers by a function of method, path and key."""

    def ask(probe, answer):
        shop = shop_that(tmp_path, answer)
        probe(Buyer(shop, "one"), Buyer(shop, "other"), 2)
        return shop

    return ask


def shop_that(tmp_path, answer, buy=None, payment=PAYMENT):
    """A shop that answers by a function of the request, with a mapping of its purchase."""
    compose = write_small_project(tmp_path)
    mapping = f"\n  contract: {{buy: {buy}}}\n" if buy else "\n"
    compose.write_text(COMPOSE.replace("  ledger: postgres\n", f"  ledger: postgres{mapping}", 1))
    http = httpx.Client(base_url="http://shop", transport=httpx.MockTransport(answer))
    return ShopUnderTest(Deployment(load_topology(compose)), payment, http)


def by_key(request):
    return httpx.Response(202, json={"order_id": request.headers["idempotency-key"]})


def busy(_):
    return httpx.Response(503, json={"code": "overloaded"})


def silent(_):
    raise httpx.ReadTimeout("too late")


@pytest.mark.parametrize("probe", [SAME, IDS], ids=lambda probe: probe.title)
def test_what_holds_is_counted_as_it_was_asked(asked, probe):
    assert asked(probe, by_key).sent() == {("POST", "/orders", 202): 2}


@pytest.mark.parametrize("answer", [busy, silent])
@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.title)
def test_a_busy_shop_leaves_a_question_open(asked, probe, answer):
    with pytest.raises(Undecided):
        asked(probe, answer)


@pytest.mark.parametrize("probe", [BODY, IDS, PRIVATE], ids=lambda probe: probe.title)
def test_a_wrong_answer_is_a_violation(asked, probe):
    same = lambda _: httpx.Response(202, json={"order_id": "1", "status": "accepted"})  # noqa: E731
    with pytest.raises(Violation):
        asked(probe, same)


def shown_to_everybody(request):
    if request.method == "GET":
        return httpx.Response(200, json={"order_id": "1", "status": "accepted"})
    return httpx.Response(202, json={"order_id": "1", "status": "accepted"})


def test_an_order_that_is_shown_to_everybody_is_a_violation(asked):
    with pytest.raises(Violation, match="GET /orders/1 by 200"):
        asked(PRIVATE, shown_to_everybody)


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.title)
def test_where_nothing_was_sold_there_is_nothing_to_ask(asked, probe):
    refusals = {"POST": 409, "GET": 404}
    with pytest.raises(Undecided, match="sold_out"):
        asked(probe, lambda r: httpx.Response(refusals[r.method], json={"code": "sold_out"}))


def test_a_purchase_without_a_quantity_is_of_one(tmp_path):
    buyer = Buyer(shop_that(tmp_path, by_key, WITHOUT_QUANTITY), "one")
    with pytest.raises(NotSupported, match="states no quantity"):
        buyer.buy(2, "key", quantity=2)


@pytest.mark.parametrize(("rate", "outcome"), [(0.0, "declined"), (1.0, "approved")])
def test_no_key_has_an_outcome_that_the_rate_rules_out(tmp_path, rate, outcome):
    payment = PAYMENT.model_copy(update={"decline_rate": rate})
    shop = shop_that(tmp_path, by_key, payment=payment)
    with pytest.raises(NotSupported, match=f"no payment is {outcome}: decline_rate is {rate:g}"):
        shop.key(outcome)


def with_accounts(answer):
    """A shop that lets everybody in, and answers everything else by a function."""

    def respond(request):
        if request.url.path == "/auth/register":
            return httpx.Response(201, json={"user_id": 1})
        if request.url.path == "/auth/login":
            return httpx.Response(200, json={"token": "t"})
        return answer(request)

    return respond


@pytest.fixture
def prober(tmp_path, monkeypatch):
    """A prober that has its accounts, of a shop that answers by a function."""

    def prepared(answer, buy=None):
        shop = shop_that(tmp_path, with_accounts(answer), buy)

        @contextmanager
        def of(*_):
            yield shop
            shop.http.close()

        monkeypatch.setattr(ShopUnderTest, "of", of)
        asking = Prober(shop.deployment, PAYMENT, every_s=0)
        asking.prepare()
        return asking

    return prepared


def counted(prober):
    return [(one.asked, one.undecided, one.violated) for one in prober.facts().probes]


def broken(_):
    raise RuntimeError("a mistake of ours")


@pytest.mark.parametrize(
    ("answer", "count"),
    [(by_key, (1, 0, 0)), (busy, (1, 1, 0)), (broken, (1, 1, 0))],
    ids=["answered", "busy", "broken"],
)
def test_a_question_is_counted_by_what_came_of_it(prober, answer, count):
    asking = prober(answer)
    assert asking.ask(SAME)
    assert counted(asking) == [count, (0, 0, 0), (0, 0, 0), (0, 0, 0)]


@pytest.mark.parametrize(
    ("buy", "unasked"), [(WITHOUT_KEY, PROBES), (WITHOUT_QUANTITY, [BODY])], ids=["key", "quantity"]
)
def test_what_cannot_be_asked_is_not_counted(prober, buy, unasked):
    asking = prober(shown_to_everybody, buy)
    assert [probe for probe in PROBES if not asking.ask(probe)] == list(unasked)
    assert [one.title for one in asking.facts().probes if not one.asked] == [
        probe.title for probe in unasked
    ]


def test_connections_that_are_in_use_are_not_closed(prober, monkeypatch):
    is_asked, may_answer = threading.Event(), threading.Event()

    def late(request):
        is_asked.set()
        may_answer.wait()
        return by_key(request)

    asking = prober(late)
    asking.start()
    is_asked.wait()
    monkeypatch.setattr(prober_module, "STOP_LIMIT_S", 0)
    asking.stop()
    assert not asking._shop.http.is_closed
    assert counted(asking) == [(0, 0, 0)] * len(PROBES)
    may_answer.set()
    monkeypatch.setattr(prober_module, "STOP_LIMIT_S", 60)
    asking.stop()
    assert asking._shop.http.is_closed
    assert counted(asking)[0] == (1, 0, 0)


def test_a_prober_with_nothing_to_ask_ends(prober):
    asking = prober(by_key, WITHOUT_KEY)
    asking.start()
    asking.stop()
    assert counted(asking) == [(0, 0, 0)] * len(PROBES)
