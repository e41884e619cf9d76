"""The commands of `harness`: each parses its words, calls one thing, and returns an exit code.

What takes seconds to import (pandas, scipy, matplotlib) is imported by the command that needs it,
after its words were found to be right.
"""

import re
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from harness.errors import ExitCode, Interrupted, UsageError
from harness.runtimes import LocalRuntime, measuring
from harness.runtimes import clean as clean_leftovers
from harness.runtimes.doctor import diagnose
from harness.scenario import known_scenarios, load_scenario
from harness.topology import discover, project_root

if TYPE_CHECKING:
    from harness.analysis import Prices
    from harness.store import Campaign

app = typer.Typer(
    name="harness",
    help="Would a queue have saved the sale? Measures both, and audits what it measured.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
console = Console(highlight=False, soft_wrap=True)

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
    runs: Annotated[
        int | None, typer.Option(min=1, help="Runs per approach, and per case.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of every draw.")] = None,
    scale: Annotated[
        list[str] | None, typer.Option(help="SERVICE=N replicas; may be repeated.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="SERVICE.KEY=VALUE; may be repeated.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the campaign.")] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Continue the campaign in this folder.")
    ] = None,
) -> ExitCode:
    """Measure the approaches under a scenario, audit every run, and write the report."""
    root = project_root()
    varied = any((scenario, approach, case, runs, seed is not None, scale, settings, out))
    if resume is not None and varied:
        raise UsageError(
            "--resume continues a campaign exactly as it was begun", "leave out every other option"
        )
    loaded = load_scenario(scenario or "flash_sale", root)
    scales = dict(_scale(word) for word in scale or ())
    changes = dict(_setting(word) for word in settings or ())
    folder = resume or out or root / "results" / _campaign_name(scenario or "flash_sale")

    from harness import campaign
    from harness.cli.progress import ProgressLine

    request = campaign.Request(
        scenario=loaded,
        source=scenario or "flash_sale",
        approaches=tuple(dict.fromkeys(approach or ())),
        cases=tuple(dict.fromkeys(case or ())),
        runs=runs or loaded.runs,
        seed=loaded.seed if seed is None else seed,
        scale=scales,
        settings=changes,
    )
    with measuring(f"campaign {folder}"):
        try:
            with ProgressLine(console) as progress:
                if resume is None:
                    stored = campaign.run(request, root, folder, LocalRuntime(), progress)
                else:
                    stored = campaign.resume(folder, root, LocalRuntime(), progress)
        except KeyboardInterrupt as error:
            raise _interrupted(folder) from error
    return _publish(stored)


@app.command(name="report")
def report_command(
    path: CampaignArgument = None,
    prices: Annotated[Path | None, typer.Option(help="Price table for the costs, as TOML.")] = None,
) -> ExitCode:
    """Rebuild summary and report of a stored campaign from its runs."""
    from harness.analysis import load_prices
    from harness.store import Campaign

    table = load_prices(prices) if prices else None
    return _publish(Campaign.open(path or _newest()), table)


@app.command(name="audit")
def audit_command(path: CampaignArgument = None) -> ExitCode:
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
    return campaign_exit_code(stored)


@app.command(name="list")
def list_command() -> None:
    """List the scenarios, the approaches and the stored campaigns."""
    from harness.store import Campaign

    root = project_root()
    table = Table("kind", "name", "what it is", box=None)
    for name in known_scenarios(root):
        one = load_scenario(name, root)
        cases = f", {len(one.cases)} cases" if one.cases else ""
        table.add_row("scenario", name, f"{one.title}{cases}")
    for name, topology in sorted(discover(root).items()):
        table.add_row("approach", name, f"{topology.title}, {topology.containers} containers")
    for folder in _campaigns(root):
        stored = Campaign(folder)
        description = stored.description()
        done, all_runs = len(stored.run_folders()), len(description["order"])
        table.add_row("campaign", str(folder), f"{description['title']}, {done}/{all_runs} runs")
    console.print(table)


