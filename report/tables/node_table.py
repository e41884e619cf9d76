"""The table of nodes: what each machine of a shop on several ran and used, the generator apart."""

from collections.abc import Iterable, Sequence

from report import numbers
from report.evidence import Evidence, Run, Variant
from report.tables.cells import Cell, Row, Table, numeric, texts

GENERATOR = "load generator"


def tables(evidence: Evidence) -> tuple[Table, ...]:
    """Return the table; nothing if all ran on one machine."""
    rows = tuple(row for variant in evidence.variants for row in _rows(variant))
    if not rows:
        return ()
    return (
        Table(
            "nodes",
            "What each node ran, and what its replicas used: processors on average over the load, "
            f"memory at most; {evidence.workload}.",
            (
                *texts("Node", "Replicas"),
                *numeric("Processors", "Used"),
                *numeric("Memory, MB"),
                *numeric("Clock ahead, ms"),
            ),
            rows,
            "Means of the runs. Clocks are compared with that of the load generator's machine.",
        ),
    )


def _rows(variant: Variant) -> list[Row]:
    """Return a row for each node of a variant's runs, which have the same, and the generator's."""
    runs = [run for run in variant.runs if run.nodes]
    if not runs:
        return []
    rows = []
    for number, node in enumerate(runs[0].nodes):
        found = [run.nodes[number] for run in runs]
        megabytes = [None if one.memory_bytes is None else one.memory_bytes / 1e6 for one in found]
        ahead_ms = [None if one.clock_ahead_s is None else 1e3 * one.clock_ahead_s for one in found]
        cells = (
            Cell(node.name),
            Cell(", ".join(node.replicas) or "none"),
            Cell(numbers.number(node.cpus), node.cpus),
            _mean([one.cores for one in found], 2),
            _mean(megabytes, 0),
            _mean(ahead_ms, 1),
        )
        rows.append(Row(cells, variant.title))
    return [*rows, Row(_generator(runs), variant.title)]


def _generator(runs: Sequence[Run]) -> tuple[Cell, ...]:
    cores = float(runs[0].record.cores or 1)
    nothing = Cell(numbers.NOTHING)
    return (
        Cell(GENERATOR),
        nothing,
        Cell(numbers.number(cores), cores),
        _mean([run.generator_cores for run in runs], 2),
        nothing,
        nothing,
    )


def _mean(values: Iterable[float | None], digits: int) -> Cell:
    known = [value for value in values if value is not None]
    mean = sum(known) / len(known) if known else None
    return Cell(numbers.number(mean, digits), mean)
