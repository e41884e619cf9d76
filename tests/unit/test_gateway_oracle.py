"""The draw: as specified, so that an auditor can recompute it, and well distributed."""

import hmac
import math
import statistics
from hashlib import sha256

import pytest

from approaches.gateway import payment_draws
from approaches.gateway.payment_draws import PaymentModel, draw

REFERENCES = [f"42-{user}-{attempt}" for user in range(1000) for attempt in range(10)]


@pytest.mark.parametrize("reference", ["42-17-3", "", "42-0-0", "\u00e9"])
def test_the_draw_follows_its_specification(reference):
    digest = hmac.new(b"seed", reference.encode(), sha256).digest()
    u1, u2 = ((int.from_bytes(digest[i : i + 8], "big") + 0.5) / 2**64 for i in (0, 8))
    mu = math.log(2.5) - 0.5**2 / 2
    latency_s = math.exp(mu + 0.5 * statistics.NormalDist().inv_cdf(u2))
    drawn = draw("seed", reference, PaymentModel())
    assert drawn.outcome == ("declined" if u1 < 0.10 else "approved")
    assert drawn.latency_ms == round(min(latency_s, 15.0) * 1000, 3)


@pytest.mark.parametrize(
    ("reference", "outcome", "latency_ms"),
    [
        ("42-1-0", "approved", 3948.827),
        ("42-17-3", "approved", 3893.73),
        ("42-0-0", "declined", 1232.542),
    ],
)
def test_known_draws(reference, outcome, latency_ms):
    drawn = draw("42", reference, PaymentModel())
    assert (drawn.outcome, drawn.latency_ms) == (outcome, latency_ms)


def test_another_seed_or_reference_is_another_draw():
    first = draw("42", "a", PaymentModel())
    assert draw("42", "a", PaymentModel()) == first
    assert draw("43", "a", PaymentModel()) != first
    assert draw("42", "b", PaymentModel()) != first


def test_draws_have_the_stated_distribution():
    drawn = [draw("42", reference, PaymentModel()) for reference in REFERENCES]
    declined = sum(one.outcome == "declined" for one in drawn) / len(drawn)
    assert declined == pytest.approx(0.10, abs=0.01)
    latencies_s = [one.latency_ms / 1000 for one in drawn]
    assert statistics.mean(latencies_s) == pytest.approx(2.5, rel=0.02)
    assert statistics.median(latencies_s) == pytest.approx(2.21, rel=0.02)
    assert statistics.quantiles(latencies_s, n=100)[94] == pytest.approx(5.02, rel=0.04)
    assert max(latencies_s) <= 15.0


def test_outcome_and_latency_are_independent():
    drawn = [draw("42", reference, PaymentModel()) for reference in REFERENCES]
    by_outcome = {
        outcome: statistics.mean(one.latency_ms for one in drawn if one.outcome == outcome)
        for outcome in ("approved", "declined")
    }
    assert by_outcome["declined"] == pytest.approx(by_outcome["approved"], rel=0.05)


@pytest.mark.parametrize(("rate", "outcome"), [(0.0, "approved"), (1.0, "declined")])
def test_the_extremes_of_the_decline_rate_are_exact(rate, outcome):
    model = PaymentModel(decline_rate=rate)
    assert {draw("42", reference, model).outcome for reference in REFERENCES[:500]} == {outcome}


def test_fixed_latency_is_the_mean_itself():
    model = PaymentModel("fixed", mean_s=0.0512)
    assert {draw("42", reference, model).latency_ms for reference in REFERENCES[:9]} == {51.2}


@pytest.mark.parametrize("word", [b"\x00" * 8, b"\xff" * 8])
def test_the_extreme_words_give_finite_quantiles(word):
    assert math.isfinite(statistics.NormalDist().inv_cdf(payment_draws._unit(word)))
