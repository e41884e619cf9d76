"""A prober tells a wrong answer from none, and keeps count of what it asked."""

import httpx
import pytest

from harness.conformance import PROBES, Buyer, ShopUnderTest, Undecided
from harness.conformance.check import Violation
from harness.results.record import Payments
from harness.topology import load_topology
from tests.support.small_project import write_small_project

PAYMENT = Payments(model="fixed", mean_s=0.05, sigma=0.5, decline_rate=0.1, seed="1")
SAME, BODY, IDS, PRIVATE = PROBES


class Deployment:
    def __init__(self, topology):
        self.topology = topology


@pytest.fixture
def asked(tmp_path):
    """Ask a probe of a shop that answers by a function of method, path and key."""
    topology = load_topology(write_small_project(tmp_path))

    def ask(probe, answer):
        transport = httpx.MockTransport(answer)
        http = httpx.Client(base_url="http://shop", transport=transport)
        shop = ShopUnderTest(Deployment(topology), PAYMENT, http)
        probe(Buyer(shop, "one"), Buyer(shop, "other"), 2)
        return shop

    return ask


def by_key(request):
    return httpx.Response(202, json={"order_id": request.headers["idempotency-key"]})


def busy(_):
    return httpx.Response(503, json={"code": "overloaded"})


def silent(_):
    raise httpx.ReadTimeout("too late")


def test_what_holds_is_counted_as_it_was_asked(asked):
    assert asked(SAME, by_key).requests == {("POST", "/orders", 202): 2}
    assert asked(IDS, by_key).requests == {("POST", "/orders", 202): 2}


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
