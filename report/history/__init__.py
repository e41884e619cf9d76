"""The history of a scenario: one page, and the same as data.

Like a report it is a pure function of what is stored, and the same campaigns give the same bytes.
"""

import os
from dataclasses import asdict
from pathlib import Path

from harness.analysis import History
from harness.analysis.summary import plain
from harness.errors import UsageError
from harness.store import write_json
from report import page, theme
from report.history import plates, rows
from report.history.words import answer, changes, counted, left_out, remarks

__all__ = ["SCHEMA_VERSION", "answer", "changes", "left_out", "publish"]

SCHEMA_VERSION = 1
"""Version of history.json; a change is listed in CHANGELOG.md."""


def publish(history: History, folder: Path) -> Path:
    """Write the page and history.json, and return the page.

    Raises UsageError if the folder cannot be written.
    """
    text = render(history)
    final, draft = folder / "index.html", folder / f".index.html.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(
            folder / "history.json", {"schema_version": SCHEMA_VERSION, **plain(asdict(history))}
        )
        draft.write_text(text, encoding="utf-8", newline="\n")
        os.replace(draft, final)
    except OSError as error:
        raise UsageError(
            f"cannot write to {folder}: {error.strerror}", "choose another folder with --out"
        ) from error
    return final


def render(history: History) -> str:
    """Return the page."""
    with theme.style():
        sections = plates.sections(history)
    return (
        page.environment("history/page.js", before=("history/still.js", "themes.js"))
        .get_template("history/page.html.j2")
        .render(
            history=history,
            answer=answer(history),
            counted=counted(len(history.nights), "campaign"),
            remarks=remarks(history),
            changes=rows.changes(history),
            sections=sections,
            campaigns=rows.campaigns(history),
            left_out=rows.left_out(history),
        )
    )
