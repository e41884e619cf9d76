"""`harness validate`: a scenario and the compose files, checked without running anything."""

from typing import Annotated

import typer

from harness.cli.application import app, console


@app.command()
def validate(
    scenario: Annotated[str, typer.Argument(help="Name in scenarios/, or a TOML file.")],
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
    names = ", ".join(sorted({variant for variant, _ in measured}))
    cases = f"{len(checked.cases)} cases, " if checked.cases else ""
    runs = len(measured) * checked.runs
    console.print(f"ok: {checked.title}: {checked.workload}, {cases}{runs} runs of {names}")
