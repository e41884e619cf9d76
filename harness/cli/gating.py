"""`harness gate`: is head as good as base? `harness baseline` keeps what to compare with."""

from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.app import app, console
from harness.errors import ExitCode, Interrupted, NotComparable, UsageError
from harness.runtimes import measuring
from harness.topology import discover, project_root

if TYPE_CHECKING:
    from harness.gate.plan import Plan
    from harness.gate.result import Result
    from harness.gate.settings import Settings

SETTINGS = "gate.toml"


class Inconclusive(StrEnum):
    """What an undecided gate counts as."""

    PASS = "pass"  # noqa: S105 - not a password
    FAIL = "fail"


@app.command()
def gate(
    base: Annotated[
        str | None, typer.Option(metavar="REV", help="Revision that head is compared with.")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="Or a stored baseline; see `harness baseline`.")
    ] = None,
    scenario: Annotated[
        str | None, typer.Option(help="Name in scenarios/, or a TOML file. [as in gate.toml]")
    ] = None,
    approach: Annotated[
        list[str] | None, typer.Option(help="Only this approach; may be repeated.")
    ] = None,
    settings: Annotated[
        Path | None, typer.Option(help="Criteria and tolerances. [gate.toml of the project]")
    ] = None,
    inconclusive: Annotated[
        Inconclusive | None, typer.Option(help="Exit with 0 or 10 if nothing is decided. [30]")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the results.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Continue the gate in this folder.")] = None,
) -> ExitCode:
    """Compare the working tree with a base by turns: PASS, FAIL, or: I cannot tell."""
    root = project_root()
    if resume is not None and any((base, baseline, scenario, approach, settings, out)):
        raise UsageError(
            "--resume continues a gate exactly as it was begun",
            "leave out every other option but --inconclusive",
        )
    if resume is None and (base is None) == (baseline is None):
        raise UsageError(
            "a gate compares head with --base REV or with --baseline FILE",
            "say one of the two; for a pull request: --base origin/main",
        )
    from harness.gate import plan as plans

    if resume is not None:
        asked, folder = plans.read(resume), resume
    else:
        criteria = _criteria(settings or root / SETTINGS, scenario)
        named = _known(approach, root)
        against = base if base is not None else str(baseline)
        asked = plans.new(root, "base" if base else "baseline", against, criteria, named)
        folder = out or root / "results" / f"gate-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
    with measuring(f"gate {folder}"):
        result = _held(asked, root, folder)
    return _publish(_decided(result, inconclusive), folder)


def _criteria(file: Path, scenario: str | None) -> "Settings":
    from harness.gate.settings import load_settings

    criteria = load_settings(file)
    return criteria if scenario is None else replace(criteria, scenario=scenario)


def _known(approaches: list[str] | None, root: Path) -> tuple[str, ...]:
    known = discover(root)
    for name in approaches or ():
        if name not in known:
            raise UsageError(
                f"there is no approach named {name!r}", f"known approaches: {', '.join(known)}"
            )
    return tuple(dict.fromkeys(approaches or ()))


def _held(asked: "Plan", root: Path, folder: Path) -> "Result":
    """Hold the gate; what cannot be compared is a result as well, for those who read files."""
    from harness.cli.progress import ProgressLine
    from harness.gate.holding import hold, unanswered

    try:
        with ProgressLine(console) as line:
            return hold(asked, root, folder, line, console.print)
    except NotComparable as error:
        return unanswered(asked, root, error)
    except KeyboardInterrupt as error:
        raise Interrupted(
            "interrupted; everything is down, and the finished runs are kept",
            f"continue with: harness gate --resume {folder}",
        ) from error


def _decided(result: "Result", inconclusive: Inconclusive | None) -> "Result":
    """Let an undecided gate count as the caller said."""
    if inconclusive is None or result.exit_code is not ExitCode.INCONCLUSIVE:
        return result
    passes = inconclusive is Inconclusive.PASS
    code = ExitCode.OK if passes else ExitCode.REGRESSION
    return replace(
        result, exit_code=code, statement=f"{result.statement} (--inconclusive={inconclusive})"
    )


def _publish(result: "Result", folder: Path) -> ExitCode:
    """Write the results for all who read them, and tell the verdict."""
    console.print(result)
    console.print(f"{result.verdict}: {result.statement}")
    return result.exit_code
