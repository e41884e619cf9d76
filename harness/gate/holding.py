"""Holds a gate in one of its two modes, new or continued, and says so if nothing can be compared."""

from collections.abc import Callable
from pathlib import Path

from harness.campaign import Observer
from harness.errors import NotComparable
from harness.gate import baseline, plan, sides
from harness.gate.against import AgainstBase, AgainstBaseline
from harness.gate.conduct import Bench, Gate
from harness.gate.plan import Plan
from harness.gate.result import Result, Side
from harness.runtimes import runtime_named

Tell = Callable[[str], None]


def hold(asked: Plan, root: Path, out: Path, observer: Observer, tell: Tell) -> Result:
    """Conduct a gate in `out`, or what is left of it.

    Raises NotComparable, before anything is deployed, if there is nothing to compare head with.
    """
    if asked.mode == "baseline":
        return _against_baseline(asked, root, out, observer, tell)
    tell(f"laying out base ({asked.against}) and head")
    with sides.laid_out(root, asked.against) as both:
        _record(asked, out, both.base, both.head)
        approaches = asked.approaches or both.both
        missing = [name for name in approaches if name not in both.both]
        if missing:
            raise NotComparable(f"base has no approach {missing[0]}", "compare others with --approach")
        contestants = asked.approaches or both.of_head
        against = AgainstBase(approaches, contestants, asked.settings.criteria)
        runtime = runtime_named("local", both.pythons)
        bench = Bench(out, both.project, runtime, observer, tell)
        return Gate(asked, bench, against).conduct(both.base, both.head)
