"""What a gate found, in words and numbers that every one of its outputs shares."""

from collections.abc import Iterable
from typing import Final

from harness.errors import ExitCode
from harness.gate.result import InvalidRun, Result, Row, Ruling, RunOf
from report import numbers

BELIEVED = (ExitCode.OK, ExitCode.REGRESSION, ExitCode.INCONCLUSIVE)
"""The verdicts that rest on the metrics; after any other the metrics say nothing about head."""
BEYOND = 1000.0
"""A bound beyond that factor says no more than that there is none."""
COLUMNS: Final = (
    "Subject",
    "Metric",
    "Base",
    "Head",
    "Change [one-sided bounds]",
    "Tolerated",
    "Ruling",
)
MEANINGS: Final = {
    ExitCode.OK: (
        "even the unfavourable bound of every metric is within what is tolerated: "
        "as far as the gate can see, this change makes nothing worse"
    ),
    ExitCode.CORRECTNESS: (
        "an invariant of the sale was broken, which is no statistics: "
        "no rerun to green undoes it; read the evidence first"
    ),
    ExitCode.INVALID: (
        "the measurement itself cannot be believed, so nothing is said about head; "
        "mend what is named below, or use a machine with more room, and measure again"
    ),
    ExitCode.NO_BASELINE: (
        "there is nothing that head may be compared with, so nothing is said about it"
    ),
    ExitCode.INFRASTRUCTURE: (
        "nothing was measured, so nothing is said about head; run the gate again when it can be"
    ),
}


def counts(result: Result) -> bool:
    """Return True if the metrics may be read as statements about head."""
    return result.exit_code in BELIEVED


def fails(result: Result, row: Row) -> bool:
    """Return True if a metric makes the gate fail: by its ruling, or undecided where that fails."""
    if not counts(result):
        return False
    if row.ruling is Ruling.INCONCLUSIVE:
        return result.exit_code is ExitCode.REGRESSION and not any_ruling(result, Ruling.FAIL)
    return row.ruling is Ruling.FAIL


def any_ruling(result: Result, ruling: Ruling) -> bool:
    """Return True if a metric has a ruling."""
    return any(row.ruling is ruling for row in result.rows)


def ruling(result: Result, row: Row) -> str:
    """Return the ruling of a metric as words."""
    return str(row.ruling) if counts(result) else f"{row.ruling} (does not count)"


def cells(result: Result, row: Row) -> list[str]:
    """Return a metric as the cells of a table, under `COLUMNS`."""
    return [
        row.subject,
        row.title,
        value(row, row.base),
        value(row, row.head),
        change(row),
        tolerated(row),
        ruling(result, row),
    ]


def value(row: Row, measured: float | None) -> str:
    """Return a value of a metric with its unit."""
    return numbers.quantity(measured, row.digits, row.unit)


def change(row: Row) -> str:
    """Return how head differs from base, with its one-sided bounds: ``+2.1 % [−3.0 %, +7.4 %]``."""
    if row.change is None:
        return numbers.NOTHING
    if row.low is None or row.high is None:
        return amount(row, row.change)
    bounds = f"[{amount(row, row.low)},\N{NO-BREAK SPACE}{amount(row, row.high)}]"
    return f"{amount(row, row.change)} {bounds}"


def amount(row: Row, changed: float) -> str:
    """Return a ratio as per cent more or less, or a difference in the metric's unit."""
    if row.kind == "difference":
        return numbers.difference(changed, row.digits, row.unit)
    if changed >= BEYOND:
        return f"> {numbers.times(BEYOND)}"
    return numbers.with_unit(numbers.signed(100 * (changed - 1), 1), "%")


def tolerated(row: Row) -> str:
    """Return the change from which on head is too much worse, and the limit of its value."""
    parts = []
    if row.kind != "none":
        parts.append(f"{'up' if row.better == 'lower' else 'down'} to {amount(row, _edge(row))}")
    if row.limit is not None:
        side = "at most" if row.better == "lower" else "at least"
        parts.append(f"{side} {value(row, row.limit)}")
    return "; ".join(parts) or numbers.NOTHING


def _edge(row: Row) -> float:
    """Return the worst change that is tolerated, as a ratio or a difference."""
    if row.kind == "difference":
        return row.tolerance if row.better == "lower" else -row.tolerance
    return 1 + row.tolerance if row.better == "lower" else 1 / (1 + row.tolerance)


def place(run: RunOf) -> str:
    """Return where a run is found."""
    return f"{run.campaign}, run {run.index}: {run.approach}, {run.side}, block {run.block}"


def why_invalid(one: InvalidRun) -> str:
    """Return why a run is invalid."""
    return "; ".join(one.reasons)


def audited(result: Result) -> str:
    """Return how much was audited."""
    runs = numbers.counted(result.audited_runs, "run")
    return f"{runs} and {numbers.counted(result.audited_sales, 'sale')} audited"


def meaning(result: Result) -> str:
    """Return what the verdict means for whoever waits for it."""
    code = result.exit_code
    if code is ExitCode.INCONCLUSIVE:
        return _undecided(result.rows)
    if code is ExitCode.OK and any_ruling(result, Ruling.INCONCLUSIVE):
        return f"counted as passed because it was asked for. {_undecided(result.rows)}"
    return _regression(result) if code is ExitCode.REGRESSION else MEANINGS[code]


def _regression(result: Result) -> str:
    """Return where to look for what is worse."""
    failed = [row for row in result.rows if row.ruling is Ruling.FAIL]
    if not failed:
        return f"counted as failed because it was asked for. {_undecided(result.rows)}"
    if all(_was_beyond_limit(row) for row in failed):
        return (
            "base is beyond the limit as well, so look for the cause in the limit, "
            "in the machine, or in an earlier change"
        )
    if result.mode == "baseline":
        return (
            "approaches were compared with each other, as then so now, which leaves the speed "
            "of the machine out: look for the cause in what has changed since the baseline"
        )
    return (
        "base and head were measured by turns on the same machine, "
        "so look for the cause in the change and not in the machine"
    )


def _was_beyond_limit(row: Row) -> bool:
    """Return True if base already is where head must not be."""
    if row.limit is None or row.base is None:
        return False
    return row.base > row.limit if row.better == "lower" else row.base < row.limit


def _undecided(rows: Iterable[Row]) -> str:
    """Return what keeps a metric from being decided, by the first that is not."""
    row = next(row for row in rows if row.ruling is Ruling.INCONCLUSIVE)
    if row.kind == "none" or row.low is None or row.high is None:
        return f"{row.subject}: {row.title} could not be judged: {row.why}"
    return (
        f"this machine is too noisy today to distinguish {amount(row, _edge(row))} from nothing: "
        f"the change of {row.subject}: {row.title} is between {amount(row, row.low)} and "
        f"{amount(row, row.high)}"
    )
