"""A regression is data: a sentence that says what is wrong, the edits, and the gate's answers.

Base is the project with the edits of base, head the project with the edits of head.
"""

from dataclasses import dataclass

from harness.errors import ExitCode
from tests.mutants.catalogue import MUTANTS
from tests.support.edits import Edit


@dataclass(frozen=True, slots=True)
class Regression:
    """One pair of base and head, and what `harness gate` may answer.

    `approach` is the only one that is measured; none means all. `revision` is what the gate is
    given as base. `short`: asked in a few seconds too, with the scenario in `short/`;
    `deploys`: for that, approaches are brought up.
    """

    name: str
    wrong: str
    expected: tuple[ExitCode, ...]
    head: tuple[Edit, ...] = ()
    base: tuple[Edit, ...] = ()
    approach: str | None = None
    revision: str = "HEAD~1"
    short: bool = False
    deploys: bool = False


def edits_of_mutant(name: str) -> tuple[Edit, ...]:
    """Return the edits of a mutant, which the audit is known to catch."""
    (found,) = (mutant for mutant in MUTANTS if mutant.name == name)
    return found.edits
