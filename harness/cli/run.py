"""`harness run`: a campaign, from its words to its report.

Each command parses its words, calls one thing, and returns an exit code. What takes long to import
is imported by the command that needs it: pydantic and YAML, so that `--help` and a wrong word are
answered at once; pandas, scipy and matplotlib only after all words were found to be right.
"""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from harness.cli.application import app
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
    ApproachOption,
    BaselineOption,
    Detail,
    LiveOption,
    LivePortOption,
    OpenOption,
    OutOption,
    QuietOption,
    RunsOption,
    SameSeedOption,
    ScaleOption,
    SeedOption,
    SettingsOption,
    StrictOption,
    SweepOption,
    VariantOption,
    VerboseOption,
    complete_scenario,
    read_detail,
    read_runs,
    read_scales,
    read_settings,
    read_sweeps,
    read_variants,
)
from harness.cli.stored_campaigns import new_folder, publish
from harness.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.campaign import Choice, Observer, Request
    from harness.load import LoadWorkers
    from harness.results.store import Campaign
    from harness.scenario.model import Scenario


EXPERIMENTS: Final = "experiments"
"""The word that stands for every experiment, in place of the name of one."""

ScenarioArgument = Annotated[
    str | None,
    typer.Argument(
        help="Name in scenarios/, or a TOML file; experiments: every experiment. [flash_sale]",
        autocompletion=complete_scenario,
    ),
]
CaseOption = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="Only this case; may be repeated.")
]
ResumeOption = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="Continue this campaign.")
]


@dataclass(frozen=True, slots=True)
class _Shown:
    """How a campaign is shown: on a page at `port`, in the terminal, and at its end."""

    port: int | None
    detail: Detail
    opens: bool
    strict: bool


@dataclass(frozen=True, slots=True)
class _Repeats:
    """How often is measured, and under which draws; what nobody says is the scenario's."""

    runs: str | None
    seed: int | None
    same_seed: bool


AS_BEGUN: Final = (
    "--resume continues a campaign exactly as it was begun",
    "leave out every other option, but for --nodes, --endpoints, --load-master and --load-workers",
)
AS_STATED: Final = (
    "every experiment is measured as its scenario states it",
    "say no more than --runs, --seed, --same-seed, --runtime, --out and how it is shown; "
    "one experiment takes all options: harness run experiments/threads",
)
_NO_WORKERS: Final = (
    "experiments send their load from this machine alone",
    "leave out --load-master and --load-workers",
)
"""What is refused, and what to do instead."""


