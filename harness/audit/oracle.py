"""What the simulated gateway must do with a charge, computed a second time.

Written from the specification and not shared with the gateway: an auditor that called the gateway's
own function would repeat its mistakes. The draw is HMAC-SHA256(seed, reference); its first eight
bytes decide the outcome, the next eight the latency.
"""

import hmac
import math
from collections.abc import Iterable, Mapping
from statistics import NormalDist
from typing import Any

import pandas as pd

LATENCY_CAP_S = 15.0


def expected_charges(payment: Mapping[str, Any], references: Iterable[str]) -> pd.DataFrame:
    """Return the outcome and the latency in ms of each reference, in a frame indexed by it.

    `payment` is the record's model, mean_s, sigma, decline_rate and seed.
    """
    seed = str(payment["seed"]).encode()
    names = list(dict.fromkeys(references))
    digests = [hmac.digest(seed, name.encode(), "sha256") for name in names]
    decline_rate = float(payment["decline_rate"])
    outcomes = ["declined" if _uniform(d[:8]) < decline_rate else "approved" for d in digests]
    latencies = [_latency_ms(payment, _uniform(d[8:16])) for d in digests]
    return pd.DataFrame(
        {"outcome": outcomes, "latency_ms": latencies},
        index=pd.Index(names, name="reference", dtype="str"),
    )


def _uniform(octets: bytes) -> float:
    return (int.from_bytes(octets, "big") + 0.5) / 2**64


def _latency_ms(payment: Mapping[str, Any], u: float) -> float:
    mean_s, sigma = float(payment["mean_s"]), float(payment["sigma"])
    if payment["model"] == "fixed":
        return mean_s * 1000
    mu = math.log(mean_s) - sigma**2 / 2
    return round(min(math.exp(mu + sigma * _NORMAL.inv_cdf(u)), LATENCY_CAP_S) * 1000, 3)


_NORMAL = NormalDist()
