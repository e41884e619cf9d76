"""The tables of what was measured: metrics side by side, each in detail, the load, the backlog."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.analysis.metric import Listing
from harness.analysis.metrics import listed
from report import numbers
from report.evidence import Evidence, Pair, Variant
from report.tables import outcome_words
from report.tables.cells import (
    Cell,
    Column,
    Row,
    Table,
    difference_cell,
    estimate_cell,
    numeric,
    percent,
    ratio_cell,
    texts,
)


def metrics_in_order(evidence: Evidence) -> list[tuple[str, dict[str, Any]]]:
    """Return the metrics in the order in which tables print them."""
    metrics: Mapping[str, dict[str, Any]] = evidence.summary["metrics"]
    return sorted(metrics.items(), key=lambda item: item[1]["order"])


def main(evidence: Evidence) -> Table:
    """Return the metrics that matter most of every variant, in one table without groups."""
    rows = tuple(replace(row, group="") for row in _compared(evidence, listed(Listing.MAIN)))
    return replace(comparison(evidence), name="main", rows=rows)


def comparison(evidence: Evidence) -> Table:
    """Return every metric of every variant; below a contender's value, the change it is."""
    pairs = {pair.contender.name: pair for pair in evidence.pairs}
    columns = [*texts("Metric")]
    columns += [_column(variant, pairs.get(variant.name)) for variant in evidence.variants]
    rows = _compared(evidence, [metric for metric, _ in metrics_in_order(evidence)])
    caption = f"Estimates with 95 % intervals; {evidence.workload}."
    if evidence.pairs:
        caption = (
            f"Estimates with 95 % intervals; below them the change against "
            f"{evidence.variants[0].title}; {evidence.workload}."
        )
    footer = outcome_words.footer(evidence.summary["metrics"], evidence.pairs)
    return Table("comparison", caption, tuple(columns), tuple(rows), footer)


def _compared(evidence: Evidence, metrics: Iterable[str]) -> list[Row]:
    pairs = {pair.contender.name: pair for pair in evidence.pairs}
    rows = []
    for metric in metrics:
        facts = evidence.summary["metrics"][metric]
        cells = [_name(metric, facts)]
        for variant in evidence.variants:
            cell = estimate_cell(variant.estimate(metric), facts["digits"])
            pair = pairs.get(variant.name)
            below = _verdict_cells(facts, pair, pair.comparisons[metric]) if pair else ()
            cells.append(replace(cell, below=below))
        rows.append(Row(tuple(cells), facts["group"], facts["unit"]))
    return rows


def anchor(metric: str) -> str:
    """Return the id of the place on the page that defines a metric."""
    return f"metric-{metric}"


def _name(metric: str, facts: Mapping[str, Any]) -> Cell:
    return Cell(str(facts["title"]), about=anchor(metric))


def _column(variant: Variant, pair: Pair | None) -> Column:
    if pair is None:
        return Column(variant.title, interval=True)
    below = (
        Column(f"{variant.title}, compared with {pair.baseline.title}", interval=True),
        Column(f"{variant.title} is", numeric=False),
        Column(f"n of {variant.title}"),
    )
    return Column(variant.title, interval=True, below=below)


def _verdict_cells(
    facts: Mapping[str, Any], pair: Pair, found: Mapping[str, Any]
) -> tuple[Cell, ...]:
    change, outcome = change_cell(found, facts), _outcome(pair, found)
    if found["kind"] == "none":  # one line says it
        change, outcome = Cell(""), replace(outcome, note=change.note)
    return change, outcome, count_cell(found["n"])


def count_cell(n: int) -> Cell:
    """Return of how many blocks a change is; nothing is shown where there is none."""
    shown = f"n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{n}" if n else ""
    return Cell(shown, n, tone="quiet")


def change_cell(found: Mapping[str, Any], facts: Mapping[str, Any]) -> Cell:
    """Return how a contender compares: a ratio, a difference, or why there is none."""
    note, span = "; ".join(map(numbers.remark, found["warnings"])), (found["low"], found["high"])
    if found["kind"] == "ratio":
        return ratio_cell(found["factor"], *span, note)
    if found["kind"] == "difference":
        return difference_cell(found["difference"], *span, facts["digits"], facts["unit"], note)
    return Cell(numbers.NOTHING, note=note)


