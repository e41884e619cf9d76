"""`harness capacity`: the highest load that an approach serves within limits, and what gave out."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli.application import app, console
from harness.cli.help_pages import MEASURE, examples
from harness.cli.machines import (
    CampaignRuntimeOption,
    Deploys,
    EndpointsOption,
    LoadMasterOption,
    LoadWorkersOption,
    NodesOption,
    read_load_workers,
)
from harness.cli.options import (
    Detail,
    OpenOption,
    OutOption,
    QuietOption,
    ScaleOption,
    SeedOption,
    SettingsOption,
    VerboseOption,
    complete_approach,
    complete_scenario,
    read_detail,
    read_scales,
    read_settings,
    read_variants,
)
from harness.cli.stored_campaigns import new_folder, publish
from harness.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.campaign import Choice, Observer, Request
    from harness.capacity import CapacityPlan
    from harness.load import LoadWorkers
    from harness.results.store import Campaign

OF_ARRIVALS, OF_USERS = "capacity", "capacity_users"
"""The scenarios of the two kinds of search, if no other is named."""

ApproachArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[APPROACH]...",
        help="Approaches or variants; NAME=APPROACH,SERVICE.KEY=VALUE,SERVICE=N makes one. "
        "[the approaches that `harness run` measures]",
        autocompletion=complete_approach,
    ),
]
UsersOption = Annotated[
    bool, typer.Option("--users", help="Search for users of a closed load, not for arrivals.")
]
ScenarioOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Name in scenarios/, or a TOML file: its load is what grows. "
        f"[{OF_ARRIVALS}, or {OF_USERS}]",
        autocompletion=complete_scenario,
    ),
]
LatencyOption = Annotated[
    float | None,
    typer.Option(metavar="MS", min=0, help="Limit of the purchase latency, p95. [200]"),
]
ErrorsOption = Annotated[
    float | None, typer.Option(metavar="PERCENT", min=0, max=100, help="Limit of errors. [0.1]")
]
DrainOption = Annotated[
    float | None,
    typer.Option(metavar="S", min=0, help="Limit of the backlog's drain after the load. [2]"),
]
StartOption = Annotated[
    int | None, typer.Option(metavar="LEVEL", min=1, help="The first level. [50]")
]
LowestOption = Annotated[
    int | None, typer.Option(metavar="LEVEL", min=1, help="Nothing below is tried. [5]")
]
HighestOption = Annotated[
    int | None, typer.Option(metavar="LEVEL", min=1, help="Nothing above is tried. [5000]")
]
ResolutionOption = Annotated[
    float | None,
    typer.Option(metavar="PERCENT", min=1, max=100, help="How close the two ends must be. [10]"),
]
RepeatsOption = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="Runs at each end. [3]")
]
MostRunsOption = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="The most runs of a variant. [25]")
]
ResumeOption = Annotated[Path | None, typer.Option(metavar="FOLDER", help="Continue this search.")]


@dataclass(frozen=True, slots=True)
class _Shown:
    """How a search is shown: in the terminal, and at its end."""

    detail: Detail
    opens: bool


@app.command(
    rich_help_panel=MEASURE,
    epilog=examples(
        "harness capacity",
        "harness capacity queue --purchase-p95-ms 100 --start 200",
        "harness capacity sync 'sync-300=sync,api.THREADS=300'",
        "harness capacity --users queue",
        "harness capacity --resume results/capacity-20260102-030405",
    ),
)
def capacity(
    approach: ApproachArgument = None,
    users: UsersOption = False,
    scenario: ScenarioOption = None,
    purchase_p95_ms: LatencyOption = None,
    error_pct: ErrorsOption = None,
    drain_s: DrainOption = None,
    start: StartOption = None,
    lowest: LowestOption = None,
    highest: HighestOption = None,
    resolution_pct: ResolutionOption = None,
    repeats: RepeatsOption = None,
    most_runs: MostRunsOption = None,
    scale: ScaleOption = None,
    settings: SettingsOption = None,
    seed: SeedOption = None,
    runtime: CampaignRuntimeOption = None,
    nodes: NodesOption = None,
    endpoints: EndpointsOption = None,
    load_master: LoadMasterOption = None,
    load_workers: LoadWorkersOption = None,
    out: OutOption = None,
    resume: ResumeOption = None,
    opens: OpenOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> ExitCode:
    """Search for the highest load that each approach serves within limits, and what gave out."""
    from harness.project import project_root

    root = project_root()
    deploys = Deploys(runtime, nodes, endpoints)
    workers = read_load_workers(load_master, load_workers)
    shown = _Shown(read_detail(quiet=quiet, verbose=verbose), opens)
    limits = _given(purchase_p95_ms=purchase_p95_ms, error_pct=error_pct, drain_s=drain_s)
    resolution = None if resolution_pct is None else resolution_pct / 100
    levels = _given(
        start=start, lowest=lowest, highest=highest, resolution=resolution, repeats=repeats,
        most_runs=most_runs,
    )  # fmt: skip
    if resume is not None:
        _refuse(approach, users, scenario, limits, levels, scale, settings, out, seed is not None)
        return _resume(resume, root, deploys, workers, shown)
    source = scenario or (OF_USERS if users else OF_ARRIVALS)
    chosen = deploys.runtime()

    from harness import campaign

    choice = campaign.Choice(
        read_variants(approach), (), read_scales(scale), read_settings(settings)
    )
    plan, planned = _planned(source, root, choice, limits, levels, users=users, seed=seed)
    request = replace(planned, load_workers=workers)
    folder = out or new_folder("capacity")

    from harness import capacity as searching

    searching.check(plan, request, root, folder, chosen)
    make = partial(searching.run, plan, request, root, folder, chosen)
    return _make_and_publish(folder, make, shown)


def _refuse(*others: object) -> None:
    """Raise UsageError if anything is said beside --resume."""
    if any(others):
        raise UsageError(
            "--resume continues a search exactly as it was begun",
            "leave out every other option, but for those that name machines",
        )


def _given(**values: float | None) -> dict[str, Any]:
    """Return what the command line says; the rest stays as it is by default."""
    return {name: value for name, value in values.items() if value is not None}


def _planned(
    source: str,
    root: Path,
    choice: "Choice",
    limits: dict[str, Any],
    levels: dict[str, Any],
    *,
    users: bool,
    seed: int | None,
) -> "tuple[CapacityPlan, Request]":
    """Return what is searched for, and the campaign of its runs."""
    from harness import campaign, capacity
    from harness.scenario.model import load_scenario

    scenario = load_scenario(source, root)
    of = capacity.load_of(scenario)
    if users and of != "users":
        raise UsageError(f"--users: the load of {source} is open", "name a scenario of stages")
    variants = campaign.choose(scenario, root, choice, source)
    found = capacity.Limits(**limits), capacity.Search(**levels)
    plan = capacity.CapacityPlan(of, *found, variants)
    first_seed = scenario.seed if seed is None else seed
    return plan, campaign.Request(scenario, variants, 1, first_seed, source=source)


def _resume(
    folder: Path, root: Path, deploys: Deploys, workers: "LoadWorkers | None", shown: _Shown
) -> ExitCode:
    """Continue a search, with the runtime that it was begun with if no other is asked for."""
    from harness import campaign, capacity
    from harness.results.store import Campaign

    stored = Campaign.open(folder)
    capacity.CapacityPlan.of_campaign(stored)  # or it is refused, before the machine is taken
    chosen = deploys.runtime(otherwise=str(stored.description()["runtime"]))
    nobody = campaign.CompositeObserver([])
    campaign.reopen(folder, root, chosen, nobody, load_workers=workers)  # or it is refused
    make = partial(capacity.resume, folder, root, chosen, load_workers=workers)
    return _make_and_publish(folder, make, shown)


def _make_and_publish(
    folder: Path, make: "Callable[[Observer, Callable[[str], None]], Campaign]", shown: _Shown
) -> ExitCode:
    """Make the runs of a search while the terminal shows them, and publish its report."""
    from harness.campaign import CompositeObserver
    from harness.cli.progress import resumable
    from harness.runtimes import measuring

    def say(words: str) -> None:
        if shown.detail is not Detail.RESULT:
            console.print(words, markup=False)

    with (
        measuring(f"search for a capacity {folder}"),
        resumable("capacity", folder, shown.detail) as terminal,
    ):
        stored = make(CompositeObserver(terminal), say)
    return publish(stored, strict=False, opens=shown.opens)
