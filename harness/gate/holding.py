"""Holds a gate in one of its two modes; what cannot be compared is a result as well."""

from collections.abc import Callable
from pathlib import Path

from harness import campaign
from harness.campaign import Observer, Request
from harness.errors import ExitCode, NotComparable
from harness.gate import baseline, rule, sides
from harness.gate.against import AgainstBase, AgainstBaseline
from harness.gate.conduct import Bench, Gate
from harness.gate.plan import Plan
from harness.gate.result import Result, Side
from harness.runtimes import runtime_named
from harness.topology import discover

RUNTIME = "local"
"""What deploys both sides: on one machine, by turns, without images to be built."""

Tell = Callable[[str], None]


def hold(asked: Plan, root: Path, out: Path, observer: Observer, tell: Tell) -> Result:
    """Conduct a gate in `out`, or what is left of it.

    Raises NotComparable, before anything is deployed, if there is nothing to compare head with.
    """
    hold_it = _against_base if asked.mode == "base" else _against_baseline
    return hold_it(asked, root, out, observer, tell)


def unanswered(asked: Plan, root: Path, why: NotComparable) -> Result:
    """Return the result of a gate that had nothing to compare head with."""
    said, *reasons = why.message.splitlines()
    return Result(
        mode=asked.mode,
        exit_code=ExitCode.NO_BASELINE,
        statement=said.removesuffix(":"),
        base=Side(asked.against, None, False, "", ""),
        head=sides.described(root),
        scenario=asked.settings.scenario,
        contention=asked.settings.contention,
        seed=asked.scenario.seed,
        runtime=RUNTIME,
        created_at=asked.created_at,
        took_s=0.0,
        reasons=tuple(reason.removeprefix("- ") for reason in reasons or [said]),
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


def _against_baseline(asked: Plan, root: Path, out: Path, observer: Observer, tell: Tell) -> Result:
    file = Path(asked.against)
    stored = baseline.read(file)
    known = stored.description.approaches
    approaches = asked.approaches or tuple(name for name in discover(root) if name in known)
    runtime = runtime_named(RUNTIME)
    request = Request(asked.scenario, approaches, rule.LOOKS[-1], asked.scenario.seed)
    baseline.check(stored, asked.settings.criteria, campaign.describe(request, root, runtime))
    base, head = (
        sides.of_file(file, stored.description.environment.get("git")),
        sides.described(root),
    )
    asked.begin(out, {sides.BASE: base, sides.HEAD: head})
    against = AgainstBaseline(approaches, asked.settings.criteria, stored)
    return Gate(asked, Bench(out, root, runtime, observer, tell), against).conduct(base, head)