@app.command(
    rich_help_panel=MEASURE,
    epilog=examples(
        "harness run quick --open",
        "harness run --runs auto --live",
        "harness run --approach sync --set api.THREADS=300 --seed 7",
        "harness run --variant sync --variant 'sync-300=sync,api.THREADS=300'",
        "harness run experiments/threads",
        "harness run experiments --runs 5",
        "harness run peak_sale --load-master 10.0.0.5",
        "harness run quick --approach queue --endpoints staging.toml",
        "harness run --resume results/flash_sale-20260102-030405",
    ),
)
def run(
    scenario: ScenarioArgument = None,
    approach: ApproachOption = None,
    variant: VariantOption = None,
    baseline: BaselineOption = None,
    case: CaseOption = None,
    runs: RunsOption = None,
    seed: SeedOption = None,
    same_seed: SameSeedOption = False,
    scale: ScaleOption = None,
    settings: SettingsOption = None,
    sweep: SweepOption = None,
    runtime: CampaignRuntimeOption = None,
    nodes: NodesOption = None,
    endpoints: EndpointsOption = None,
    load_master: LoadMasterOption = None,
    load_workers: LoadWorkersOption = None,
    out: OutOption = None,
    strict: StrictOption = False,
    resume: ResumeOption = None,
    live: LiveOption = False,
    live_port: LivePortOption = None,
    opens: OpenOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> ExitCode:
    """Measure the approaches under a scenario, audit every run, and write the report."""
    from harness.project import project_root

    root = project_root()
    port = (live_port or 0) if live or live_port is not None else None
    asked = _Repeats(runs, seed, same_seed)
    deploys = Deploys(runtime, nodes, endpoints)
    shown = _Shown(port, read_detail(quiet=quiet, verbose=verbose), opens, strict)
    varied = (approach, variant, baseline, case, scale, settings, sweep)
    workers = read_load_workers(load_master, load_workers)
    if resume is not None:
        _refuse(*AS_BEGUN, scenario, *varied, runs, seed is not None or same_seed, out)
        return _resume(resume, root, deploys, shown, workers)
    source = scenario or "flash_sale"
    folder = out or new_folder(Path(source).stem)
    if source == EXPERIMENTS:
        _refuse(*AS_STATED, *varied, opens, workers, endpoints)
        return _run_experiments(folder, root, deploys, asked, shown)
    loaded = _scenario(source, root, sweep)
    chosen = deploys.runtime()

    from harness import campaign

    choice = campaign.Choice(
        read_variants(variant), approach or (), read_scales(scale), read_settings(settings)
    )
    cases = tuple(dict.fromkeys(case or ()))
    planned = _request(source, loaded, root, asked, choice)
    request = replace(planned, baseline=baseline, cases=cases, load_workers=workers)
    campaign.check(request, root, folder, chosen)
    return _make_and_publish(folder, partial(campaign.run, request, root, folder, chosen), shown)


def _request(
    source: str, scenario: "Scenario", root: Path, asked: _Repeats, choice: "Choice | None" = None
) -> "Request":
    """Return the campaign of a scenario: of what is chosen, else of what the scenario names."""
    from harness import campaign

    runs = read_runs(asked.runs, otherwise=scenario.runs)
    variants = campaign.choose(scenario, root, choice, source)
    return campaign.Request(
        scenario=scenario,
        source=source,
        variants=campaign.points(variants, scenario, root, source),
        runs=runs or campaign.MOST_BLOCKS,
        seed=scenario.seed if asked.seed is None else asked.seed,
        same_seed=asked.same_seed,
        until_decided=runs is None,
    )


def _scenario(source: str, root: Path, sweep: list[str] | None) -> "Scenario":
    """Return the scenario of a name or file, with the sweeps of the command line for its own."""
    from harness.scenario.model import load_scenario

    loaded = load_scenario(source, root)
    return loaded.model_copy(update={"sweep": read_sweeps(sweep)}) if sweep else loaded


def _run_experiments(
    folder: Path, root: Path, deploys: Deploys, asked: _Repeats, shown: _Shown
) -> ExitCode:
    """Write down a campaign of every experiment, and then make them one after the other."""
    from harness.scenario.model import load_scenario
    from harness.scenario.names import known_experiments

    chosen = deploys.runtime()
    scenarios = {name: load_scenario(name, root) for name in known_experiments(root)}
    if not scenarios:
        raise UsageError("there is no experiment", "put scenarios into scenarios/experiments/")

    from harness import campaign
    from harness.cli.experiments import measure_all

    requests = {}
    for name, scenario in scenarios.items():
        request = _request(name, scenario, root, asked)
        place = folder / Path(name).name
        campaign.check(request, root, place, chosen)
        requests[place] = request
    for place, request in requests.items():
        campaign.begin(request, root, place, chosen, campaign.CompositeObserver([]))
    return measure_all(folder, lambda path: _resume(path, root, deploys, shown))


def _refuse(message: str, hint: str, *others: object) -> None:
    """Raise UsageError if anything else is said."""
    if any(others):
        raise UsageError(message, hint)


def _resume(
    folder: Path,
    root: Path,
    deploys: Deploys,
    shown: _Shown,
    workers: "LoadWorkers | None" = None,
) -> ExitCode:
    """Continue a campaign, with the runtime that it was begun with if no other is asked for.

    A folder of experiments is continued one after the other.
    """
    if not (folder / "campaign.json").exists() and any(folder.glob("*/campaign.json")):
        from harness.cli.experiments import measure_all

        _refuse(*_NO_WORKERS, workers)
        return measure_all(folder, lambda path: _resume(path, root, deploys, shown))
    from harness import campaign
    from harness.results.store import Campaign

    chosen = deploys.runtime(otherwise=str(Campaign.open(folder).description()["runtime"]))
    nobody = campaign.CompositeObserver([])
    campaign.reopen(folder, root, chosen, nobody, load_workers=workers)  # or it is refused
    make = partial(campaign.resume, folder, root, chosen, load_workers=workers)
    return _make_and_publish(folder, make, shown)


def _make_and_publish(
    folder: Path, make: "Callable[[Observer], Campaign]", shown: _Shown
) -> ExitCode:
    """Make a campaign while terminal and live page show it, and publish its report."""
    from harness.campaign import CompositeObserver
    from harness.cli.live_observer import watching
    from harness.cli.progress import resumable
    from harness.runtimes import measuring

    with watching(folder, shown.port) as watchers:
        with (
            measuring(f"campaign {folder}"),
            resumable("run", folder, shown.detail) as terminal,
        ):
            stored = make(CompositeObserver([*terminal, *watchers]))
        return publish(stored, shown.strict, opens=shown.opens)
