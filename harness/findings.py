"""Verdicts, and the two things that carry one: a finding of the audit and a law of the numbers.

The lattice PASS < UNKNOWN < FAIL is Jepsen's `merge-valid`: one failure decides, and what was not
measured never counts as a pass.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """The answer of a check, ordered PASS < UNKNOWN < FAIL."""

    PASS = "PASS"  # noqa: S105 - not a password
    UNKNOWN = "UNKNOWN"
    FAIL = "FAIL"


_SEVERITY = {Verdict.PASS: 0, Verdict.UNKNOWN: 1, Verdict.FAIL: 2}


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the most severe verdict; of none, UNKNOWN, because nothing was checked."""
    return max(verdicts, key=_SEVERITY.__getitem__, default=Verdict.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Finding:
    """One audited invariant: its verdict and up to ten offending examples.

    `offences` says how many there are of each kind; doubts are none, but enter `count`.

    In a contest of many sales the verdict is the worst of them, and the sales that have it, or are
    unknown, are named by their numbers.
    """

    id: str
    title: str
    verdict: Verdict
    summary: str
    count: int = 0
    examples: tuple[dict[str, Any], ...] = field(default=())
    offences: dict[str, int] = field(default_factory=dict)
    failed_sales: tuple[int, ...] = ()
    unknown_sales: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Law:
    """One law that the numbers of a run obey: |residual| must not exceed tolerance.

    `left` and `right` are its two sides in `unit`. The residual is their difference, in the same
    unit or as a share of them, as the law says.
    """

    name: str
    verdict: Verdict
    residual: float | None
    tolerance: float
    detail: str
    stage: str | None = None
    left: float | None = None
    right: float | None = None
    unit: str = ""
