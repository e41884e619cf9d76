"""The tables of a history: its changes, its campaigns, a figure's values, what was left out."""

from collections.abc import Sequence

from harness.analysis import METRICS, History
from harness.analysis.trends import Change, Series
from report import numbers
from report.history import history_words
from report.tables.cells import Cell, Row, Table, numeric, texts

TONES = {"better": "pass", "worse": "fail"}


def changes(history: History) -> Table | None:
    """Return every change, the newest first, or None if there is none."""
    if not history.changes:
        return None
    return Table(
        "changes",
        "Where the level of a metric changed, the newest first. A level is the median of its "
        "nights.",
        (
            *texts("Metric", "Of", "Last night before", "First night after"),
            *numeric("Before", "After", "Change", "Nights"),
            *texts("It is"),
        ),
        tuple(Row(_change(history, series, change)) for series, change in history.changes),
    )


def _change(history: History, series: Series, change: Change) -> tuple[Cell, ...]:
    before, after = (history.nights[at] for at in (change.last_before, change.first_after))
    return (
        Cell(METRICS[series.metric].title),
        Cell(series.subject),
        Cell(history_words.place(before), tone="place"),
        Cell(history_words.place(after), tone="place"),
        Cell(history_words.value(series, change.before), change.before),
        Cell(history_words.value(series, change.after), change.after),
        Cell(history_words.size(series, change), change.change),
        Cell(f"{change.n_before} + {change.n_after}"),
        Cell(change.verdict, tone=TONES[change.verdict]),
    )


def values(history: History, name: str, shown: Sequence[Series]) -> Table:
    """Return every night's value of some series of one metric, and its level after a change."""
    begun = {(at, change.first_after) for at, one in enumerate(shown) for change in one.changes}
    rows = []
    for position, night in enumerate(history.nights):
        note = "; ".join(night.troubles)
        cells = [
            Cell(
                history_words.value(series, series.values[position]),
                series.values[position],
                note="a new level begins" if (at, position) in begun else "",
            )
            for at, series in enumerate(shown)
        ]
        rows.append(
            Row(
                (
                    Cell(history_words.date(night), note=note),
                    Cell(history_words.revision(night)),
                    *cells,
                )
            )
        )
    title = METRICS[shown[0].metric].title
    return Table(
        name,
        f"{title}, night by night.",
        (*texts("Night", "Revision"), *numeric(*(series.subject for series in shown))),
        tuple(rows),
    )


def campaigns(history: History) -> Table:
    """Return every campaign of the history, the newest first."""
    rows = []
    for night in reversed(history.nights):
        verdict = (
            Cell("not sound", note="; ".join(night.troubles), tone="fail")
            if night.troubles
            else Cell("valid and clean", tone="pass")
        )
        rows.append(
            Row(
                (
                    Cell(night.folder),
                    Cell(night.created_at.replace("T", " ")),
                    Cell(history_words.revision(night)),
                    Cell(night.machine + (" (ratios only)" if night.is_other_machine else "")),
                    verdict,
                )
            )
        )
    return Table(
        "campaigns",
        f"Every campaign of {history.scenario} on this page, the newest first.",
        texts("Folder", "Begun", "Revision", "Machine", "State"),
        tuple(rows),
    )


def left_out(history: History) -> Table | None:
    """Return what was left out and why, or None if nothing was."""
    if not history.left_out:
        return None
    return Table(
        "left-out",
        f"A: the newest campaign ({history.nights[-1].folder}), B: the one that was left out.",
        texts("Folder", "Why"),
        tuple(
            Row((Cell(left.folder), Cell("; ".join(left.reasons) or numbers.NOTHING)))
            for left in history.left_out
        ),
    )
