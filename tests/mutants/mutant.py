"""A mutant is data: a sentence that says what it does wrong, and the edits that make it so.

A mutant is never imported. It is a copy of the project with the edits applied, in a folder of its
own, and is deployed from there by the public command like any other project.
"""

from dataclasses import dataclass
from pathlib import Path

from tests.support.edits import Edit, copy_deployed, edited, write

LOADS = Path(__file__).parent / "loads"

SIGNATURE = """
import sys as _sys

print(f"mutant {name} runs from {{__file__}}", file=_sys.stderr, flush=True)
"""
"""What every service of a mutant says first, so that nobody has to believe that it was deployed."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """An approach made wrong on purpose, and the finding that must see it.

    `seen` says who did it in the wild. `load` names a scenario in `loads/`. `alone`: no other
    finding sees it, so without this one it would pass. `short`: deployed by `make test-all`, too.
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


def build(mutant: Mutant, project: Path) -> Path:
    """Write a mutant as a project of its own, and return its folder."""
    texts = edited(mutant.edits)
    copy_deployed(project)
    write(texts, project)
    package = project / "approaches" / "__init__.py"
    package.write_text(package.read_text(encoding="utf-8") + SIGNATURE.format(name=mutant.name))
    return project
