"""`harness validate`: a scenario and the compose files, checked without running anything."""

from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.application import app, console, print_json
from harness.cli.help_pages import MEASURE, examples
from harness.cli.options import JsonOption, complete_scenario

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.topology import Topology


@app.command(
    rich_help_panel=MEASURE,
    epilog=examples("harness validate flash_sale", "harness validate my/own.toml --json"),
)
def validate(
    scenario: Annotated[
        str,
        typer.Argument(
            help="Name in scenarios/, or a TOML file.", autocompletion=complete_scenario
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Check a scenario and the approaches' compose files without running anything."""
    from harness.project import project_root
    from harness.scenario.model import load_scenario

    root = project_root()
    checked = load_scenario(scenario, root)
    from harness import campaign

    chosen = campaign.choose(checked, root, source=scenario)
    variants = campaign.points(chosen, checked, root, scenario)
    request = campaign.Request(checked, variants, checked.runs, checked.seed, source=scenario)
    measured = campaign.topologies(request, root)
    names = sorted({variant for variant, _ in measured})
    runs = len(measured) * checked.runs
    if as_json:
        print_json(
            {
                "scenario": scenario,
                "title": checked.title,
                "workload": checked.workload,
                "cases": [case.name for case in checked.cases],
                "variants": names,
                "runs": runs,
            }
        )
        return
    cases = f"{len(checked.cases)} cases, " if checked.cases else ""
    listed = ", ".join(names)
    console.print(f"ok: {checked.title}: {checked.workload}, {cases}{runs} runs of {listed}")
    for line in _unmeasured({variant: topology for (variant, _), topology in measured.items()}):
        console.print(line)


def _unmeasured(topologies: "Mapping[str, Topology]") -> "Iterator[str]":
    """Yield, by variant, what the audit will not know, because the shop does not yield it."""
    from harness.audit import COUNTERS, INVARIANTS

    for name, topology in topologies.items():
        absent = [*topology.ledger_sql.missing, *topology.ledger_sql.unnamed]
        lacks = {what: f"its ledger yields no {what}" for what in absent}
        if not topology.counters:
            lacks[COUNTERS] = "it has no counters of requests"
        for what, said in lacks.items():
            readers = [one.id for one in INVARIANTS if one.is_blind_without(what, lacks)]
            if readers:
                yield f"{name}: {said}: unknown: {', '.join(readers)}"
