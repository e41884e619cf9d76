"""What a gate found, as data: `report.gate` shows it to people and to other tools.

The three answers of a metric are those of a non-inferiority trial; the rule is in `rule`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from harness.analysis.outcomes import Kind
from harness.errors import ExitCode

CONTENTION, COMPARISON, CONFIRMATION = "contention", "comparison", "confirmation"
"""What the campaigns of a gate are made for; their folders' names begin with it."""


class Ruling(StrEnum):
    """The answer for one metric."""

    PASS = "PASS"  # noqa: S105 - not a password
    INCONCLUSIVE = "INCONCLUSIVE"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Row:
    """One metric of one subject: base against head.

    `subject` is an approach, or the ratio of two (``queue ÷ sync``) against a stored baseline.
    `base` and `head` are typical blocks, in `unit`. `change` is head / base (kind ``ratio``) or
    head - base in `unit` (kind ``difference``); null, as kind ``none``, if it cannot be measured.
    `low` and `high` are its one-sided bounds. `tolerance` is how much worse head may be: a share of
    a ratio, or in `unit`. `limit` is what head must not be beyond whatever base is, in `unit`.
    `why` says in a sentence what the ruling rests on.
    """

    subject: str
    metric: str
    title: str
    unit: str
    digits: int
    better: Literal["lower", "higher"]
    base: float | None
    head: float | None
    kind: Kind
    change: float | None
    low: float | None
    high: float | None
    tolerance: float
    limit: float | None
    blocks: int
    ruling: Ruling
    why: str


@dataclass(frozen=True, slots=True)
class Look:
    """What the metrics came to after `blocks` blocks of a campaign, named by its folder."""

    campaign: str
    blocks: int
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class RunOf:
    """A run of one of the gate's campaigns: `campaign` is its folder below the gate's.

    `side` is ``base`` or ``head``.
    """

    campaign: str
    index: int
    block: int
    approach: str
    side: str


@dataclass(frozen=True, slots=True)
class Offence:
    """An invariant of the audit that a run broke, or that could not be checked (UNKNOWN).

    `is_incorrect` if it is about correctness, not about the set-up.
    """

    run: RunOf
    invariant: str
    title: str
    verdict: str
    summary: str
    is_incorrect: bool = True


@dataclass(frozen=True, slots=True)
class InvalidRun:
    """A run whose numbers contradict themselves, and why."""

    run: RunOf
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WarnedRun:
    """A valid run beside which something was seen that may have disturbed it, and what."""

    run: RunOf
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Side:
    """What was measured as base or as head.

    `revision` is the commit (null: none), `uncommitted` whether something had been changed since.
    `sources` and `lock` are digests of what is deployed and of its locked packages.
    """

    name: str
    revision: str | None
    uncommitted: bool
    sources: str
    lock: str


@dataclass(frozen=True, slots=True)
class Result:
    """Everything that a gate found; `exit_code` is the verdict, `statement` says it in a sentence.

    `rows` are those of the last look at each comparison, as its confirmation leaves them.
    `confirmations` are the last looks at the second sets of blocks, made only to confirm what
    failed. `campaigns` are the folders below the gate's.
    """

    mode: Literal["base", "baseline"]
    exit_code: ExitCode
    statement: str
    base: Side
    head: Side
    scenario: str
    contention: str | None
    seed: int
    runtime: str
    created_at: str
    took_s: float
    rows: tuple[Row, ...] = ()
    looks: tuple[Look, ...] = ()
    confirmations: tuple[Look, ...] = ()
    offences: tuple[Offence, ...] = ()
    invalid_runs: tuple[InvalidRun, ...] = ()
    warned_runs: tuple[WarnedRun, ...] = ()
    reasons: tuple[str, ...] = ()
    """Why base and head cannot be compared."""
    audited_runs: int = 0
    audited_sales: int = 0
    campaigns: tuple[str, ...] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """Return the verdict as a word: the name of the exit code, ``PASS`` for 0."""
        return "PASS" if self.exit_code is ExitCode.OK else self.exit_code.name
