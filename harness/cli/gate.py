"""`harness gate`: is head as good as base?"""

import os
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from harness.cli.application import app, console, print_table
from harness.cli.help_pages import CI, examples
from harness.cli.options import (
    ApproachOption,
    Detail,
    OutOption,
    QuietOption,
    StrictOption,
    VerboseOption,
    complete_scenario,
    read_detail,
)
from harness.cli.stored_campaigns import new_folder
from harness.errors import Busy, ExitCode, NotComparable, UsageError

if TYPE_CHECKING:
    from harness.gate.gate_plan import Mode, Plan
    from harness.gate.result import Result
    from harness.gate.settings import Settings

SETTINGS = "gate.toml"


class Inconclusive(StrEnum):
    """What an undecided gate counts as."""

    PASS = "pass"  # noqa: S105 - not a password
    FAIL = "fail"


@app.command(
    rich_help_panel=CI,
    epilog=examples(
        "harness gate --base origin/main",
        "harness gate --base HEAD --approach queue --scenario quick",
        "harness gate --baseline results/baseline.json --out results/gate",
    ),
)
def gate(
    base: Annotated[
        str | None, typer.Option(metavar="REV", help="Revision that head is compared with.")
    ] = None,
    stored: Annotated[
        Path | None,
        typer.Option("--baseline", help="Or a stored baseline; see `harness baseline`."),
    ] = None,
    scenario: Annotated[
        str | None,
        typer.Option(
            help="Name in scenarios/, or a TOML file. [as in gate.toml]",
            autocompletion=complete_scenario,
        ),
    ] = None,
    approach: ApproachOption = None,
    settings: Annotated[
        Path | None, typer.Option(help="Criteria and tolerances. [gate.toml of the project]")
    ] = None,
    inconclusive: Annotated[
        Inconclusive | None, typer.Option(help="Exit with 0 or 10 if nothing is decided. [30]")
    ] = None,
    out: OutOption = None,
    strict: StrictOption = False,
    resume: Annotated[Path | None, typer.Option(help="Continue the gate in this folder.")] = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> ExitCode:
    """Compare the working tree with a base, in turn: PASS, FAIL, or not decided."""
    begins = any((base, stored, scenario, approach, settings, out))
    _check_asked(resumes=resume is not None, begins=begins, against=(base, stored))
    detail = read_detail(quiet=quiet, verbose=verbose)
    from harness.gate import gate_plan as plans
    from harness.project import project_file, project_root
    from harness.topology import find_approach

    root = project_root()
    if resume is not None:
        asked, folder = plans.read(resume), resume
    else:
        criteria = _criteria(settings or project_file(root, SETTINGS), scenario)
        named = tuple(dict.fromkeys(approach or ()))
        for name in named:
            find_approach(root, name)
        against = base if base is not None else str(stored)
        mode: Mode = "base" if base is not None else "baseline"
        asked = plans.new(root, mode, against, criteria, named)
        folder = out or new_folder("gate")
        plans.refuse_taken(folder)
    result = _answered(asked, root, folder, detail)
    if strict:
        result = _strictly(result)
    return _publish(_decided(result, inconclusive), folder)


def _check_asked(*, resumes: bool, begins: bool, against: tuple[str | None, Path | None]) -> None:
    """Raise UsageError unless a gate is continued, or begun against one thing."""
    if resumes and begins:
        raise UsageError(
            "--resume continues a gate exactly as it was begun",
            "leave out every other option but --inconclusive and --strict",
        )
    if not resumes and against.count(None) != 1:
        raise UsageError(
            "a gate compares head with --base REV or with --baseline FILE",
            "say one of the two; for a pull request: --base origin/main",
        )


def _criteria(file: Path, scenario: str | None) -> "Settings":
    from harness.gate.settings import load_settings

    criteria = load_settings(file)
    return criteria if scenario is None else replace(criteria, scenario=scenario)


def _answered(asked: "Plan", root: Path, folder: Path, detail: Detail) -> "Result":
    """Run the gate; whoever gets no answer finds the reason in the files of a result as well."""
    from harness.gate.gate_plan import is_answered
    from harness.gate.run_gate import check, unanswered
    from harness.runtimes import measuring

    try:
        check(asked, root)
        with measuring(f"gate {folder}"):
            return _run(asked, root, folder, detail)
    except (Busy, NotComparable) as error:
        if not (isinstance(error, Busy) and is_answered(folder)):
            console.print(_write(unanswered(asked, root, error), folder), markup=False)
        raise


def _run(asked: "Plan", root: Path, folder: Path, detail: Detail) -> "Result":
    from harness.campaign import CompositeObserver
    from harness.cli.progress import resumable
    from harness.gate.run_gate import run_gate

    def say(words: str) -> None:
        if detail is not Detail.RESULT:
            console.print(words, markup=False)

    with resumable("gate", folder, detail) as terminal:
        return run_gate(asked, root, folder, CompositeObserver(terminal), say)


def _decided(result: "Result", inconclusive: Inconclusive | None) -> "Result":
    """Let an undecided gate count as the caller said."""
    if inconclusive is None or result.exit_code is not ExitCode.INCONCLUSIVE:
        return result
    passes = inconclusive is Inconclusive.PASS
    code = ExitCode.OK if passes else ExitCode.REGRESSION
    return replace(
        result, exit_code=code, statement=f"{result.statement} (--inconclusive={inconclusive})"
    )


def _strictly(result: "Result") -> "Result":
    from harness.gate.verdict import strictly

    code, statement = strictly(result.exit_code, result.statement, result.offences)
    return replace(result, exit_code=code, statement=statement)


def _publish(result: "Result", folder: Path) -> ExitCode:
    """Write the results for all who read them, and print the verdict."""
    written = _write(result, folder)
    if result.rows:
        _show(result)
    console.print(written, markup=False)
    console.print(f"{result.verdict}: {result.statement}", markup=False)
    return result.exit_code


def _write(result: "Result", folder: Path) -> str:
    """Write the files of a gate, its annotations included, and return in words where they are."""
    import report
    import report.gate

    folder.mkdir(parents=True, exist_ok=True)
    pages = [report.build(folder / name) for name in result.campaigns]
    files = report.gate.publish(result, folder)
    report.gate.append_step_summary(result, os.environ)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for line in report.gate.annotations(result):
            typer.echo(line)
    return _written(files[0].parent, pages)


def _written(folder: Path, pages: list[Path]) -> str:
    reports = f"; reports: {', '.join(map(str, pages))}" if pages else ""
    return f"results: {folder}{reports}"


def _show(result: "Result") -> None:
    from report.gate.gate_words import COLUMNS, cells

    table = Table(*COLUMNS, box=None)
    for row in result.rows:
        table.add_row(*map(Text, cells(result, row)))
    print_table(table)
