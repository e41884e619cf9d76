"""summary.md: the gate for whoever reads the pull request, its verdict first.

All words that come from elsewhere are escaped: a message of the audit is text, never markup.
"""

import html
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from harness.gate.result import Look, Offence, Result, Row, Ruling, Side
from report import numbers, reproduce
from report.gate import gate_words
from report.page import markdown
from report.tables.cells import Cell, Column, Table
from report.tables.cells import Row as TableRow

STEP_SUMMARY = "GITHUB_STEP_SUMMARY"
STEP_SUMMARY_BYTES = 1024 * 1024
"""What GitHub takes from one step; of a longer summary it shows nothing at all."""
MOST = 50
"""Offences and invalid runs that are shown; gate.json has all of them."""
_NUMERIC = gate_words.COLUMNS[2:5]
_MARKUP = re.compile(r"([\\`*_\[\]{}~#$])")
_OWN = ("--base", "--out", "--resume")


def summary(result: Result) -> str:
    """Return the summary as Markdown."""
    parts = [
        f"## Gate: {result.verdict}",
        f"**{result.verdict}**: {escaped(result.statement)}",
        f"**What it means:** {escaped(gate_words.meaning(result))}.",
        *_not_comparable(result),
        *_metrics(result),
        *_confirmed(result.confirmations),
        "### Correctness",
        *_correctness(result),
        *_validity(result),
        *_warnings(result),
        "### How it was measured",
        _method(result),
        *_again(result),
    ]
    return "\n\n".join(parts) + "\n"


def append_step_summary(result: Result, environ: Mapping[str, str]) -> bool:
    """Append the summary to the file that GitHub names; return True if it was appended.

    The variable STEP_SUMMARY names it. If the summary would not fit, the verdict alone is
    appended, and if that would not fit either, nothing.
    """
    name = environ.get(STEP_SUMMARY)
    if not name:
        return False
    file = Path(name)
    room_bytes = STEP_SUMMARY_BYTES - (file.stat().st_size if file.exists() else 0)
    short = f"## Gate: {result.verdict}\n\nThe summary is too long for this page: see summary.md.\n"
    for text in (summary(result), short):
        content = f"\n{text}".encode("utf-8", errors="replace")
        if len(content) <= room_bytes:
            with file.open("ab") as out:
                out.write(content)
            return True
    return False


def escaped(text: str) -> str:
    """Return a text on one line that Markdown, and HTML within it, show as it is."""
    marked = _MARKUP.sub(r"\\\1", _html(text))
    return marked.replace("|", "&#124;")  # an escaped pipe would be escaped again by a table


def _not_comparable(result: Result) -> list[str]:
    if not result.reasons:
        return []
    reasons = "\n".join(f"- {escaped(reason)}" for reason in result.reasons)
    return [f"### Why head cannot be compared\n\n{reasons}"]


def _metrics(result: Result) -> Iterator[str]:
    if not result.rows:
        return
    yield "### Metrics"
    if not gate_words.counts(result):
        yield (
            f"The verdict is {result.verdict}, so these numbers say nothing about head; "
            "they stand here to be looked at."
        )
    yield markdown.table(_table(result))
    if notes := [_why(row) for row in result.rows if row.ruling is not Ruling.PASS]:
        yield "\n".join(notes)


def _table(result: Result) -> Table:
    rows = []
    for row in result.rows:
        subject, title, *rest = gate_words.cells(result, row)
        rows.append(TableRow(tuple(map(Cell, (escaped(subject), escaped(title), *rest)))))
    return Table(
        name="gate",
        caption=_caption(result.rows),
        columns=tuple(Column(title, numeric=title in _NUMERIC) for title in gate_words.COLUMNS),
        rows=tuple(rows),
    )


def _caption(rows: Sequence[Row]) -> str:
    blocks = sorted({row.blocks for row in rows})
    many = str(blocks[0]) if len(blocks) == 1 else f"{blocks[0]} to {blocks[-1]}"
    return (
        f"{many} block{'' if blocks == [1] else 's'}. PASS: even the bound on the worse side is "
        "tolerated. FAIL: head is beyond what is tolerated, and the other bound excludes that "
        "nothing changed; or head is beyond the limit. INCONCLUSIVE: neither can be said."
    )


def _why(row: Row) -> str:
    return f"- {row.ruling}: {escaped(row.subject)}, {escaped(row.title)}: {escaped(row.why)}"


