"""What the simulated gateway must do with a charge, computed a second time.

Written from the specification and not shared with the gateway: an auditor that called the gateway's
own function would repeat its mistakes. The draw is HMAC-SHA256(seed, reference); its first eight
bytes decide the outcome, the next eight the latency.
"""

import hmac
import math
from collections.abc import Iterable
from statistics import NormalDist

import pandas as pd

from harness.results.record import Payments

LATENCY_CAP_S = 15.0


def expected_charges(payment: Payments, references: Iterable[str]) -> pd.DataFrame:
    """Return the outcome and the latency in ms of each reference, in a frame indexed by it.

    `payment` is what the record says of the draws.
    """
    seed = payment.seed.encode()
    names = list(dict.fromkeys(references))
    digests = [hmac.digest(seed, name.encode(), "sha256") for name in names]
    outcomes = [
        "declined" if _uniform(d[:8]) < payment.decline_rate else "approved" for d in digests
    ]
    latencies = [_latency_ms(payment, _uniform(d[8:16])) for d in digests]
    return pd.DataFrame(
        {"outcome": outcomes, "latency_ms": latencies},
        index=pd.Index(names, name="reference", dtype="str"),
    )


def _uniform(octets: bytes) -> float:
    return (int.from_bytes(octets, "big") + 0.5) / 2**64


def _latency_ms(payment: Payments, u: float) -> float:
    mean_s, sigma = payment.mean_s, payment.sigma
    if payment.model == "fixed":
        return mean_s * 1000
    mu = math.log(mean_s) - sigma**2 / 2
    return round(min(math.exp(mu + sigma * _NORMAL.inv_cdf(u)), LATENCY_CAP_S) * 1000, 3)


_NORMAL = NormalDist()
