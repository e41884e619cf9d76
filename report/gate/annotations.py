"""GitHub workflow commands: what a pull request shows beside its checks.

The format and its escapes are those of `@actions/core` (packages/core/src/command.ts of
actions/toolkit): ``::error title=…::message``, with ``%``, CR and LF escaped everywhere, ``:`` and
``,`` in properties as well. GitHub shows ten annotations of each level per step, so the verdict
comes first and what does not fit is counted in the last.
"""

from collections.abc import Iterator
from typing import Literal

from harness.errors import ExitCode
from harness.gate.result import Result, Ruling
from report.gate import gate_words

Level = Literal["error", "warning", "notice"]
MOST = 10
"""Annotations of a level that GitHub shows of one step."""


def annotations(result: Result) -> list[str]:
    """Return the workflow commands of a gate, its verdict first."""
    found = [(_level(result), f"Gate: {result.verdict}", result.statement), *_details(result)]
    lines = []
    levels: tuple[Level, ...] = ("error", "warning", "notice")
    for level in levels:
        of_level = [(title, text) for one, title, text in found if one == level]
        shown = of_level if len(of_level) <= MOST else of_level[: MOST - 1]
        lines += [command(level, title, text) for title, text in shown]
        if more := len(of_level) - len(shown):
            lines.append(command(level, "Gate", f"and {more} more: see the summary"))
    return lines


def command(level: Level, title: str, message: str) -> str:
    """Return one workflow command."""
    return f"::{level} title={_property(title)}::{_data(message)}"


def _level(result: Result) -> Level:
    match result.exit_code:
        case ExitCode.OK:
            return "notice"
        case ExitCode.INCONCLUSIVE:
            return "warning"
        case _:
            return "error"


def _details(result: Result) -> Iterator[tuple[Level, str, str]]:
    for one in result.offences:
        severity: Level = "error" if one.is_incorrect else "warning"
        yield (
            severity,
            f"{one.verdict}: {one.invariant} in {gate_words.place(one.run)}",
            one.summary,
        )
    for run in result.invalid_runs:
        level: Level = "error" if result.exit_code is ExitCode.INVALID else "warning"
        yield level, f"Invalid: {gate_words.place(run.run)}", gate_words.why_invalid(run)
    for reason in result.reasons:
        yield "error", "Not comparable", reason
    for row in result.rows:
        title = f"{row.ruling}: {row.subject}, {row.title}"
        if gate_words.fails(result, row):
            yield "error", title, row.why
        elif gate_words.counts(result) and row.ruling is Ruling.INCONCLUSIVE:
            yield "warning", title, row.why


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
