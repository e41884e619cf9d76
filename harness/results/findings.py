"""Verdicts, and the two things that carry one: a finding of the audit and a law of the numbers.

The lattice PASS < UNKNOWN < FAIL is Jepsen's `merge-valid`: one failure decides, and what was not
measured never counts as a pass.
"""

from collections.abc import Iterable, Sequence
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


class Category(StrEnum):
    """What a finding is about, which decides what follows from it.

    Correctness is what was sold, charged and answered: a system that fails it is not ranked. How
    durable and how secure a system was set up is reported beside its numbers, and fails a command
    only if the user asks for that.
    """

    CORRECTNESS = "correctness"
    SET_UP = "durability and security of the set-up"


@dataclass(frozen=True, slots=True)
class Finding:
    """One audited invariant: its verdict and up to ten offending examples.

    `offences` says how many there are of each kind; doubts are none, but enter `count`.

    In a contention test of many sales the verdict is the worst of them, and the sales that have it,
    or are unknown, are named by their numbers.
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
    category: Category = Category.CORRECTNESS


def correctness(findings: Iterable[Finding]) -> Verdict:
    """Return the worst verdict on correctness; UNKNOWN if nothing was checked."""
    return worst(one.verdict for one in findings if one.category is Category.CORRECTNESS)


def of_set_up(findings: Iterable[Finding]) -> Sequence[Finding]:
    """Return what was found of durability and security: each finding that is not a pass."""
    return [
        one
        for one in findings
        if one.category is Category.SET_UP and one.verdict is not Verdict.PASS
    ]


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