def _confirmed(again: Sequence[Look]) -> list[str]:
    if not again:
        return []
    lines = [
        f"- {escaped(row.subject)}, {escaped(row.title)}: {gate_words.change(row)}: {row.ruling}"
        for look in again
        for row in look.rows
        if row.ruling is not Ruling.PASS
    ] or ["- nothing failed again"]
    blocks = " and ".join(str(look.blocks) for look in again)
    lead = (
        f"What failed was measured once more, in {blocks} more blocks; "
        "only what fails both times has failed. Not passed the second time:"
    )
    return ["### Confirmation", lead, "\n".join(lines)]


def _correctness(result: Result) -> Iterator[str]:
    audited = gate_words.audited(result)
    if not result.offences:
        none = "every invariant holds" if result.audited_runs else "nothing was measured"
        yield f"{audited}: {none}."
        return
    yield f"{audited}; {len(result.offences)} findings:"
    for one in result.offences[:MOST]:
        heading = f"{one.verdict}: {one.invariant}, {one.title} ({gate_words.place(one.run)})"
        yield markdown.unfolded(_html(heading), _evidence(one))
    yield from _more(len(result.offences))


def _evidence(one: Offence) -> str:
    where = f"run {one.run.index} of the campaign in `{one.run.campaign}/`"
    return f"Found: {escaped(one.summary)}\n\nIts orders and its logs: {where}."


def _validity(result: Result) -> Iterator[str]:
    if not result.invalid_runs:
        return
    yield "### Runs that contradict themselves"
    yield "\n".join(
        f"- {escaped(gate_words.place(one.run))}: {escaped(gate_words.why_invalid(one))}"
        for one in result.invalid_runs[:MOST]
    )
    yield from _more(len(result.invalid_runs))


def _warnings(result: Result) -> Iterator[str]:
    if not result.warned_runs:
        return
    yield "### What may have disturbed valid runs"
    yield "\n".join(
        f"- {escaped(gate_words.place(one.run))}: {escaped('; '.join(one.warnings))}"
        for one in result.warned_runs[:MOST]
    )
    yield from _more(len(result.warned_runs))


def _more(found: int) -> Iterator[str]:
    if found > MOST:
        yield f"And {found - MOST} more: see `gate.json`."


def _method(result: Result) -> str:
    facts = [
        ("Base", _side(result.base)),
        ("Head", _side(result.head)),
        ("Scenario", f"{result.scenario}, seed {result.seed}, runtime {result.runtime}"),
        ("Contention test", result.contention or "none"),
        ("Looks", _looks(result.looks)),
        ("Took", f"{numbers.number(result.took_s / 60, 1)} minutes"),
    ]
    if result.campaigns:
        facts.append(("Campaigns", ", ".join(f"{one}/" for one in result.campaigns)))
    return markdown.listed((name, escaped(text)) for name, text in facts)


def _looks(looks: Sequence[Look]) -> str:
    blocks: dict[str, list[int]] = {}
    for look in looks:
        blocks.setdefault(look.campaign, []).append(look.blocks)
    taken = [f"{name} after {', '.join(map(str, after))} blocks" for name, after in blocks.items()]
    return "; ".join(taken) or "none"


def _side(side: Side) -> str:
    changed = " with uncommitted changes" if side.uncommitted else ""
    revision = side.revision or "no revision"
    return f"{side.name}: {revision}{changed}" if side.name != revision else revision + changed


def _again(result: Result) -> Iterator[str]:
    yield "### How to reproduce it"
    lines = [f"git checkout {result.head.revision}"] if result.head.revision else []
    block = "\n".join([*lines, "make .venv/.synced", f".venv/bin/harness gate {_words(result)}"])
    yield f"```\n{block}\n```"
    if result.head.uncommitted:
        yield "Head had uncommitted changes: this revision is not all of what was measured."


def _words(result: Result) -> str:
    """Return the options that measure the same again: those of the command, base by its commit."""
    argv = [str(word) for word in result.environment.get("argv") or ()]
    asked = argv[2:] if argv[1:2] == ["gate"] else []
    kept = list(reproduce.without(asked, _OWN))
    if result.mode == "base":
        kept = ["--base", result.base.revision or result.base.name, *kept]
    elif not any(word.split("=")[0] == "--baseline" for word in kept):
        kept = ["--baseline", "results/baseline.json", *kept]
    return " ".join(shlex.quote(word).replace("\n", " ").replace("`", "") for word in kept)


def _html(text: str) -> str:
    """Return a text for the inside of an HTML element."""
    return html.escape(" ".join(text.split()), quote=False)
