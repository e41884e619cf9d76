"""`harness run experiments`: every experiment, one after the other, and a table of their answers.

All campaigns are written down before the first is made, so `--resume` knows all that is missing.
One that cannot be measured does not keep the others from being so.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from rich.table import Table

from harness.campaign.eta import OVERHEAD_GUESS_S
from harness.cli.application import console, print_table
from harness.errors import Busy, ExitCode, HarnessError, Interrupted
from harness.results.store import Campaign, read_json
from harness.scenario.model import Scenario
from report.experiment import experiment_words

_WORST: Final = (
    *(ExitCode.INFRASTRUCTURE, ExitCode.USAGE, ExitCode.CORRECTNESS),
    *(ExitCode.INVALID, ExitCode.INCONCLUSIVE, ExitCode.OK),
)
"""The exit codes of a single experiment, the most serious first."""

Measure = Callable[[Path], ExitCode]
"""Makes the runs of a campaign that are missing, and its report."""


def measure_all(folder: Path, measure: Measure) -> ExitCode:
    """Measure every experiment in a folder; return the most serious of their exit codes.

    Raises Interrupted, with how to go on.
    """
    campaigns = [Campaign(path.parent) for path in sorted(folder.glob("*/campaign.json"))]
    console.print(_ahead(campaigns), markup=False)
    ended: dict[str, ExitCode | HarnessError] = {}
    for number, campaign in enumerate(campaigns, start=1):
        name = campaign.path.name
        console.print(f"\n{number} of {len(campaigns)}: {name}", markup=False)
        try:
            ended[name] = measure(campaign.path)
        except Busy:
            raise
        except Interrupted as error:
            hint = f"continue with: harness run --resume {folder}"
            raise Interrupted(error.message, hint) from error
        except HarnessError as error:
            console.print(f"{name} was not measured: {error.message}", markup=False)
            ended[name] = error
    console.print()
    print_table(_answers(campaigns, ended))
    codes = [one if isinstance(one, ExitCode) else one.exit_code for one in ended.values()]
    return min(codes, key=_WORST.index)


def _ahead(campaigns: Sequence[Campaign]) -> str:
    """Return how much there is to be measured, and about how long that takes."""
    runs, left, left_s = 0, 0, 0.0
    for campaign in campaigns:
        description = campaign.description()
        planned = len(description["order"])
        missing = planned - len(campaign.run_folders())
        load_s = Scenario.model_validate(description["scenario"]).load_s
        runs, left = runs + planned, left + missing
        left_s += missing * (load_s + OVERHEAD_GUESS_S)
    kept = f", {runs - left} of them kept from before" if left < runs else ""
    hours, minutes = divmod(round(left_s / 60), 60)
    time = f"{hours} h {minutes} min" if hours else f"{minutes} min"
    return f"{len(campaigns)} experiments, {runs} runs{kept}; about {time} left, and the drains"


def _answers(campaigns: Sequence[Campaign], ended: Mapping[str, ExitCode | HarnessError]) -> Table:
    """Return the answer of each experiment, and the number that it comes from."""
    table = Table("experiment", "answer", "because", box=None)
    for campaign in campaigns:
        name = campaign.path.name
        found = ended[name]
        if isinstance(found, HarnessError):
            table.add_row(name, "not measured", found.message)
            continue
        experiment = read_json(campaign.path / "summary.json")["experiment"]
        because = experiment_words.measured(experiment_words.deciding(experiment))
        table.add_row(name, experiment["answer"], because)
    return table
