"""The table in docs/mutants.md: every mutant, the invariant that catches it, and what it said.

The prose around the table is written by hand; each row is what the last run of its mutant found.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path

from tests.mutants.bench import Bench
from tests.mutants.mutant import Mutant
from tests.support.edits import ROOT
from tests.support.tables import row, write_between

DOCUMENT = ROOT / "docs" / "mutants.md"

_BEGIN, _END = "<!-- table: written by `make mutants` -->", "<!-- end of table -->"
_HEAD = """| mutant | what it does wrong | seen in | load | caught by | evidence | run |
|---|---|---|---|---|---|---|
"""
_ROW = re.compile(r"\| `(?P<name>[\w-]+)`\*? \|.*\| \*\*(?P<caught_by>\w+)\*\*")
_LONGEST_EXAMPLE = 220


def listed(text: str) -> dict[str, str]:
    """Return the mutants in the table of a document, and by what each is caught."""
    rows = [_ROW.match(line) for line in text.splitlines()]
    return {row["name"]: row["caught_by"] for row in rows if row}


def write(bench: Bench, mutants: Iterable[Mutant], path: Path = DOCUMENT) -> None:
    """Write what a run found into the table of the document; other mutants keep their rows."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    written = {match["name"]: line for line in lines if (match := _ROW.match(line))}
    rows = [
        _row(bench, mutant) if _is_caught(bench, mutant) else written.get(mutant.name, "")
        for mutant in mutants
    ]
    write_between(path, _BEGIN, _END, _HEAD + "".join(rows))


def _is_caught(bench: Bench, mutant: Mutant) -> bool:
    outcome = bench.outcomes.get((mutant.name, mutant.load))
    return mutant.name in bench.refusals or (outcome is not None and outcome.is_caught)


def _row(bench: Bench, mutant: Mutant) -> str:
    name = f"`{mutant.name}`{'*' if mutant.short else ''}"
    if mutant.name in bench.refusals:
        cells = ["contract tests", f"**{mutant.caught_by}**", bench.refusals[mutant.name], ""]
    else:
        outcome = bench.outcome(mutant)
        others = [one for one in outcome.failed if one != mutant.caught_by]
        catcher = f"**{mutant.caught_by}**"
        catcher += ", alone" if mutant.alone else f", also {', '.join(others)}" if others else ""
        finding = outcome.findings[mutant.caught_by]
        evidence = f"{finding.summary}; the first: {_example(finding.examples[0])}"
        run = f"exit {outcome.exit_code}, {outcome.seconds:.0f} s"
        run += f", try {outcome.tries}" if outcome.tries > 1 else ""
        cells = [f"`{mutant.load}`", catcher, evidence, run]
    return row(name, mutant.wrong, mutant.seen, *cells)


def _example(example: dict[str, object]) -> str:
    facts = {key: value for key, value in example.items() if key != "what"}
    text = json.dumps(facts, ensure_ascii=False)
    return f"`{text[:_LONGEST_EXAMPLE]}`" + (" …" if len(text) > _LONGEST_EXAMPLE else "")
