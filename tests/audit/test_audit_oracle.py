"""The auditor's own computation of a draw, against numbers worked out by hand and the gateway's."""

from typing import Literal

import pytest

from approaches.gateway import payment_draws as gateway
from harness.audit.oracle import expected_charges
from harness.results.record import Payments
from tests.support.simulated_shop import draw

LOGNORMAL = Payments(model="lognormal", mean_s=2.5, sigma=0.5, decline_rate=0.1, seed="42")
REFERENCES = [f"42-{user}-{attempt}" for user in range(500) for attempt in range(4)]


def test_a_known_draw() -> None:
    # HMAC-SHA256("42", "42-0-0") begins 0239204f278347be 1f43a5f91fc083cc, so u1 = 0.00868 and
    # u2 = 0.12213, z = -1.1644, exp(ln 2.5 - 0.125 + 0.5 z) = 1.2325.
    drawn = expected_charges(LOGNORMAL, ["42-0-0"]).iloc[0]
    assert (drawn["outcome"], drawn["latency_ms"]) == ("declined", 1232.542)


def test_draws_have_the_stated_distribution() -> None:
    drawn = expected_charges(LOGNORMAL, REFERENCES)
    assert (drawn["outcome"] == "declined").mean() == pytest.approx(0.10, abs=0.02)
    assert drawn["latency_ms"].mean() == pytest.approx(2500, rel=0.05)
    assert drawn["latency_ms"].median() == pytest.approx(2206, rel=0.05)


def test_latency_is_capped_or_fixed() -> None:
    slow = expected_charges(LOGNORMAL.model_copy(update={"mean_s": 14.0}), REFERENCES)
    assert slow["latency_ms"].max() == 15_000
    fixed = expected_charges(LOGNORMAL.model_copy(update={"model": "fixed"}), REFERENCES[:3])
    assert set(fixed["latency_ms"]) == {2500.0}


def test_repeated_references_are_drawn_once() -> None:
    drawn = expected_charges(LOGNORMAL, ["a", "b", "a"])
    assert list(drawn.index) == ["a", "b"]


@pytest.mark.parametrize("model", ["lognormal", "fixed"])
def test_it_agrees_with_the_gateway(model: Literal["lognormal", "fixed"]) -> None:
    drawn = expected_charges(LOGNORMAL.model_copy(update={"model": model}), REFERENCES)
    theirs = [gateway.draw("42", name, gateway.PaymentModel(model)) for name in REFERENCES]
    assert [draw.outcome for draw in theirs] == list(drawn["outcome"])
    assert [draw.latency_ms for draw in theirs] == list(drawn["latency_ms"])


def test_it_agrees_with_the_simulation_of_the_tests() -> None:
    payment = LOGNORMAL.model_copy(update={"mean_s": 0.5})
    drawn = expected_charges(payment, REFERENCES)
    assert [draw("42", reference) for reference in REFERENCES] == list(
        zip(drawn["outcome"], drawn["latency_ms"], strict=True)
    )
