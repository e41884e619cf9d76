"""A mutant is data: a sentence that says what it does wrong, and the edits that make it so.

A mutant is never imported. It is a copy of the project with the edits applied, in a folder of its
own, and is deployed from there by the public command like any other project. An edit whose text is
not found exactly once is an error: the sources have moved on and the mutant must follow.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

SIGNATURE = """
import sys as _sys

print(f"mutant {name} runs from {{__file__}}", file=_sys.stderr, flush=True)
"""
"""What every service of a mutant says first, so that nobody has to believe that it was deployed."""


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


@dataclass(frozen=True, slots=True)
class Mutant:
    """One deliberately wrong variant of an approach, and the finding that must see it.

    `seen` says who did it in the wild. `load` names a scenario in `loads/`. `alone`: no other
    finding sees it, so without this one it would pass. `short`: part of every test run.
    """

    name: str
    approach: str
    wrong: str
    seen: str
    edits: tuple[Edit, ...]
    load: str
    caught_by: str
    alone: bool = False
    short: bool = False


def control(approach: str, load: str) -> Mutant:
    """Return the mutant without a mutation: it must pass where the others fail."""
    return Mutant(f"none-{approach}", approach, "nothing", "", (), load, caught_by="")


def edited_files(mutant: Mutant) -> dict[str, str]:
    """Return the new text of every file that a mutant changes; raise StaleEditError."""
    texts: dict[str, str] = {}
    for edit in mutant.edits:
        text = texts.get(edit.file) or (ROOT / edit.file).read_text(encoding="utf-8")
        texts[edit.file] = edit.applied_to(text)
    return texts


def build(mutant: Mutant, project: Path) -> Path:
    """Write a mutant as a project of its own, and return its folder."""
    texts = edited_files(mutant)
    # compiled modules stay behind: they would be those of the sources
    shutil.copytree(
        ROOT / "approaches", project / "approaches", ignore=shutil.ignore_patterns("__pycache__")
    )
    for file in (*ROOT.glob("docker-compose.*.yml"), ROOT / ".env"):
        shutil.copy(file, project)
    for name, text in texts.items():
        (project / name).write_text(text, encoding="utf-8")
    package = project / "approaches" / "__init__.py"
    package.write_text(package.read_text(encoding="utf-8") + SIGNATURE.format(name=mutant.name))
    return project
