"""`harness conform`: whether an approach keeps the HTTP contract, through its mapping."""

from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.application import app, console
from harness.cli.help_pages import OPERATE, examples
from harness.cli.options import RuntimeOption, complete_approach
from harness.errors import ExitCode

if TYPE_CHECKING:
    from harness.scenario.model import Scenario

_FAST = {"model": "fixed", "mean_s": 0.05}
"""Payments of the checks, which wait for many."""


@app.command(
    rich_help_panel=OPERATE,
    epilog=examples("harness conform queue", "harness conform sync --runtime docker"),
)
def conform(
    approach: Annotated[
        str, typer.Argument(help="The approach to check.", autocompletion=complete_approach)
    ],
    runtime: RuntimeOption = "local",
    scenario: Annotated[str, typer.Option(help="Scenario whose product is seeded.")] = "quick",
) -> ExitCode:
    """Bring an approach up, and check that it keeps the HTTP contract, through its mapping."""
    from harness.project import project_root
    from harness.runtimes import runtime_named
    from harness.scenario.model import load_scenario
    from harness.topology import find_approach

    root = project_root()
    find_approach(root, approach)
    loaded = _with_fast_payments(load_scenario(scenario, root))
    chosen = runtime_named(runtime)

    from harness.campaign import Choice, Request, choose, keep_up
    from harness.conformance import CHECKS, Outcome, ShopUnderTest
    from harness.results.record import Payments

    variants = choose(loaded, root, Choice(approaches=(approach,)), scenario)
    request = Request(loaded, variants, runs=1, seed=loaded.seed, source=scenario)
    payment = Payments(**loaded.payment.model_dump(), seed=str(loaded.seed))
    with (
        keep_up(request, root, chosen, 0, lambda _: None) as (deployment, _),
        ShopUnderTest.of(deployment, payment) as shop,
    ):
        results = []
        for check in CHECKS:
            results.append(check(shop))
            found = results[-1]
            why = f": {found.why}" if found.why else ""
            said = f"{found.outcome:{len(Outcome.NOT_SUPPORTED)}}  {found.title}{why}"
            console.print(said, markup=False)
    failed = sum(one.outcome is Outcome.FAILED for one in results)
    unasked = sum(one.outcome is Outcome.NOT_SUPPORTED for one in results)
    console.print(f"{len(results)} checks: {failed} failed, {unasked} not supported")
    return ExitCode.CORRECTNESS if failed else ExitCode.OK


def _with_fast_payments(scenario: "Scenario") -> "Scenario":
    return scenario.model_copy(update={"payment": scenario.payment.model_copy(update=_FAST)})
