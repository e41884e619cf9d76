"""Holds a gate in one of its two modes; what cannot be compared is a result as well."""

from collections.abc import Callable
from pathlib import Path

from harness.campaign import Observer
from harness.errors import ExitCode, NotComparable
from harness.gate import sides
from harness.gate.against import AgainstBase
from harness.gate.conduct import Bench, Gate
from harness.gate.plan import Plan
from harness.gate.result import Result, Side
from harness.runtimes import runtime_named

RUNTIME = "local"
"""What deploys both sides: on one machine, by turns, without images to be built."""

Tell = Callable[[str], None]


def hold(asked: Plan, root: Path, out: Path, observer: Observer, tell: Tell) -> Result:
    """Conduct a gate in `out`, or what is left of it.

    Raises NotComparable, before anything is deployed, if there is nothing to compare head with.
    """
    return _against_base(asked, root, out, observer, tell)


def unanswered(asked: Plan, root: Path, why: NotComparable) -> Result:
    """Return the result of a gate that had nothing to compare head with."""
    return Result(
        mode=asked.mode,
        exit_code=ExitCode.NO_BASELINE,
        statement=why.message,
        base=Side(asked.against, None, False, "", ""),
        head=sides.described(root),
        scenario=asked.settings.scenario,
        contest=asked.settings.contest,
        seed=asked.scenario.seed,
        runtime=RUNTIME,
        created_at=asked.created_at,
        took_s=0.0,
        reasons=tuple(why.message.splitlines()),
    )


def _against_base(asked: Plan, root: Path, out: Path, observer: Observer, tell: Tell) -> Result:
    tell(f"laying out base ({asked.against}) and head")
    with sides.laid_out(root, asked.against) as both:
        asked.begin(out, {sides.BASE: both.base, sides.HEAD: both.head})
        approaches = asked.approaches or both.both
        if missing := [name for name in approaches if name not in both.both]:
            raise NotComparable(
                f"base has no approach {missing[0]!r}", "compare others with --approach"
            )
        against = AgainstBase(approaches, asked.approaches or both.of_head, asked.settings.criteria)
        runtime = runtime_named(RUNTIME, both.pythons)
        bench = Bench(out, both.project, runtime, observer, tell)
        return Gate(asked, bench, against).conduct(both.base, both.head)