def _outcome(pair: Pair, found: Mapping[str, Any]) -> Cell:
    """Return what was decided of the contender, in the colour of the winner."""
    for variant in pair.both:
        if variant.name == found["winner"]:
            return Cell(found["outcome"], tone=f"winner {variant.tone}")
    return Cell(found["outcome"], tone="quiet")


def details(evidence: Evidence, variant: Variant) -> Table:
    """Return every metric of one variant with what each run said."""
    rows = []
    for metric, facts in metrics_in_order(evidence):
        estimate = variant.estimate(metric)
        per_run = [_single(value, facts["digits"], facts["unit"]) for value in estimate["per_run"]]
        samples = estimate["samples"]
        rows.append(
            Row(
                (
                    _name(metric, facts),
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
    runs = [f"Run {run.index}{' ✗' if run.trouble else ''}" for run in variant.runs]
    return Table(
        f"details-{variant.name}",
        f"{variant.title}: every metric and what each run says; {evidence.workload}.",
        (
            *texts("Metric"),
            *numeric("Estimate", interval=True),
            *numeric(*runs, "n", "Values"),
            *texts("Method"),
        ),
        tuple(rows),
    )


def funnel(evidence: Evidence) -> Table:
    """Return how far attempts came, and how those that came no further ended."""
    columns = [*texts("Step")]
    for title in evidence.titles.values():
        shares = numeric(f"{title}, of attempts", f"{title}, of the step before")
        columns.append(Column(title, below=(*shares, *texts(f"{title}, ended here"))))
    steps = [evidence.summary["funnel"][variant.name] for variant in evidence.variants]
    rows = []
    for same in zip(*steps, strict=True):
        cells = [Cell(f"{same[0]['title']}: {same[0]['meaning']}")]
        for step in same:
            ended = exits(step["left"])
            below = (
                percent(step["share_of_attempts"], of="of attempts"),
                percent(step["share_of_previous"], of="of the step before"),
                Cell(f"ended here: {ended}" if ended else ""),
            )
            cells.append(Cell(numbers.number(step["mean"]), step["mean"], below=below))
        rows.append(Row(tuple(cells)))
    caption = f"Order funnel, means over the runs; {evidence.workload}."
    return Table("funnel", caption, tuple(columns), tuple(rows))


def exits(left: Mapping[str, float]) -> str:
    """Return how those ended who came no further, with their numbers; nothing if there are none."""
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
_RESPONSE_COLUMNS = (
    ("Requests", "requests", 0),
    ("Answered", "answered", 0),
    ("Service min, ms", "service_min_ms", 1),
    ("Service max, ms", "service_max_ms", 1),
    *(
        (f"{kind.capitalize()} {quantile}, ms", f"{kind}_{quantile}_ms", 1)
        for kind in ("service", "response")
        for quantile in ("p50", "p95", "p99")
    ),
)
_FAILURE_COLUMNS = (
    ("Failed", "count", 1),
    ("of these requests, %", "share_pct", 2),
    ("per second", "per_s", 3),
)
_LEVEL_COLUMNS = (
    ("Requests", "requests", 0),
    ("Errors", "error_rate_pct", 1),
    ("p50", "latency_p50_ms", 0),
    ("p95", "latency_p95_ms", 0),
)
"""Titles, the names that the summary has for them, and their digits."""


def stages(evidence: Evidence) -> Table:
    """Return the load stage by stage: users planned and achieved, and what was answered."""
    rows = []
    for variant in evidence.variants:
        for stage in evidence.summary["stages"][variant.name]:
            window = f"{stage['start_s']:g}–{stage['end_s']:g} s"
            begin = (Cell(f"{stage['stage']} · {stage['name']}"), Cell(window))
            rows.append(Row((*begin, *_values(stage, _STAGE_COLUMNS)), variant.title))
    return Table(
        "stages",
        "Users at the end of each stage, and the requests sent in it; percentiles of the merged "
        f"API requests; {evidence.workload}.",
        (*texts("Stage"), *numeric("Window"), *_columns(_STAGE_COLUMNS)),
        tuple(rows),
    )


def responses(evidence: Evidence) -> Table:
    """Return service times beside response times, of every kind of request of every variant."""
    return Table(
        "responses",
        "Service time: from sending to the answer. Response time: from the intended start. "
        f"Answered requests, merged; counts are means over the runs; {evidence.workload}.",
        (*texts("Request"), *_columns(_RESPONSE_COLUMNS)),
        tuple(
            Row(
                (Cell(f"{kind['request']}: {kind['route']}"), *_values(kind, _RESPONSE_COLUMNS)),
                variant.title,
            )
            for variant in evidence.variants
            for kind in evidence.summary["responses"][variant.name]
        ),
    )


def failures(evidence: Evidence) -> Table:
    """Return what failed of every variant, by kind of request, status and message."""
    found = evidence.summary.get("failures", {})
    rows = []
    for variant in evidence.variants:
        kinds = found.get(variant.name, ())
        for kind in kinds:
            status = Cell(str(kind["status"]) if kind["status"] else "no answer")
            begin = (Cell(f"{kind['request']}: {kind['route']}"), status, Cell(kind["message"]))
            when = Cell(f"{kind['first_s']:,.0f}–{kind['last_s']:,.0f} s")
            rows.append(Row((*begin, *_values(kind, _FAILURE_COLUMNS), when), variant.title))
        if not kinds:
            rows.append(Row((Cell("nothing failed"), *[Cell(numbers.NOTHING)] * 6), variant.title))
    return Table(
        "failures",
        "What failed (5xx or no answer) by request, status and message: means over the runs, the "
        f"most frequent first, between the first and the last that ended; {evidence.workload}.",
        (
            *texts("Request", "Status", "Message"),
            *_columns(_FAILURE_COLUMNS),
            *texts("Between"),
        ),
        tuple(rows),
    )


def _columns(columns: Sequence[tuple[str, str, int]]) -> Iterator[Column]:
    """Yield columns by their titles; the unit behind a comma stands in the cells."""
    for title, _, _ in columns:
        name, _, unit = title.partition(", ")
        yield Column(name, unit=unit)


def _values(found: Mapping[str, Any], columns: Sequence[tuple[str, str, int]]) -> Iterator[Cell]:
    for title, key, digits in columns:
        yield _single(found.get(key), digits, title.partition(", ")[2])


def _single(value: float | None, digits: int, unit: str) -> Cell:
    """Return a number without interval, in the unit in which people say it."""
    return Cell(numbers.quantity(value, digits, unit), value)


def levels(evidence: Evidence) -> Table | None:
    """Return what each variant did on each level of users; None if the load plans no users."""
    by_variant = evidence.summary["levels"]
    if not any(by_variant.values()):
        return None
    return Table(
        "levels",
        "Requests grouped by active users when they were sent; rising and falling load count "
        "together. Requests are "
        "means of the runs; latency is that of API requests, an unanswered one longer than all "
        f"others; {evidence.workload}.",
        (*texts("Users"), *numeric(*(title for title, _, _ in _LEVEL_COLUMNS), interval=True)),
        tuple(
            Row(
                (
                    Cell(numbers.between(level["above"], level["up_to"])),
                    *(estimate_cell(level[key], digits) for _, key, digits in _LEVEL_COLUMNS),
                ),
                variant.title,
            )
            for variant in evidence.variants
            for level in by_variant[variant.name]
        ),
    )


def backlog(evidence: Evidence) -> Table:
    """Return how deep the queue was at its deepest, and how long orders lay in it."""
    rows = []
    for metric in listed(Listing.BACKLOG):
        facts = evidence.summary["metrics"][metric]
        cells = [_name(metric, facts), Cell(str(facts["description"]))]
        cells += [estimate_cell(a.estimate(metric), facts["digits"]) for a in evidence.variants]
        rows.append(Row(tuple(cells), unit=facts["unit"]))
    return Table(
        "backlog",
        f"The backlog at its peak and on average; {evidence.workload}.",
        (*texts("Metric", "What it is"), *numeric(*evidence.titles.values(), interval=True)),
        tuple(rows),
    )
