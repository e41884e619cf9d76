"""The experiments that are kept, and the page on which they answer the published report.

    python -m publishing.experiments               write docs/experiments.md from what is kept
    python -m publishing.experiments CAMPAIGN…     keep these campaigns first

What is kept of a campaign is its description, summary and report, and its runs as well if they are
smaller than `MOST_RAW_BYTES`.
"""

import json
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import report
from harness import campaign
from harness.analysis import derived
from harness.analysis.hypothesis import Answer
from harness.campaign.eta import OVERHEAD_GUESS_S
from harness.results.store import Campaign, read_json
from harness.scenario.model import Scenario, load_scenario
from harness.scenario.names import known_experiments
from publishing.markdown_table import markdown_table
from report.evidence import KEPT_ANSWERS
from report.experiment import experiment_words

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = ROOT / "docs" / "experiments.md"
ANSWERS: Final = ROOT / "results" / KEPT_ANSWERS
KEPT: Final = ANSWERS.parent
MOST_RAW_BYTES: Final = 5_000_000

HEAD: Final = """# Experiments

The published report says what surprised its author, and why it was so. Each of these explanations
can be measured by itself: a scenario in `scenarios/experiments/` states it as a hypothesis, and
what is measured if it is true. `harness run experiments/NAME` measures one, and
`harness run experiments` all of them, one after the other.
[How an answer is found](methodology.md#experiments), and
[how to write an experiment](own-scenario.md#what-is-expected).

`python -m publishing.experiments` writes this page from the scenarios and from the campaigns that
are kept in `results/experiments/`. The time is that of the loads, and 25 s for the rest of a run.

"""


def main() -> None:
    """Keep the campaigns that are named, and write the page and the list of answers."""
    for word in sys.argv[1:]:
        sys.stdout.write(f"{keep(Path(word))}\n")
    if kept := dict(_kept()):
        answers = {name: found["answer"] for name, found in kept.items()}
        ANSWERS.write_text(json.dumps(answers, indent=2) + "\n", "utf-8")
    PAGE.write_text(experiments_page(), "utf-8")
    sys.stdout.write(f"{PAGE}\n")


def keep(campaign_dir: Path, kept: Path = KEPT) -> Path:
    """Copy a campaign to where experiments are kept, summarise it anew, and return its place."""
    description = Campaign.open(campaign_dir).description()
    place = kept / _name_of(description["title"])
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(campaign_dir, place, ignore=shutil.ignore_patterns("report", ".*"))
    derived.summarise(Campaign.open(place))
    runs = place / "runs"
    raw_bytes = sum(path.stat().st_size for path in runs.rglob("*") if path.is_file())
    is_small = raw_bytes < MOST_RAW_BYTES
    report.write(place, raw_is_kept=is_small)
    if not is_small:
        shutil.rmtree(runs)
    return place


def experiments_page() -> str:
    """Return the page: every experiment in a table, and a section for each that is kept."""
    kept = dict(_kept())
    scenarios = {_short(name): load_scenario(name, ROOT) for name in known_experiments(ROOT)}
    rows = [
        (
            f"[`{name}`](../scenarios/experiments/{name}.toml)",
            scenario.title,
            f"{_minutes(name, scenario)} min",
            kept[name]["answer"] if name in kept else "not measured yet",
        )
        for name, scenario in scenarios.items()
    ]
    table = markdown_table(["experiment", "what it asks", "time", "answer"], rows)
    counts = Counter(found["answer"] for found in kept.values())
    said = ", ".join(f"{counts[word]} {word}" for word in Answer)
    summed = f"Of {len(rows)} experiments {len(kept)} are measured: {said}."
    sections = [_section(name, scenarios[name], kept[name]) for name in scenarios if name in kept]
    return "\n\n".join([HEAD + summed, table, *sections]) + "\n"


def _kept() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield what the summary of every kept experiment says of its hypothesis."""
    for path in sorted(KEPT.glob("*/summary.json")):
        yield path.parent.name, read_json(path)["experiment"]


def _name_of(title: str) -> str:
    """Return the name of the experiment with a title."""
    by_title = {load_scenario(name, ROOT).title: _short(name) for name in known_experiments(ROOT)}
    if title not in by_title:
        sys.exit(f"error: there is no experiment with the title {title!r}")
    return by_title[title]


def _short(name: str) -> str:
    return Path(name).name


def _minutes(name: str, scenario: Scenario) -> int:
    chosen = campaign.choose(scenario, ROOT, source=name)
    runs = scenario.runs * len(campaign.points(chosen, scenario, ROOT, name))
    return round(runs * (scenario.load_s + OVERHEAD_GUESS_S) / 60)


def _section(name: str, scenario: Scenario, found: Mapping[str, Any]) -> str:
    """Return an experiment as an answer: the picture, the paragraph, and where it is from."""
    folder = f"../results/experiments/{name}/report"
    description = read_json(KEPT / name / "campaign.json")
    measured = " ".join(map(experiment_words.sentence, found["expectations"]))
    answer = str(found["answer"]).capitalize()
    return "\n\n".join(
        [
            f"## {scenario.title}",
            f"![{_subject(found)}]({folder}/figures/answer.svg)",
            f"**{answer}: {found['hypothesis']}** {measured} {scenario.description}",
            f"`harness run experiments/{name}`, {description['n_blocks']} runs of each variant; "
            f"[the whole report]({folder}/report.md). {_machine(description)}",
        ]
    )


def _subject(found: Mapping[str, Any]) -> str:
    """Return what the picture shows."""
    return f"Every variant; {experiment_words.measured(experiment_words.deciding(found))}".replace(
        "[", "("
    ).replace("]", ")")


def _machine(description: Mapping[str, Any]) -> str:
    environment = description["environment"]
    where = f"{environment.get('cpu_model', 'an unknown processor')}, {environment['cores']} cores"
    return f"Measured on {where}; {description['created_at'][:10]}."


if __name__ == "__main__":
    main()
