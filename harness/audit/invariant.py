"""An invariant: its declaration, and the evidence that decides it.

Offences make it FAIL, doubts UNKNOWN, and a check that crashes is a doubt. The rules are Jepsen's
(`checker.clj`): a checker is a pure function over the history, "never read" is unknown and not
true, and a checker that throws has found nothing out.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

import pandas as pd

from harness.audit.facts import Facts, NotMeasuredError
from harness.results.findings import Category, Finding, Verdict
from harness.results.store import RunData

EXAMPLES = 10


class Evidence:
    """Collects the rows that contradict an invariant."""

    def __init__(self, *, at_rest: bool, clock_doubt: str = "") -> None:
        self._at_rest = at_rest
        self._clock_doubt = clock_doubt
        self._offences: list[tuple[str, pd.DataFrame]] = []
        self._doubts: list[tuple[str, pd.DataFrame]] = []

    def offence(
        self,
        what: str,
        rows: pd.DataFrame,
        wrong: "pd.Series[bool] | None" = None,
        shown: Sequence[str] | None = None,
        *,
        by_the_clock: bool = False,
    ) -> None:
        """Add the rows that contradict the invariant, whatever else is true; none is no offence.

        `wrong` says which of `rows` do (all, if left out), `shown` which columns describe them.
        If clocks cannot be compared, what rests on them (`by_the_clock`) may be the clocks' doing:
        the run is no valid measurement, and the rows are a doubt.
        """
        if self._clock_doubt and by_the_clock:
            self.doubt(f"{what} ({self._clock_doubt})", rows, wrong, shown)
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
        *,
        by_the_clock: bool = False,
    ) -> None:
        """Add the rows that contradict the invariant if the shop was at rest when it was read.

        The stores are read one after the other, so those of a run that did not drain may differ
        because work went on in between; such rows are a doubt.
        """
        if self._at_rest:
            self.offence(what, rows, wrong, shown, by_the_clock=by_the_clock)
        else:
            self.doubt(f"{what} (read while work was still under way)", rows, wrong, shown)

    def verdict(self) -> Verdict:
        """Return what the evidence comes to."""
        if self._offences:
            return Verdict.FAIL
        return Verdict.UNKNOWN if self._doubts else Verdict.PASS

    def finding(self, invariant: "Invariant", holds: str) -> Finding:
        """Return the finding; `holds` is its summary if nothing contradicts the invariant."""
        found = self._offences + self._doubts
        examples = [
            {"what": what, **{str(key): _plain(value) for key, value in row.items()}}
            for what, rows in found
            for row in rows.head(EXAMPLES).to_dict("records")
        ]
        return replace(
            invariant.finding(
                self.verdict(), "; ".join(f"{what}: {len(rows)}" for what, rows in found) or holds
            ),
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
        if shown is not None:  # what a ledger does not yield cannot be shown
            rows = rows[[column for column in shown if column in rows]]
        found.append((what, rows))


Check = Callable[[Facts, Evidence], str]
"""Adds evidence, and returns in words what holds if there is none."""


class Scope(StrEnum):
    """What an invariant must see to be decided."""

    ORDER = "an order with all that belongs to it, whichever sale it is of"
    SALE = "one sale"
    DEPLOYMENT = "the whole deployment, which the sales of a contention test share"


COUNTERS: Final = "counters"
"""What `x-harness.counters` names: servers that count their requests."""


@dataclass(frozen=True, slots=True)
class Invariant:
    """One invariant: a pure function of a run.

    One that is given `Facts` shares what was made of the run before.
    """

    id: str
    title: str
    category: Category
    scope: Scope
    check: Check
    reads: tuple[str, ...] = ()
    """What the shop must yield for it, as `invariant` takes it."""

    def __call__(self, run: RunData | Facts) -> Finding:
        """Check it on a run; an input that is missing, or a check that crashes, is UNKNOWN.

        Offences that were found before an input was missed are offences all the same.
        """
        facts = run if isinstance(run, Facts) else Facts(run)
        evidence = Evidence(at_rest=facts.at_rest, clock_doubt=facts.clock_doubt)
        try:
            return evidence.finding(self, self.check(facts, evidence))
        except NotMeasuredError as missing:
            why = f"not measured: {missing}"
            if evidence.verdict() is not Verdict.FAIL:
                return self.finding(Verdict.UNKNOWN, why)
            found = evidence.finding(self, "")
            return replace(found, summary=f"{found.summary}; {why}")
        except Exception as error:
            return self.finding(
                Verdict.UNKNOWN, f"the check itself failed: {type(error).__name__}: {error}"
            )

    def is_blind_without(self, what: str, absent: Collection[str]) -> bool:
        """Return True if it reads what is absent, and nothing that is there in place of it."""
        needs = (need.split(" or ") for need in self.reads)
        return any(what in need and set(absent).issuperset(need) for need in needs)

    def finding(self, verdict: Verdict, summary: str) -> Finding:
        """Return a finding of this invariant, without offences."""
        return Finding(self.id, self.title, verdict, summary, category=self.category)

    @property
    def number(self) -> int:
        """Return the number in its id."""
        return int(self.id.removeprefix("I"))

    @property
    def statement(self) -> str:
        """Return in one sentence what it checks: the first of its check's docstring."""
        return " ".join((self.check.__doc__ or "").split("\n\n")[0].split())


def invariant(
    identifier: str,
    title: str,
    category: Category = Category.CORRECTNESS,
    scope: Scope = Scope.SALE,
    reads: tuple[str, ...] = (),
) -> Callable[[Check], Invariant]:
    """Declare an invariant: its check, under an id that is an ``I`` with a number, and a title.

    `reads` are what the shop must yield: relations of the ledger, columns of them that it may lack
    (``orders.key``, or one ``or`` another), and `COUNTERS`.
    """

    def declare(check: Check) -> Invariant:
        return Invariant(identifier, title, category, scope, check, reads)

    return declare


def _plain(value: Any) -> Any:
    """Return a value as JSON knows it."""
    if hasattr(value, "item"):
        value = value.item()
    return None if pd.api.types.is_scalar(value) and pd.isna(value) else value
