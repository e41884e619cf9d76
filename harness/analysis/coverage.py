"""What the runs of a case reached: states of orders, transitions between them, and answers.

It is counted from the ledger's history and the client's record of every request, so a case that
is meant to reach a state and does not is seen. A *cell* is one of them: the state `unknown`, the
transition `unknown → declined`, the answer `POST /orders 422 key_reused`.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import pandas as pd

from harness.results.routes import ROUTES
from harness.results.store import RunData

STATE: Final = "state"
TRANSITION: Final = "transition"
ANSWER: Final = "answer"
KINDS: Final = (STATE, TRANSITION, ANSWER)

ACCEPTED: Final = "accepted"
CANCELLED: Final = "cancelled"

Cell = tuple[str, str]
"""A kind and a name."""


def reached(runs: Iterable[RunData]) -> list[dict[str, Any]]:
    """Return every cell that the runs reached, with how often, by kind and name."""
    found: Counter[Cell] = Counter()
    for run in runs:
        found += _of_history(run.order_events) + _of_requests(run.requests)
        found += _of_cancelled(len(run.record.store.cancelled))
    order = sorted(found, key=lambda cell: (KINDS.index(cell[0]), cell[1]))
    return [{"kind": kind, "name": name, "count": found[kind, name]} for kind, name in order]


def transition(before: str, after: str) -> str:
    """Return the name of a transition."""
    return f"{before} → {after}"


def answer(method: str, route: str, status: int, code: str = "", *, replayed: bool = False) -> str:
    """Return the name of an answer; `code` is that of its problem body."""
    words = (f"{method} {route} {status}", code, "replayed" if replayed else "")
    return " ".join(word for word in words if word)


def _of_history(events: pd.DataFrame) -> Counter[Cell]:
    """Count the states and the transitions of all orders."""
    ordered = events.sort_values(["order_id", "version"], kind="stable")
    before = ordered.groupby("order_id")["status"].shift()
    steps = zip(before[before.notna()], ordered.loc[before.notna(), "status"], strict=True)
    found: Counter[Cell] = Counter((STATE, str(status)) for status in ordered["status"])
    found.update((TRANSITION, transition(*step)) for step in steps)
    return found


def _of_cancelled(count: int) -> Counter[Cell]:
    """Count the orders that the ledger refused: it has no history of them."""
    cells = [(STATE, ACCEPTED), (STATE, CANCELLED), (TRANSITION, transition(ACCEPTED, CANCELLED))]
    return Counter({cell: count for cell in cells if count})


def _of_requests(requests: pd.DataFrame) -> Counter[Cell]:
    """Count the answers by route, status, code and whether they repeat an earlier one.

    A record that an earlier version wrote has no codes.
    """
    answered = requests[(requests["status"] > 0) & requests["endpoint"].isin(ROUTES)]
    codes = answered["code"] if "code" in answered else [""] * len(answered)
    columns = zip(
        answered["endpoint"], answered["status"], codes, answered["replayed"], strict=True
    )
    return Counter(
        (ANSWER, answer(*ROUTES[endpoint], int(status), code, replayed=bool(replayed)))
        for endpoint, status, code, replayed in columns
    )
