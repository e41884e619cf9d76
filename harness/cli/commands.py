"""The commands that make and read campaigns.

Each parses its words, calls one thing, and returns an exit code. What takes long to import is
imported by the command that needs it: pydantic and YAML, so that `--help` and a wrong word are
answered at once; pandas, scipy and matplotlib only after all words were found to be right.
"""

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from harness.cli.app import app, console, print_table
from harness.cli.words import (
    LiveOption,
    LivePortOption,
    RunsOption,
    SameSeedOption,
    ScaleOption,
    SeedOption,
    SettingsOption,
    StrictOption,
    read_runs,
    read_scales,
    read_settings,
)
from harness.errors import ExitCode, Interrupted, UsageError
from harness.runtime_names import RUNTIMES

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.analysis import Prices
    from harness.campaign import Observer
    from harness.store import Campaign

CampaignArgument = Annotated[
    Path | None, typer.Argument(help="Folder of a campaign; the newest in results/ if left out.")
]


@app.command()
def run(
    scenario: Annotated[
        str | None, typer.Argument(help="Name in scenarios/, or a TOML file. [flash_sale]")
    ] = None,
    approach: Annotated[
        list[str] | None, typer.Option(help="Only this approach; may be repeated.")
    ] = None,
    case: Annotated[
        list[str] | None, typer.Option(help="Only this case of the scenario; may be repeated.")
    ] = None,
    runs: RunsOption = None,
    seed: SeedOption = None,
    same_seed: SameSeedOption = False,
    scale: ScaleOption = None,
    settings: SettingsOption = None,
    runtime: Annotated[
        str | None, typer.Option(help=f"What deploys: {' or '.join(RUNTIMES)}. [local]")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the campaign.")] = None,
    strict: StrictOption = False,
    resume: Annotated[
        Path | None, typer.Option(help="Continue the campaign in this folder.")
    ] = None,
    live: LiveOption = False,
    live_port: LivePortOption = None,
) -> ExitCode:
    """Measure the approaches under a scenario, audit every run, and write the report."""
    from harness.runtimes import runtime_named
    from harness.scenario import load_scenario
    from harness.topology import project_root

    root = project_root()
    port = (live_port or 0) if live or live_port is not None else None
    if resume is not None:
        _refuse(scenario, approach, case, runs, seed is not None or same_seed, scale, settings, out)
        return _resume(resume, root, runtime, port, strict)
    loaded = load_scenario(scenario or "flash_sale", root)
    scales, changes = read_scales(scale), read_settings(settings)
    chosen = runtime_named(runtime or RUNTIMES[0])
    n_runs = read_runs(runs, otherwise=loaded.runs)
    folder = out or root / "results" / _campaign_name(scenario or "flash_sale")

    from harness import campaign

    request = campaign.Request(
        scenario=loaded,
        source=scenario or "flash_sale",
        approaches=tuple(dict.fromkeys(approach or ())),
        cases=tuple(dict.fromkeys(case or ())),
        runs=n_runs or campaign.MOST_BLOCKS,
        seed=loaded.seed if seed is None else seed,
        same_seed=same_seed,
        scale=scales,
        settings=changes,
        until_decided=n_runs is None,
    )
    return _watched(folder, port, partial(campaign.run, request, root, folder, chosen), strict)


@app.command(name="report")
def report_command(
    path: CampaignArgument = None,
    prices: Annotated[Path | None, typer.Option(help="Price table for the costs, as TOML.")] = None,
    strict: StrictOption = False,
) -> ExitCode:
    """Rebuild summary and report of a stored campaign from its runs."""
    from harness.analysis import load_prices
    from harness.store import Campaign

    table = load_prices(prices) if prices else None
    return _publish(Campaign.open(path or _newest()), strict, table)


@app.command(name="audit")
def audit_command(path: CampaignArgument = None, strict: StrictOption = False) -> ExitCode:
    """Audit the stored runs of a campaign again, without deploying anything."""
    from harness import audit, campaign
    from harness.cli.verdicts import campaign_exit_code, print_outcome
    from harness.store import Campaign, audit_document, load_run, write_json

    stored = Campaign.open(path or _newest())
    for folder in stored.run_folders():
        findings = audit.audit(load_run(folder))
        write_json(folder / "audit.json", audit_document(findings))
    campaign.summarise(stored)
    print_outcome(console, stored, every_finding=True)
    return campaign_exit_code(stored, strict=strict)


@app.command(name="list")
def list_command() -> None:
    """List the scenarios, the approaches, the stored campaigns, and what is up by hand."""
    from harness.runtimes import kept
    from harness.scenario import known_scenarios, load_scenario
    from harness.standing import standing
    from harness.topology import discover, project_root

    root = project_root()
    table = Table("kind", "name", "what it is", box=None)
    for name in known_scenarios(root):
        one = load_scenario(name, root)
        cases = f", {len(one.cases)} cases" if one.cases else ""
        table.add_row("scenario", name, f"{one.title}{cases}")
    for name, topology in sorted(discover(root).items()):
        table.add_row("approach", name, f"{topology.title}, {topology.containers} containers")
    for folder in _campaigns(root):
        try:
            words = standing(folder).words
        except UsageError as error:
            words = error.message
        table.add_row("campaign", str(folder), words)
    for up in kept():
        where = up.addresses.shop if up.addresses else "coming up"
        table.add_row("up by hand", up.approach, f"{where}, {up.runtime}, pid {up.pid}")
    print_table(table)


@app.command()
def validate(
    scenario: Annotated[str, typer.Argument(help="Name in scenarios/, or a TOML file.")],
) -> None:
    """Check a scenario and the approaches' compose files without running anything."""
    from harness.scenario import load_scenario
    from harness.topology import project_root

    root = project_root()
    checked = load_scenario(scenario, root)
    from harness import campaign

    request = campaign.Request(checked, (), checked.runs, checked.seed, source=scenario)
    measured = campaign.systems(request, root)
    names = ", ".join(sorted({approach for approach, _ in measured}))
    cases = f"{len(checked.cases)} cases, " if checked.cases else ""
    runs = len(measured) * checked.runs
    console.print(f"ok: {checked.title}: {checked.workload}, {cases}{runs} runs of {names}")


def _refuse(*others: object) -> None:
    """Raise UsageError if anything is said beside --resume."""
    if any(others):
        raise UsageError(
            "--resume continues a campaign exactly as it was begun", "leave out every other option"
        )


def _resume(
    folder: Path, root: Path, runtime: str | None, port: int | None, strict: bool
) -> ExitCode:
    """Continue a campaign, with the runtime that it was begun with if no other is asked for."""
    from harness import campaign
    from harness.runtimes import runtime_named
    from harness.store import Campaign

    begun_with = str(Campaign.open(folder).description()["runtime"])
    chosen = runtime_named(runtime or begun_with)
    return _watched(folder, port, partial(campaign.resume, folder, root, chosen), strict)


def _watched(
    folder: Path, port: int | None, conduct: "Callable[[Observer], Campaign]", strict: bool
) -> ExitCode:
    """Conduct a campaign while terminal and live page tell of it, and publish its report."""
    from harness.campaign import Several
    from harness.cli.progress import ProgressLine
    from harness.cli.watching import watching
    from harness.runtimes import measuring

    with watching(folder, port) as watchers:
        with measuring(f"campaign {folder}"):
            try:
                with ProgressLine(console) as line:
                    stored = conduct(Several([line, *watchers]))
            except KeyboardInterrupt as error:
                raise _interrupted(folder) from error
        return _publish(stored, strict)


def _publish(stored: "Campaign", strict: bool, prices: "Prices | None" = None) -> ExitCode:
    import report
    from harness import campaign
    from harness.cli.verdicts import campaign_exit_code, print_outcome

    campaign.summarise(stored, prices)
    page = report.build(stored.path)
    print_outcome(console, stored)
    console.print(f"report: {page}")
    return campaign_exit_code(stored, strict=strict)


def _interrupted(folder: Path) -> Interrupted:
    from harness.store import Campaign

    kept = len(Campaign(folder).run_folders()) if (folder / "campaign.json").exists() else 0
    return Interrupted(
        f"interrupted; everything is down, {kept} finished runs are kept",
        f"continue with: harness run --resume {folder}",
    )


def _campaign_name(scenario: str) -> str:
    return f"{Path(scenario).stem}-{datetime.now().astimezone():%Y%m%d-%H%M%S}"


def _campaigns(root: Path) -> list[Path]:
    found = (root / "results").glob("*/campaign.json")
    return sorted((path.parent for path in found), key=lambda folder: folder.stat().st_mtime)


def _newest() -> Path:
    from harness.topology import project_root

    stored = _campaigns(project_root())
    if not stored:
        raise UsageError("there is no campaign in results/", "make one with `harness run`")
    return stored[-1]
