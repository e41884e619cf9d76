"""The notes of a table, calmly: one mark for one kind of remark, however many cells have it.

Remarks come from the analysis as sentences that differ in their numbers ("the typical run's is 2.3:
one run differs strongly"). What they share is the legend of the mark; what each says is listed
below it, cell by cell. A remark that repeats that of another cell of its row has no mark.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from string import ascii_lowercase

from report.tables.cells import Row, Table

_NUMBER = re.compile(r"[-−]?\d[\d.,]*(?:e[+-]?\d+)?")


@dataclass(frozen=True, slots=True)
class Note:
    """One mark: its letter, what it means, and the cells that say more than that."""

    letter: str
    reason: str
    cells: tuple[tuple[str, str], ...]


Place = tuple[int, int, int]
"""A row, a column, and how far below: 0 is the cell itself."""


@dataclass(frozen=True, slots=True)
class Legend:
    """The marks of a table's cells, by place, and what they mean."""

    notes: tuple[Note, ...]
    marks: Mapping[Place, str]

    def at(self, row: int, column: int, below: int = 0) -> str:
        """Return the letter of a cell, or nothing."""
        return self.marks.get((row, column, below), "")


def legend(table: Table) -> Legend:
    """Return what marks the cells of a table have, and what the marks mean."""
    by_kind: dict[str, list[tuple[Place, str]]] = {}
    for position, row in enumerate(table.rows):
        for column, below, remark in _remarks(row):
            place = (position, column, below)
            by_kind.setdefault(_kind(remark), []).append((place, remark))
    marks: dict[Place, str] = {}
    notes = []
    for number, found in enumerate(by_kind.values()):
        letter = _letter(number)
        marks |= dict.fromkeys((place for place, _ in found), letter)
        notes.append(Note(letter, _reason(found), _cells(table, found)))
    return Legend(tuple(notes), marks)


def _remarks(row: Row) -> Iterator[tuple[int, int, str]]:
    noted = [
        (column, below, part.note)
        for column, cell in enumerate(row.cells)
        for below, part in enumerate(cell.parts)
        if part.note
    ]
    for column, below, remark in noted:
        others = (note for _, _, note in noted if note != remark)
        if not any(remark.endswith(f": {note}") for note in others):
            yield column, below, remark


def _general(remark: str) -> str:
    """Return a remark without the clauses before its last one that give a number."""
    *clauses, last = remark.split(": ")
    return ": ".join([*(clause for clause in clauses if not _NUMBER.search(clause)), last])


def _kind(remark: str) -> str:
    return _NUMBER.sub("…", _general(remark))


def _reason(found: list[tuple[Place, str]]) -> str:
    """Return what the remarks of a kind have in common: the whole of it if they are the same."""
    for form in (str, _general):
        same = {form(remark) for _, remark in found}
        if len(same) == 1:
            return same.pop()
    return _kind(found[0][1])


def _cells(table: Table, found: list[tuple[Place, str]]) -> tuple[tuple[str, str], ...]:
    if len({remark for _, remark in found}) == 1:
        return ()
    return tuple(
        (f"{table.rows[row].cells[0].text}, {table.columns[column].parts[below].title}", remark)
        for (row, column, below), remark in found
    )


def _letter(number: int) -> str:
    """Return a, b, … z, then aa, ab, …"""
    before, last = divmod(number, len(ascii_lowercase))
    return (_letter(before - 1) if before else "") + ascii_lowercase[last]
