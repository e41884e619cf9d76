"""What the gateway decides: a pure function of seed and reference of a charge.

    digest   = HMAC-SHA256(key = seed, message = reference)
    u1, u2   = the two leading 64-bit big-endian words of the digest, each as (word + 0.5) / 2**64
    outcome  = declined if u1 < decline_rate, else approved
    latency  = exp(mu + sigma * z(u2)) seconds, at most 15, with mu = ln(mean_s) - sigma**2 / 2,
               z = quantile of the standard normal; or exactly mean_s ("fixed")

The reference is the buyer's idempotency key and not the order's id, which every run draws anew:
common random numbers. The log-normal with this mu has the mean `mean_s` before the cap; at 2.5 s
and sigma 0.5 the cap takes less than 0.01 % of it.
"""

import hmac
import math
from dataclasses import dataclass
from hashlib import sha256
from statistics import NormalDist
from typing import Literal

LONGEST_LATENCY_S = 15.0

LatencyModel = Literal["lognormal", "fixed"]
LATENCY_MODELS: tuple[LatencyModel, ...] = ("lognormal", "fixed")
ChargeOutcome = Literal["approved", "declined"]

_STANDARD_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class PaymentModel:
    """Parameters of the draw: latency in seconds, share of declined charges."""

    latency: LatencyModel = "lognormal"
    mean_s: float = 2.5
    sigma: float = 0.5
    decline_rate: float = 0.10


@dataclass(frozen=True, slots=True)
class Draw:
    """What becomes of one charge."""

    outcome: ChargeOutcome
    latency_ms: float


def draw(seed: str, reference: str, model: PaymentModel) -> Draw:
    """Return what becomes of the charge with this reference."""
    digest = hmac.new(seed.encode(), reference.encode(), sha256).digest()
    outcome: ChargeOutcome = "declined" if _unit(digest[:8]) < model.decline_rate else "approved"
    if model.latency == "fixed":
        return Draw(outcome, round(model.mean_s * 1000, 3))
    mu = math.log(model.mean_s) - model.sigma**2 / 2
    latency_s = math.exp(mu + model.sigma * _STANDARD_NORMAL.inv_cdf(_unit(digest[8:16])))
    return Draw(outcome, round(min(latency_s, LONGEST_LATENCY_S) * 1000, 3))


def _unit(word: bytes) -> float:
    # (2**64 - 0.5) / 2**64 is 1.0 to a float, where the quantile is infinite: one draw in 2**53.
    return min((int.from_bytes(word, "big") + 0.5) / 2**64, 1 - 2**-53)
