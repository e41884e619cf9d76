"""The tables of the report as plain rows, made from the summary; HTML, Markdown and CSV print them.

A cell has the text for people and, where it is a number, the number for machines. A reason (why a
value is missing, what to be careful about) is a note of the cell; the renderers list the notes
below their table (`report.notes`). Every caption says what the load was, and of how many runs.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from report import numbers


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in one place of a table, and what stands below it, smaller, in the same place.

    `about` is the id of the place on the page that says what it is, `link` the folder of a report
    that says more, as a path from this report's.
    """

    text: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    note: str = ""
    tone: str = ""
    about: str = ""
    link: str = ""
    below: "tuple[Cell, ...]" = ()

    @property
    def parts(self) -> "tuple[Cell, ...]":
        """Return the cell and what stands below it."""
        return (self, *self.below)


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its title, whether it holds numbers, and whether they have intervals.

    `below` are what stands below each of its cells: columns of their own for machines. `unit` is
    that of the numbers for machines, if people read another one in the cells.
    """

    title: str
    numeric: bool = True
    interval: bool = False
    unit: str = ""
    below: "tuple[Column, ...]" = ()

    @property
    def parts(self) -> "tuple[Column, ...]":
        """Return the column and those below it."""
        return (self, *self.below)


def texts(*titles: str) -> tuple[Column, ...]:
    """Return columns of words by their titles."""
    return tuple(Column(title, numeric=False) for title in titles)


def numeric(*titles: str, interval: bool = False, unit: str = "") -> tuple[Column, ...]:
    """Return columns of numbers by their titles."""
    return tuple(Column(title, interval=interval, unit=unit) for title in titles)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of cells; the first names it. `group` begins a section where it changes."""

    cells: tuple[Cell, ...]
    group: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its caption, and what must stand below it; `name` is its file name."""

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    footer: str = ""

    @property
    def stacks(self) -> bool:
        """Return True if its cells are stacked where the page is narrow."""
        return any(column.below for column in self.columns)


def to_csv(table: Table) -> str:
    """Return a table as CSV: numbers without separators, intervals in columns of their own."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    grouped, measured = (any(getattr(r, at) for r in table.rows) for at in ("group", "unit"))
    columns = [part for column in table.columns for part in column.parts]
    header = ["group"] * grouped + ["unit"] * measured
    for column in columns:
        header.append(f"{column.title}, {column.unit}" if column.unit else column.title)
        if column.interval:
            header += [f"{column.title} low", f"{column.title} high"]
    writer.writerow([*header, "notes"])
    for row in table.rows:
        cells = [part for cell in row.cells for part in cell.parts]
        line: list[Any] = [row.group] * grouped + [row.unit] * measured
        for column, cell in zip(columns, cells, strict=True):
            plain = "" if column.interval or cell.text == numbers.NOTHING else cell.text
            line.append(plain if cell.value is None else f"{cell.value:.9g}")
            if column.interval:
                line += ["" if v is None else f"{v:.9g}" for v in (cell.low, cell.high)]
        notes = dict.fromkeys(cell.note for cell in cells if cell.note)
        writer.writerow([*line, "; ".join(notes)])
    return buffer.getvalue()


def estimate_cell(estimate: Mapping[str, Any], digits: int) -> Cell:
    """Return an estimate as a cell, its warnings as the note: without a bound that it shows."""
    return Cell(
        numbers.estimate(estimate, digits),
        value=estimate["value"],
        low=estimate["low"],
        high=estimate["high"],
        note="; ".join(map(numbers.remark, estimate["warnings"])),
    )


def ratio_cell(factor: float, low: float | None, high: float | None, note: str) -> Cell:
    """Return how many times as much something is, with its interval; if far apart, that it is."""
    shown = numbers.factor(factor, low, high)
    undecided = low is not None and high is not None and low <= 1 <= high
    if not undecided and (factor >= numbers.FARTHEST or 0 < factor <= 1 / numbers.FARTHEST):
        word = "higher" if factor > 1 else "lower"
        shown = f"more than {numbers.number(numbers.FARTHEST)}× {word}"
    return Cell(shown, factor, low, high, note)


def difference_cell(
    value: float, low: float | None, high: float | None, digits: int, unit: str, note: str
) -> Cell:
    """Return how much more something is; it has no place in a column of ratios for machines."""
    return Cell(numbers.difference(value, digits, unit, low, high), note=note)


def percent(value: float | None, digits: int = 1, of: str = "") -> Cell:
    """Return a share in percent as a cell, and of what it is."""
    shown = numbers.number(value, digits)
    text = shown if value is None else numbers.with_unit(shown, "%")
    return Cell(f"{text} {of}".rstrip(), value)
