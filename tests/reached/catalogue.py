"""What there is to reach: every state, transition and answer of the contract, of each approach."""

import tomllib
from pathlib import Path

from approaches.shop.orders import TRANSITIONS
from harness.analysis.coverage import ANSWER, CANCELLED, STATE, TRANSITION, Cell, transition

FOLDER = Path(__file__).parent
APPROACHES = ("queue", "sync")


def answers(approach: str) -> dict[str, str]:
    """Return every answer of the contract, and the test that reaches it; "" if none does."""
    listed = tomllib.loads((FOLDER / "contract.toml").read_text(encoding="utf-8"))
    return {**listed["both"], **listed[approach]}


def history(approach: str) -> dict[Cell, str]:
    """Return every state and every transition that an order may make; no test stands for a case.

    The synchronous shop cancels nothing: it refuses at once what its ledger refuses.
    """
    states = [status for status in TRANSITIONS if approach == "queue" or status != CANCELLED]
    cells = {(STATE, str(status)): "" for status in states}
    for before in states:
        for after in sorted(TRANSITIONS[before]):
            if after in states:
                cells[TRANSITION, transition(before, after)] = ""
    return cells


def cells(approach: str) -> dict[Cell, str]:
    """Return everything that can be reached, with the test that does; "" if none does."""
    return history(approach) | {(ANSWER, name): test for name, test in answers(approach).items()}


def certain() -> dict[str, dict[str, list[str]]]:
    """Return what the short chaos reaches with certainty: names of cells by case and approach."""
    return tomllib.loads((FOLDER / "short_chaos.toml").read_text(encoding="utf-8"))
