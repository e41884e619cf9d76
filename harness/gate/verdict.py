"""From what was found to one exit code and one sentence; the first that applies decides.

Correctness comes first and is not statistics: one unit oversold, lost, duplicated or charged twice
in any run of any side decides, and no rerun undoes it.
"""

from collections.abc import Iterable, Sequence

from harness.errors import ExitCode
from harness.gate.result import CONTENTION, InvalidRun, Offence, Row, Ruling
from harness.gate.run_evidence import MAX_INVALID_BLOCKS
from harness.results.findings import Verdict


def verdict(
    rows: Sequence[Row], offences: Sequence[Offence], invalid_runs: Sequence[InvalidRun]
) -> tuple[ExitCode, str]:
    """Return what a gate comes to."""
    incorrect = [one for one in offences if one.is_incorrect]
    if broken := [one for one in incorrect if one.verdict == Verdict.FAIL]:
        return ExitCode.CORRECTNESS, f"the audit failed: {_listed(map(_offence, broken))}"
    if incorrect:
        return ExitCode.INVALID, f"not all was audited: {_listed(map(_offence, incorrect))}"
    if has_too_many(invalid_runs):
        runs = (f"{_place(one)}: {'; '.join(one.reasons)}" for one in invalid_runs)
        return ExitCode.INVALID, f"runs contradict themselves: {_listed(runs)}"
    if failed := [row for row in rows if row.ruling is Ruling.FAIL]:
        return ExitCode.REGRESSION, f"head is worse than base: {_listed(map(_row, failed))}"
    if open_ones := [row for row in rows if row.ruling is Ruling.INCONCLUSIVE]:
        return ExitCode.INCONCLUSIVE, f"not decided: {_listed(map(_row, open_ones))}"
    return (
        ExitCode.OK,
        "nothing was oversold or lost, and head is no worse than base by more than is tolerated",
    )


def strictly(code: ExitCode, statement: str, offences: Sequence[Offence]) -> tuple[ExitCode, str]:
    """Return what a gate comes to if durability and security of the set-up count as correctness."""
    weak = [one for one in offences if not one.is_incorrect and one.verdict == Verdict.FAIL]
    if not weak or code is ExitCode.CORRECTNESS:
        return code, statement
    return ExitCode.CORRECTNESS, f"the set-up fails (--strict): {_listed(map(_offence, weak))}"


def has_too_many(invalid_runs: Iterable[InvalidRun]) -> bool:
    """Return True if a run of the contention test is invalid, or too many blocks are."""
    lost = {(one.run.campaign, one.run.block) for one in invalid_runs}
    campaigns = [campaign for campaign, _ in lost]
    return any(
        name == CONTENTION or campaigns.count(name) > MAX_INVALID_BLOCKS for name in campaigns
    )


def _listed(words: Iterable[str]) -> str:
    """Return each thing once, the first three of them in full."""
    once = list(dict.fromkeys(words))
    more = f"; and {len(once) - 3} more" if len(once) > 3 else ""
    return "; ".join(once[:3]) + more


def _offence(one: Offence) -> str:
    return f"{_place(one)}: {one.invariant} {one.title}: {one.summary}"


def _place(one: Offence | InvalidRun) -> str:
    return f"{one.run.campaign}, run {one.run.index} ({one.run.approach}, {one.run.side})"


def _row(row: Row) -> str:
    return f"{row.subject}: {row.title}: {row.why}"
