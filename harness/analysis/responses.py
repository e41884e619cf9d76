"""Every kind of request by two clocks: from when it was sent, and from when it was intended.

Service time is what the shop took. Response time is what a buyer who knows when it meant to ask had
to wait: it begins at the intended start, so a generator that sends late cannot hide a stall
(coordinated omission). In a closed load the intended start is the end of the request before plus
the thinking, and the two differ by the generator's lateness alone.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.analysis.columns import floats, is_in, response_ms
from harness.analysis.estimates import PERCENTILES, Sample, merge, percentile
from harness.analysis.run_facts import RunFacts
from harness.results.routes import ROUTES


def responses(runs: Sequence[RunFacts]) -> list[dict[str, Any]]:
    """Return one row per kind of request that was made: how many, and percentiles of both times.

    Counts are means over the runs; the least, the most and the percentiles (ms) are those of the
    merged answered requests, null if there is none, or too few.
    """
    return [
        _row(runs, endpoint, f"{method} {route}")
        for endpoint, (method, route) in ROUTES.items()
        if any(is_in(facts.requests, "endpoint", [endpoint]).any() for facts in runs)
    ]


def _row(runs: Sequence[RunFacts], endpoint: str, route: str) -> dict[str, Any]:
    sent, service, response = 0, [], []
    for facts in runs:
        requests = facts.requests
        of_kind = is_in(requests, "endpoint", [endpoint])
        answered = of_kind & requests["answered"].to_numpy(dtype=np.bool_)
        sent += int(np.count_nonzero(of_kind))
        service.append(Sample(floats(requests, "latency_ms")[answered]))
        response.append(Sample(response_ms(requests)[answered]))
    times = {"service": merge(service), "response": merge(response)}
    took_ms = np.concatenate([sample.values for sample in service])
    return {
        "request": endpoint,
        "route": route,
        "requests": sent / len(runs),
        "answered": len(took_ms) / len(runs),
        "service_min_ms": float(took_ms.min()) if len(took_ms) else None,
        "service_max_ms": float(took_ms.max()) if len(took_ms) else None,
        **{
            f"{name}_p{q}_ms": percentile(sample, q / 100).value
            for name, sample in times.items()
            if isinstance(sample, Sample)
            for q in PERCENTILES
        },
    }
