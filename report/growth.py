"""What each service held over a long load: a figure per quantity, and a table with the slopes.

A figure shows each service in % of its own median over the judged time, so that what is flat lies
on one line, whether it is large or small; the table has the sizes.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from harness.analysis.growth import SHORTEST_S, TOLERANCE, WARM_UP_S, WINDOW_S
from report import charts, markdown, marks, numbers, theme
from report.evidence import Approach, Evidence, Run
from report.numbers import short
from report.plates import Chart, Plate, Section
from report.tables import Cell, Column, Row, Table

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
_DASHES: Final[tuple[Any, ...]] = ("-", charts.DASHED, charts.DOTTED)
_MEGA: Final = 1e6

Grown = Mapping[str, Any]


def table(evidence: Evidence) -> Table | None:
    """Return the slope of everything that was judged, or None if no run was long enough."""
    rows = _rows(evidence)
    if not rows:
        return None
    titles = {approach.name: approach.title for approach in evidence.approaches}
    columns = [Column("Service", numeric=False), Column("Quantity", numeric=False), Column("Run")]
    columns += [Column("Level"), Column("per hour", interval=True), Column("Change")]
    columns += [Column("Tolerance"), Column("Started anew"), Column("Verdict", numeric=False)]
    return Table(
        "growth",
        "Growth",
        "What each service held, and its slope with a 95 % interval; change and tolerance over the "
        f"judged time; {evidence.workload}.",
        tuple(columns),
        tuple(Row(_cells(row), titles[row["approach"]], _unit(row)) for row in rows),
        f"Tolerance: {TOLERANCE:.0%} of the level, or what is negligible of the quantity.",
    )


def sections(evidence: Evidence) -> tuple[Section, ...]:
    """Return the figures of growth of each run that was long enough; none if there is none."""
    found = []
    for approach in evidence.approaches:
        plates = tuple(
            plate for run in approach.runs for plate in _plates(approach, run, _rows(evidence))
        )
        if plates:
            title = f"Does it grow? {approach.title}"
            found.append(Section(f"growth-{approach.name}", title, LEAD, plates))
    return tuple(found)


def sentences(evidence: Evidence) -> tuple[str, ...]:
    """Return in a sentence per approach what grew; nothing if no run was long enough."""
    rows = _rows(evidence)
    said = []
    for approach in evidence.approaches:
        own = [row for row in rows if row["approach"] == approach.name]
        if own:
            grown = [f"{row['title']} of {row['service']}" for row in own if row["grows"]]
            found = f"{', '.join(grown)} grew" if grown else "flat"
            said.append(f"{approach.title}, {len(own)} quantities over the load: {found}.")
    return tuple(said)


def in_markdown(contents: Mapping[str, Table]) -> list[str]:
    """Return the section of a report about growth; nothing if no run was long enough."""
    found = contents.get("growth")
    return ["## Growth", LEAD, markdown.table(found)] if found else []


def _rows(evidence: Evidence) -> list[Grown]:
    return list(evidence.summary.get("growth") or [])


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


def _plates(approach: Approach, run: Run, rows: Sequence[Grown]) -> Iterator[Plate]:
    own = [row for row in rows if row["run"] == run.index and row["level"] > 0]
    for name, (title, kinds) in QUANTITIES.items():
        shown = [row for row in own if row["kind"] in kinds]
        if shown:
            chart = _chart(f"growth-{name}-{run.index:02d}", title, approach, run, shown)
            yield Plate(chart.name, title, _caption(title, run, shown), (chart,))


def _name(row: Grown) -> str:
    return _LINES.get(row["kind"], str(row["service"]))


def _caption(title: str, run: Run, shown: Sequence[Grown]) -> str:
    grown = [row for row in shown if row["grows"]]
    if not grown:
        return f"{title}, run {run.index}: nothing grows."
    said = ", ".join(f"{_name(row)} by {100 * row['change'] / row['level']:.0f} %" for row in grown)
    return f"{title}, run {run.index}: grows over the judged time: {said}."


def _chart(name: str, title: str, approach: Approach, run: Run, shown: Sequence[Grown]) -> Chart:
    styles = [
        {"color": theme.approach_colour(n % len(theme.APPROACHES)),
         "linestyle": _DASHES[n // len(theme.APPROACHES) % len(_DASHES)]}
        for n in range(len(shown))
    ]  # fmt: skip
    legend = [
        (_name(row), Line2D([], [], linewidth=1.6, **style))
        for row, style in zip(shown, styles, strict=True)
    ]
    unit = f"% of the median of the judged time · {approach.title}"
    drawing, ax = charts.panel(title, unit, theme.INK, legend)
    for row, style in zip(shown, styles, strict=True):
        line = 100 * run.held[row["service"], row["kind"]].dropna() / row["level"]
        ax.plot(line.index, line, linewidth=1.6, **style)
    low, high = ax.get_ylim()
    ax.set_ylim(min(low, 90.0) if low > 50 else 0.0, max(high, 110.0))
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    charts.seconds_axis(ax, run.record.load_s + run.record.drain_s)
    marks.draw(ax, marks.marks([run]))
    ax.axvspan(0, WARM_UP_S, color=theme.BAND, linewidth=0, zorder=-2)
    return charts.finish(drawing, name, _alt(title, approach, shown))


def _alt(title: str, approach: Approach, shown: Sequence[Grown]) -> str:
    said = "; ".join(
        f"{_name(row)}: {'grows' if row['grows'] else 'flat'}, "
        f"{100 * row['change'] / row['level']:+.1f} %"
        for row in shown
    )
    return f"{title} of {approach.title} over the load, by what it changed: {said}."
