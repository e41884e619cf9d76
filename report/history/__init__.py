"""The history of a scenario: one page, and the same as data.

Like a report it is a pure function of what is stored, and the same campaigns give the same bytes.
"""

from dataclasses import asdict
from pathlib import Path

from harness.analysis import History
from harness.analysis.summary import plain
from harness.results.store import write_json, write_text
from report import numbers
from report.charts import theme
from report.history import history_charts, history_tables
from report.history.history_words import answer, changes, left_out, remarks
from report.page import web_page

__all__ = ["SCHEMA_VERSION", "answer", "changes", "left_out", "publish"]

SCHEMA_VERSION = 2
"""Version of history.json; a change is listed in CHANGELOG.md."""


def publish(history: History, folder: Path) -> Path:
    """Write the page and history.json, and return the page.

    Raises UsageError if the folder cannot be written, InfrastructureError if no space is left.
    """
    page = write_text(folder / "index.html", render(history))
    document = {"schema_version": SCHEMA_VERSION, **plain(asdict(history))}
    write_json(folder / "history.json", document)
    return page


def render(history: History) -> str:
    """Return the page."""
    with theme.style():
        sections = history_charts.sections(history)
    return (
        web_page.environment(
            "history/page.js", before=("page/shared.js", "history/still.js", "page/themes.js")
        )
        .get_template("history/page.html.j2")
        .render(
            history=history,
            answer=answer(history),
            counted=numbers.counted(len(history.nights), "campaign"),
            remarks=remarks(history),
            changes=history_tables.changes(history),
            sections=sections,
            campaigns=history_tables.campaigns(history),
            left_out=history_tables.left_out(history),
        )
    )
