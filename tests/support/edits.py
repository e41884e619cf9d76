"""A changed project is data: edits of its files, applied to a copy of it.

An edit whose text is not found exactly once is an error: the sources have moved on and the edit
must follow. Nothing changed is ever imported; it is deployed from its copy by the public command.
"""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


class StaleEditError(AssertionError):
    """The text that an edit replaces is not in the sources, or more than once."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of one file; `file` counts from the root of the project."""

    file: str
    old: str
    new: str

    def applied_to(self, text: str) -> str:
        """Return the text with the edit made; raise StaleEditError."""
        found = text.count(self.old)
        if found != 1:
            raise StaleEditError(f"{self.file}: found {found} times instead of once:\n{self.old}")
        return text.replace(self.old, self.new)


def edited(edits: Iterable[Edit], root: Path = ROOT) -> dict[str, str]:
    """Return the new text of every file that the edits change; raise StaleEditError."""
    texts: dict[str, str] = {}
    for edit in edits:
        text = texts.get(edit.file) or (root / edit.file).read_text(encoding="utf-8")
        texts[edit.file] = edit.applied_to(text)
    return texts


def copy_deployed(project: Path) -> None:
    """Copy what is deployed; compiled modules stay behind: they would be those of the sources."""
    shutil.copytree(
        ROOT / "approaches", project / "approaches", ignore=shutil.ignore_patterns("__pycache__")
    )
    for file in (*ROOT.glob("docker-compose.*.yml"), ROOT / ".env"):
        shutil.copy(file, project)


def write(texts: dict[str, str], project: Path) -> None:
    """Write edited files into a copy of the project."""
    for name, text in texts.items():
        (project / name).write_text(text, encoding="utf-8")
