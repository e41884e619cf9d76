"""The tables of what was measured: metrics side by side, each in detail, the load, the backlog."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.analysis.metric import Listing
from harness.analysis.metrics import listed
from report import numbers
from report.evidence import Approach, Evidence, Pair
from report.tables import outcome_words
from report.tables.cells import (
    Cell,
    Column,
    Row,
    Table,
    difference_cell,
    estimate_cell,
    percent,
    ratio_cell,
)


def metrics_in_order(evidence: Evidence) -> list[tuple[str, dict[str, Any]]]:
    """Return the metrics in the order in which tables print them."""
    metrics: Mapping[str, dict[str, Any]] = evidence.summary["metrics"]
    return sorted(metrics.items(), key=lambda item: item[1]["order"])


def comparisons(evidence: Evidence) -> list[Table]:
    """Return a comparison of every pair of approaches; of one approach alone, its values."""
    if not evidence.pairs:
        return [_comparison("comparison", evidence, evidence.approaches, None)]
    names = ["comparison"]
    names += [f"comparison-{p.first.name}-{p.second.name}" for p in evidence.pairs[1:]]
    return [
        _comparison(name, evidence, pair.both, pair)
        for name, pair in zip(names, evidence.pairs, strict=True)
    ]


def _comparison(
    name: str, evidence: Evidence, shown: Sequence[Approach], pair: Pair | None
) -> Table:
    columns = [Column("Metric", numeric=False)]
    columns += [Column(approach.title, interval=True) for approach in shown]
    if pair:
        columns += [
            Column(f"{pair.second.title}, compared with {pair.first.title}", interval=True),
            Column("n"),
            Column(f"{pair.second.title} is", numeric=False),
        ]
    rows = []
    for metric, facts in metrics_in_order(evidence):
        cells = [Cell(str(facts["title"]))]
        cells += [estimate_cell(a.facts["metrics"][metric], facts["digits"]) for a in shown]
        if pair:
            cells += _verdict_cells(facts, pair, pair.comparisons[metric])
        rows.append(Row(tuple(cells), facts["group"], facts["unit"]))
    caption = f"Estimates with 95 % intervals; {evidence.workload}."
    footer = outcome_words.footer(evidence.summary["metrics"], pair) if pair else ""
    return Table(name, "Comparison", caption, tuple(columns), tuple(rows), footer)


def _verdict_cells(facts: Mapping[str, Any], pair: Pair, found: Mapping[str, Any]) -> list[Cell]:
    note, span = "; ".join(found["warnings"]), (found["low"], found["high"])
    if found["kind"] == "ratio":
        change = ratio_cell(found["factor"], *span, note)
    elif found["kind"] == "difference":
        change = difference_cell(found["difference"], *span, facts["digits"], facts["unit"], note)
    else:
        change = Cell(numbers.NOTHING, note=note)
    n = Cell(str(found["n"]), value=found["n"])
    return [change, n, _outcome(pair, found)]


def _outcome(pair: Pair, found: Mapping[str, Any]) -> Cell:
    """Return what was decided of the second approach, in the colour of the winner."""
    for approach in pair.both:
        if approach.name == found["winner"]:
            return Cell(found["outcome"], tone=f"winner {approach.tone}")
    return Cell(found["outcome"], tone="quiet")


def details(evidence: Evidence, approach: Approach) -> Table:
    """Return every metric of one approach with what each run said."""
    rows = []
    for metric, facts in metrics_in_order(evidence):
        estimate = approach.facts["metrics"][metric]
        digits = numbers.fitting(estimate["value"], facts["digits"], facts["unit"])
        per_run = [Cell(numbers.number(value, digits), value) for value in estimate["per_run"]]
        samples = estimate["samples"]
        rows.append(
            Row(
                (
                    Cell(str(facts["title"])),
                    estimate_cell(estimate, facts["digits"]),
                    *per_run,
                    Cell(str(estimate["n"]), value=estimate["n"]),
                    Cell(numbers.number(samples), value=samples),
                    Cell(estimate["method"]),
                ),
                facts["group"],
                facts["unit"],
            )
        )
    runs = [Column(f"Run {run.index}{' ✗' if run.trouble else ''}") for run in approach.runs]
    return Table(
        f"details-{approach.name}",
        approach.title,
        f"{approach.title}: every metric and what each run says; {evidence.workload}.",
        (
            Column("Metric", numeric=False),
            Column("Estimate", interval=True),
            *runs,
            Column("n"),
            Column("Values"),
            Column("Method", numeric=False),
        ),
        tuple(rows),
    )


def funnel(evidence: Evidence) -> Table:
    """Return how far attempts came, and how those that came no further ended."""
    columns = [Column("Step", numeric=False)]
    for approach in evidence.approaches:
        columns += [
            Column(approach.title),
            Column("of attempts"),
            Column("of the step before"),
            Column("ended here", numeric=False),
        ]
    steps = [evidence.summary["funnel"][approach.name] for approach in evidence.approaches]
    rows = []
    for same in zip(*steps, strict=True):
        cells = [Cell(f"{same[0]['title']}: {same[0]['meaning']}")]
        for step in same:
            cells += [
                Cell(numbers.number(step["mean"]), step["mean"]),
                percent(step["share_of_attempts"]),
                percent(step["share_of_previous"]),
                Cell(_exits(step["left"])),
            ]
        rows.append(Row(tuple(cells)))
    caption = f"Order funnel, means over the runs; {evidence.workload}."
    return Table("funnel", "Order funnel", caption, tuple(columns), tuple(rows))


def _exits(left: Mapping[str, float]) -> str:
    words = {name: name.replace("_", " ") for name in left}
    return ", ".join(f"{numbers.number(n)} {words[name]}" for name, n in left.items() if n)


_STAGE_COLUMNS = (
    ("Planned users", "planned_users", 0),
    ("Achieved users", "achieved_users", 1),
    ("Requests", "requests", 0),
    ("req/s", "rps", 1),
    ("In flight", "in_flight", 1),
    ("p50, ms", "p50_ms", 0),
    ("p95, ms", "p95_ms", 0),
    ("p99, ms", "p99_ms", 0),
    ("Errors, %", "error_rate_pct", 2),
)


def stages(evidence: Evidence) -> Table:
    """Return the load stage by stage: users planned and achieved, and what was answered."""
    rows = []
    for approach in evidence.approaches:
        for stage in evidence.summary["stages"][approach.name]:
            window = f"{stage['start_s']:g}–{stage['end_s']:g} s"
            cells = [Cell(f"{stage['stage']} · {stage['name']}"), Cell(window)]
            cells += [
                Cell(numbers.number(stage[key], digits), stage[key])
                for _, key, digits in _STAGE_COLUMNS
            ]
            rows.append(Row(tuple(cells), approach.title))
    return Table(
        "stages",
        "Stages",
        "Users at the end of each stage, and the requests sent in it; percentiles of the merged "
        f"API requests; {evidence.workload}.",
        (
            Column("Stage", numeric=False),
            Column("Window"),
            *(Column(title) for title, _, _ in _STAGE_COLUMNS),
        ),
        tuple(rows),
    )


def backlog(evidence: Evidence) -> Table:
    """Return how deep the queue was at its deepest, and how long orders lay in it."""
    rows = []
    for metric in listed(Listing.BACKLOG):
        facts = evidence.summary["metrics"][metric]
        cells = [Cell(str(facts["title"])), Cell(str(facts["description"]))]
        cells += [
            estimate_cell(a.facts["metrics"][metric], facts["digits"]) for a in evidence.approaches
        ]
        rows.append(Row(tuple(cells), unit=facts["unit"]))
    return Table(
        "backlog",
        "Queue depth and processing delay",
        f"The backlog at its peak and on average; {evidence.workload}.",
        (
            Column("Metric", numeric=False),
            Column("What it is", numeric=False),
            *(Column(a.title, interval=True) for a in evidence.approaches),
        ),
        tuple(rows),
    )


def each_run(evidence: Evidence) -> Iterator[tuple[Approach, Any]]:
    """Yield every run with its approach, in the order in which they ran."""
    pairs = [(approach, run) for approach in evidence.approaches for run in approach.runs]
    yield from sorted(pairs, key=lambda pair: pair[1].index)
