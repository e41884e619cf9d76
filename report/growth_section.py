"""What each service held over a long load: a figure per quantity, and a table with the slopes.

A figure shows each service in % of its own median over the judged time, so that what is flat lies
on one line, whether it is large or small; the table has the sizes.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from harness.analysis.growth import SHORTEST_S, TOLERANCE, WARM_UP_S, WINDOW_S
from report import numbers
from report.charts import fault_bands, plotting, theme
from report.charts.figures import Figure, Section
from report.charts.line_chart import LineChart, Trace, compact, instants
from report.document import Part
from report.evidence import Evidence, Run, Variant
from report.tables.cells import Cell, Row, Table, numeric, texts

LEAD: Final = (
    f"Medians of {WINDOW_S:g} s, without the samples of a service that a fault was hitting. The "
    f"first {WARM_UP_S:g} s are not judged: caches fill and pools open. A quantity grows if its "
    "slope (Theil–Sen) is surely above 0 and adds more than the tolerance in the judged time; "
    f"whatever grows more slowly is called flat. Loads shorter than {SHORTEST_S / 60:g} minutes "
    "are not judged."
)
QUANTITIES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "memory": ("Private memory", ("private_bytes", "memory_bytes")),
    "largest": ("Largest process of each service", ("largest_private_bytes",)),
    "files": ("Open files", ("open_files",)),
    "sockets": ("Connections", ("sockets",)),
    "stores": ("Redis and ledger", ("keys", "used_memory_bytes", "clients", "connections")),
}
"""The figures: title, and the metrics whose lines they show."""
_LINES: Final = {
    "keys": "Redis keys",
    "used_memory_bytes": "Redis data",
    "clients": "Redis clients",
    "connections": "ledger clients",
}
"""What a line is called that is not called by its service."""
LINE_PX: Final = 1.6
_MEGA: Final = 1e6

Grown = Mapping[str, Any]


def parts(evidence: Evidence) -> tuple[Part, ...]:
    """Return the part of a report about growth; nothing if no run was long enough."""
    rows = _rows(evidence)
    return (Part("growth", "Growth", (LEAD, _table(evidence, rows))),) if rows else ()


def _table(evidence: Evidence, rows: Sequence[Grown]) -> Table:
    """Return the slope of everything that was judged."""
    return Table(
        "growth",
        "What each service held, and its slope with a 95 % interval; change and tolerance over the "
        f"judged time; {evidence.workload}.",
        (
            *texts("Service", "Quantity"),
            *numeric("Run", "Level"),
            *numeric("per hour", interval=True),
            *numeric("Change", "Tolerance", "Started anew"),
            *texts("Verdict"),
        ),
        tuple(Row(_cells(row), evidence.titles[row["variant"]], _unit(row)) for row in rows),
        f"Tolerance: {TOLERANCE:.0%} of the level, or what is negligible of the quantity.",
    )


def sections(evidence: Evidence) -> tuple[Section, ...]:
    """Return the figures of growth of each run that was long enough; none if there is none."""
    found = []
    for variant in evidence.variants:
        figures = tuple(
            figure for run in variant.runs for figure in _figures(variant, run, _rows(evidence))
        )
        if figures:
            title = f"Does it grow? {variant.title}"
            found.append(Section(f"growth-{variant.name}", title, LEAD, figures))
    return tuple(found)


def sentences(evidence: Evidence) -> tuple[str, ...]:
    """Return in a sentence per variant what grew; nothing if no run was long enough."""
    rows = _rows(evidence)
    said = []
    for variant in evidence.variants:
        own = [row for row in rows if row["variant"] == variant.name]
        if own:
            grown = [f"{row['title']} of {row['service']}" for row in own if row["grows"]]
            found = f"{', '.join(grown)} grew" if grown else "flat"
            said.append(f"{variant.title}, {len(own)} quantities over the load: {found}.")
    return tuple(said)


def _rows(evidence: Evidence) -> list[Grown]:
    return list(evidence.summary["growth"])


def _is_mega(row: Grown) -> bool:
    return bool(row["unit"] == "bytes")


def _unit(row: Grown) -> str:
    return "MB" if _is_mega(row) else str(row["unit"])


def _cells(row: Grown) -> tuple[Cell, ...]:
    scale = _MEGA if _is_mega(row) else 1.0
    digits = 1 if _is_mega(row) else 0
    slope, low, high = (row[key] / scale for key in ("per_hour", "low", "high"))
    shown = f"{numbers.signed(slope, 1)} {numbers.interval(low, high, 1)}"
    per_order = row["bytes_per_order"]
    note = "" if per_order is None else f"{numbers.number(per_order, 1)} bytes per settled order"
    verdict = Cell("grows", tone="fail", note=note) if row["grows"] else Cell("flat", note=note)
    return (
        Cell(row["service"]),
        Cell(row["title"]),
        Cell(str(row["run"]), row["run"]),
        Cell(numbers.number(row["level"] / scale, digits), row["level"] / scale),
        Cell(shown.rstrip(), slope, low, high),
        Cell(numbers.signed(row["change"] / scale, digits), row["change"] / scale),
        Cell(numbers.number(row["tolerance"] / scale, digits), row["tolerance"] / scale),
        Cell(str(row["restarts"]), row["restarts"]),
        verdict,
    )


def _figures(variant: Variant, run: Run, rows: Sequence[Grown]) -> Iterator[Figure]:
    own = [row for row in rows if row["run"] == run.index and row["level"] > 0]
    for name, (title, kinds) in QUANTITIES.items():
        shown = [row for row in own if row["kind"] in kinds]
        if shown:
            chart = _describe(variant, run, shown)
            yield plotting.one_picture(
                chart,
                name=f"growth-{name}-{run.index:02d}",
                title=title,
                alt=_alt(title, variant, shown),
                caption=_caption(title, run, shown),
            )


def _name(row: Grown) -> str:
    return _LINES.get(row["kind"], str(row["service"]))


def _caption(title: str, run: Run, shown: Sequence[Grown]) -> str:
    grown = [row for row in shown if row["grows"]]
    if not grown:
        return f"{title}, run {run.index}: nothing grows."
    said = ", ".join(f"{_name(row)} by {100 * row['change'] / row['level']:.0f} %" for row in grown)
    return f"{title}, run {run.index}: grows over the judged time: {said}."


def _describe(variant: Variant, run: Run, shown: Sequence[Grown]) -> LineChart:
    end_s = float(run.record.load_s + run.record.drain_s)
    lines = {
        _name(row): 100 * run.held[row["service"], row["kind"]] / row["level"] for row in shown
    }
    x = sorted({at for line in lines.values() for at in line.index})
    low = min(float(line.min()) for line in lines.values())
    high = max(float(line.max()) for line in lines.values())
    return LineChart(
        unit=f"% of the median of the judged time · {variant.title}",
        axis="seconds",
        x=instants(x),
        end=end_s,
        traces=tuple(
            Trace(
                label=name,
                variant=variant.title,
                curve=name,
                colour=theme.variant_role(number),
                dash=theme.variant_dash(number, second=number >= len(theme.VARIANTS)),
                middle=compact(line.reindex(x)),
                bridged=True,
            )
            for number, (name, line) in enumerate(lines.items())
        ),
        line_px=LINE_PX,
        bands=((0.0, WARM_UP_S, "warm-up"),),
        marks=fault_bands.spans(fault_bands.marks([run]), end_s),
        y=(min(low - 1, 90.0) if low > 50 else 0.0, max(high + 1, 110.0)),
    )


def _alt(title: str, variant: Variant, shown: Sequence[Grown]) -> str:
    said = "; ".join(
        f"{_name(row)}: {'grows' if row['grows'] else 'flat'}, "
        f"{100 * row['change'] / row['level']:+.1f} %"
        for row in shown
    )
    return f"{title} of {variant.title} over the load, by what it changed: {said}."
