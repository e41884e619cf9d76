"""How an invariant speaks: offences make it FAIL, doubts UNKNOWN, and a crash is a doubt.

The rules are Jepsen's (`checker.clj`): a checker is a pure function over the history, "never read"
is unknown and not true, and a checker that throws has found nothing out.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import pandas as pd

from harness.audit.facts import Facts, NotMeasuredError
from harness.results.findings import Finding, Verdict
from harness.results.store import RunData

EXAMPLES = 10

BY_THE_CLOCK = (
    "buyers refused who held",
    "charges answered before",
    "event streams without an end",
    "events before",
    "answers that hide",
    "orders accepted after",
    "orders accepted before",
    "orders beyond the limit",
    "orders finished before",
    "orders settled after",
    "refusals while stock was free",
    "stock events that leave",
    "stock moves that leave",
)
"""How offences begin that rest on the wall clock. If it was set while they happened, they may be
its doing: the run is an invalid measurement, and these are doubts."""

Invariant = Callable[[RunData | Facts], Finding]
"""A pure function of a run; one that is given `Facts` shares what was made of it before."""


class Evidence:
    """Collects the rows that contradict an invariant."""

    def __init__(self, *, at_rest: bool, clock_was_set: bool = False) -> None:
        self._at_rest = at_rest
        self._clock_was_set = clock_was_set
        self._offences: list[tuple[str, pd.DataFrame]] = []
        self._doubts: list[tuple[str, pd.DataFrame]] = []

    def offence(
        self,
        what: str,
        rows: pd.DataFrame,
        wrong: "pd.Series[bool] | None" = None,
        shown: Sequence[str] | None = None,
    ) -> None:
        """Add the rows that contradict the invariant, whatever else is true; none is no offence.

        `wrong` says which of `rows` do (all, if left out), `shown` which columns tell about them.
        """
        if self._clock_was_set and what.startswith(BY_THE_CLOCK):
            self.doubt(f"{what} (while the wall clock was set)", rows, wrong, shown)
            return
        _add(self._offences, what, rows, wrong, shown)

    def doubt(
        self,
        what: str,
        rows: pd.DataFrame,
        wrong: "pd.Series[bool] | None" = None,
        shown: Sequence[str] | None = None,
    ) -> None:
        """Add the rows that leave the invariant undecided."""
        _add(self._doubts, what, rows, wrong, shown)

    def at_rest(
        self,
        what: str,
        rows: pd.DataFrame,
        wrong: "pd.Series[bool] | None" = None,
        shown: Sequence[str] | None = None,
    ) -> None:
        """Add the rows that contradict the invariant if the shop was at rest when it was read.

        The stores are read one after the other, so those of a run that did not drain may differ
        because work went on in between; such rows are a doubt.
        """
        if self._at_rest:
            self.offence(what, rows, wrong, shown)
        else:
            self.doubt(f"{what} (read while work was still under way)", rows, wrong, shown)

    def finding(self, identifier: str, title: str, holds: str) -> Finding:
        """Return the finding; `holds` is its summary if nothing contradicts it."""
        found = self._offences + self._doubts
        verdict = Verdict.PASS
        if found:
            verdict = Verdict.FAIL if self._offences else Verdict.UNKNOWN
        examples = [
            {"what": what, **{str(key): _plain(value) for key, value in row.items()}}
            for what, rows in found
            for row in rows.head(EXAMPLES).to_dict("records")
        ]
        return Finding(
            id=identifier,
            title=title,
            verdict=verdict,
            summary="; ".join(f"{what}: {len(rows)}" for what, rows in found) or holds,
            count=sum(len(rows) for _, rows in found),
            examples=tuple(examples[:EXAMPLES]),
            offences={what: len(rows) for what, rows in self._offences},
        )


def _add(
    found: list[tuple[str, pd.DataFrame]],
    what: str,
    rows: pd.DataFrame,
    wrong: "pd.Series[bool] | None",
    shown: Sequence[str] | None,
) -> None:
    """Pick the wrong rows only if there are any: picking, for nothing, took half of an audit."""
    if wrong is not None:
        if not wrong.any():
            return
        rows = rows[wrong]
    if len(rows):
        found.append((what, rows if shown is None else rows[list(shown)]))


Check = Callable[[Facts, Evidence], str]


def invariant(identifier: str, title: str) -> Callable[[Check], Invariant]:
    """Make an invariant of a check, which adds evidence and returns what holds if there is none."""

    def make(check: Check) -> Invariant:
        @wraps(check)
        def judged(run: RunData | Facts) -> Finding:
            facts = run if isinstance(run, Facts) else Facts(run)
            evidence = Evidence(at_rest=facts.at_rest, clock_was_set=facts.clock_was_set)
            try:
                return evidence.finding(identifier, title, check(facts, evidence))
            except NotMeasuredError as missing:
                return Finding(identifier, title, Verdict.UNKNOWN, f"not measured: {missing}")
            except Exception as error:
                return Finding(
                    identifier,
                    title,
                    Verdict.UNKNOWN,
                    f"the check itself failed: {type(error).__name__}: {error}",
                )

        return judged

    return make


def _plain(value: Any) -> Any:
    """Return a value as JSON knows it."""
    if hasattr(value, "item"):
        value = value.item()
    return None if pd.api.types.is_scalar(value) and pd.isna(value) else value
