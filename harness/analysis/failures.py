"""What failed, by endpoint, status and message: the requests that got a 5xx answer or none.

They are the requests that the error rate counts, and no others: a refusal (409 sold out, 402
declined) is an answer. Load generators print such a table at their end (Locust: "Error report").
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pandas as pd

from harness.analysis.columns import integers
from harness.analysis.order_counts import errors
from harness.analysis.run_facts import NANOSECONDS, RunFacts
from harness.results.routes import ROUTES

Kind = tuple[str, int, str]
"""Endpoint, status (0: no answer), message."""


def failures(runs: Sequence[RunFacts]) -> list[dict[str, Any]]:
    """Return one row per kind of failure, the most frequent first.

    `count` is a mean over the runs, `share_pct` the share of the requests of that kind that failed
    so, in %, `per_s` how many there were per second of load, `first_s` and `last_s` when the first
    and the last of them ended, in s since the load began, in any run.
    """
    found: Counter[Kind] = Counter()
    asked: Counter[str] = Counter()
    when_s: dict[Kind, tuple[float, float]] = {}
    for facts in runs:
        for endpoint, n in facts.requests["endpoint"].value_counts().items():
            asked[str(endpoint)] += int(n)
        for kind, ended_s in _kinds(facts):
            found[kind] += len(ended_s)
            first_s, last_s = when_s.get(kind, (float("inf"), float("-inf")))
            when_s[kind] = min(first_s, float(ended_s.min())), max(last_s, float(ended_s.max()))
    load_s = sum(facts.load_s for facts in runs)
    ordered = sorted(found, key=lambda kind: (-found[kind], kind))
    return [_row(kind, found[kind], len(runs), asked[kind[0]], load_s, when_s[kind])
            for kind in ordered]  # fmt: skip


def _row(
    kind: Kind, count: int, runs: int, asked: int, load_s: float, when_s: tuple[float, float]
) -> dict[str, Any]:
    endpoint, status, message = kind
    return {
        "request": endpoint,
        "route": " ".join(ROUTES.get(endpoint, ("", endpoint))).strip(),
        "status": status,
        "message": message,
        "count": count / runs,
        "share_pct": 100 * count / asked,
        "per_s": count / load_s,
        "first_s": when_s[0],
        "last_s": when_s[1],
    }


def _kinds(facts: RunFacts) -> "list[tuple[Kind, pd.Series[float]]]":
    """Return every kind of failure of a run, with when each ended, in s since the load began.

    The message is the code of a problem body, else what the client met. A record that an earlier
    version wrote has no codes.
    """
    requests = facts.requests
    failed = requests[errors(facts)]
    if failed.empty:
        return []
    messages = _texts(failed["error"])
    if "code" in failed:
        codes = _texts(failed["code"])
        messages = codes.where(codes != "", messages)
    table = pd.DataFrame(
        {
            "endpoint": failed["endpoint"].astype(str).to_numpy(),
            "status": integers(failed, "status"),
            "message": messages.to_numpy(),
            "ended_s": integers(failed, "done_ns") / NANOSECONDS,
        }
    )
    grouped = table.groupby(["endpoint", "status", "message"], sort=True)["ended_s"]
    return [(_kind(*key), ended_s) for key, ended_s in grouped]


def _kind(endpoint: Any, status: Any, message: Any) -> Kind:
    return str(endpoint), int(status), str(message)


def _texts(column: "pd.Series[Any]") -> "pd.Series[str]":
    return column.astype(object).fillna("").astype(str)