@app.command()
def validate(
    scenario: Annotated[str, typer.Argument(help="Name in scenarios/, or a TOML file.")],
) -> None:
    """Check a scenario and the approaches' compose files without running anything."""
    root = project_root()
    checked = load_scenario(scenario, root)
    from harness import campaign

    request = campaign.Request(checked, (), checked.runs, checked.seed, source=scenario)
    measured = campaign.systems(request, root)
    names = ", ".join(sorted({approach for approach, _ in measured}))
    cases = f"{len(checked.cases)} cases, " if checked.cases else ""
    runs = len(measured) * checked.runs
    console.print(f"ok: {checked.title}: {checked.workload}, {cases}{runs} runs of {names}")


@app.command()
def doctor() -> ExitCode:
    """Check whether this machine can run the harness."""
    checks = diagnose()
    for check in checks:
        console.print(f"{'ok  ' if check.ok else 'FAIL'} {check.name}: {check.detail}")
        if not check.ok:
            console.print(f"     hint: {check.hint}")
    return ExitCode.OK if all(check.ok for check in checks) else ExitCode.INFRASTRUCTURE


@app.command()
def up(
    approach: Annotated[str, typer.Argument(help="The approach to bring up.")],
    scenario: Annotated[str, typer.Option(help="Scenario whose product is seeded.")] = "flash_sale",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to serve at; 0: any.")] = 8080,
) -> None:
    """Bring one approach up by hand, seeded; Ctrl-C takes it down."""
    root = project_root()
    loaded = load_scenario(scenario, root)
    topologies = discover(root)
    if approach not in topologies:
        known = ", ".join(sorted(topologies))
        raise UsageError(f"there is no approach named {approach!r}", f"known approaches: {known}")
    from harness import campaign
    from harness.campaign.reset import reset

    variables = campaign.variables(loaded, loaded.seed, port=port)
    deployment = LocalRuntime().up(topologies[approach].with_variables(variables))
    try:
        reset(deployment, loaded, loaded.sales(loaded.seed))
        console.print(f"{approach} serves at {deployment.address} · Ctrl-C takes it down")
        while not (dead := deployment.alive()):
            time.sleep(1)
        console.print(f"died: {', '.join(dead)}")
    except KeyboardInterrupt:
        console.print("taking it down …")
    finally:
        deployment.down()


@app.command()
def clean() -> None:
    """Remove what a killed harness left: processes and temporary folders."""
    removed = clean_leftovers()
    for line in removed:
        console.print(line)
    console.print("nothing is left" if not removed else f"{len(removed)} removed")


def _scale(word: str) -> tuple[str, int]:
    match = re.fullmatch(r"([\w-]+)=(\d+)", word)
    if match is None:
        raise UsageError(
            f"--scale {word}: not of the form SERVICE=N", "for example --scale payment-worker=2"
        )
    return match[1], int(match[2])


def _setting(word: str) -> tuple[tuple[str, str], str]:
    match = re.fullmatch(r"([\w-]+)\.(\w+)=(.*)", word)
    if match is None:
        raise UsageError(
            f"--set {word}: not of the form SERVICE.KEY=VALUE",
            "for example --set payment-worker.CONCURRENCY=10",
        )
    return (match[1], match[2]), match[3]


def _publish(stored: "Campaign", prices: "Prices | None" = None) -> ExitCode:
    import report
    from harness import campaign
    from harness.cli.verdicts import campaign_exit_code, print_outcome

    campaign.summarise(stored, prices)
    page = report.build(stored.path)
    print_outcome(console, stored)
    console.print(f"report: {page}")
    return campaign_exit_code(stored)


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
    stored = _campaigns(project_root())
    if not stored:
        raise UsageError("there is no campaign in results/", "make one with `harness run`")
    return stored[-1]
