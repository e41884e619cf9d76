"""Runs a gate in one of its two modes; what cannot be compared is a result as well."""

from collections.abc import Callable, Sequence
from pathlib import Path

from harness import campaign
from harness.campaign import Observer, Request, Variant
from harness.errors import HarnessError, NotComparable
from harness.gate import rule, sides, stored_baseline, worktree
from harness.gate.comparison_modes import AgainstBase, AgainstBaseline
from harness.gate.gate_plan import Plan
from harness.gate.procedure import Bench, Gate
from harness.gate.result import Result, Side
from harness.gate.sides import BASE, HEAD
from harness.gate.stored_baseline import Baseline
from harness.runtimes import runtime_named
from harness.topology import by_default, discover

RUNTIME = "local"
"""What deploys both sides: on one machine, in turn, without images to be built."""

OnMessage = Callable[[str], None]


def check(asked: Plan, root: Path) -> None:
    """Raise NotComparable or UsageError for a base that is not there; nothing is done yet."""
    if asked.mode == "base":
        worktree.revision_of(root, asked.against)
    else:
        stored_baseline.read(Path(asked.against))


def run_gate(
    asked: Plan, root: Path, out: Path, observer: Observer, on_message: OnMessage
) -> Result:
    """Make every run of a gate in `out` that is missing.

    Raises NotComparable, before anything is deployed, if there is nothing to compare head with.
    """
    run = _against_base if asked.mode == "base" else _against_baseline
    return run(asked, root, out, observer, on_message)


def unanswered(asked: Plan, root: Path, why: HarnessError) -> Result:
    """Return the result of a gate that has measured nothing, and why: the error's exit code."""
    said, *reasons = why.message.splitlines()
    listed = tuple(reason.removeprefix("- ") for reason in reasons or [said])
    return Result(
        mode=asked.mode,
        exit_code=why.exit_code,
        statement=said.removesuffix(":"),
        base=Side(asked.against, None, False, "", ""),
        head=sides.described(root),
        scenario=asked.settings.scenario,
        contention=asked.settings.contention,
        seed=asked.scenario.seed,
        runtime=RUNTIME,
        created_at=asked.created_at,
        took_s=0.0,
        reasons=listed if isinstance(why, NotComparable) else (),
    )


def _against_base(
    asked: Plan, root: Path, out: Path, observer: Observer, on_message: OnMessage
) -> Result:
    on_message(f"laying out base ({asked.against}) and head")
    with sides.laid_out(root, asked.against) as both:
        asked.begin(out, {BASE: both.base, HEAD: both.head})
        approaches = asked.approaches or by_default(
            {name: both.of_head[name] for name in both.both}
        )
        if missing := [name for name in approaches if name not in both.both]:
            raise NotComparable(
                f"base has no approach {missing[0]!r}", "compare others with --approach"
            )
        mode = AgainstBase(
            {name: (both.variant(name, BASE), both.variant(name, HEAD)) for name in approaches},
            [both.variant(name, HEAD) for name in asked.approaches or by_default(both.of_head)],
            asked.settings.criteria,
        )
        runtime = runtime_named(RUNTIME, both.pythons)
        bench = Bench(out, both.head_folder, runtime, observer, on_message)
        return Gate(asked, bench, mode).run(both.base, both.head)


def _against_baseline(
    asked: Plan, root: Path, out: Path, observer: Observer, on_message: OnMessage
) -> Result:
    file = Path(asked.against)
    stored = stored_baseline.read(file)
    variants = _variants_of_head(asked.approaches, stored, root)
    runtime = runtime_named(RUNTIME)
    request = Request(asked.scenario, variants, rule.LOOKS[-1], asked.scenario.seed)
    stored_baseline.check(
        stored, asked.settings.criteria, campaign.describe(request, root, runtime)
    )
    base, head = (
        sides.of_file(file, stored.description.environment.get("git")),
        sides.described(root),
    )
    asked.begin(out, {BASE: base, HEAD: head})
    mode = AgainstBaseline(variants, asked.settings.criteria, stored)
    return Gate(asked, Bench(out, root, runtime, observer, on_message), mode).run(base, head)


def _variants_of_head(approaches: Sequence[str], stored: Baseline, root: Path) -> list[Variant]:
    """Return what the baseline measured, as far as head has it; or of the approaches asked for."""
    known = [Variant.of_json(one, folder=None) for one in stored.description.variants]
    if not approaches:
        found = discover(root)
        return [one for one in known if one.approach in found]
    new = set(approaches) - {one.approach for one in known}
    return [
        *(one for one in known if one.approach in approaches),
        *(Variant(name, name) for name in approaches if name in new),
    ]
