"""`harness doctor`: whether this machine can run the harness."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from harness.cli.application import app, console, print_json
from harness.cli.help_pages import OPERATE, examples
from harness.cli.machines import NodesOption
from harness.cli.options import JsonOption, RuntimeOption
from harness.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.runtimes.machine_checks import Check


@app.command(
    rich_help_panel=OPERATE,
    epilog=examples(
        "harness doctor",
        "harness doctor --runtime docker --json",
        "harness doctor --runtime docker --nodes nodes.toml",
    ),
)
def doctor(
    runtime: RuntimeOption = "local", nodes: NodesOption = None, as_json: JsonOption = False
) -> ExitCode:
    """Check whether this machine can run the harness, and whether it is idle."""
    from harness.runtimes import runtime_named
    from harness.runtimes.machine_checks import diagnose

    runtime_named(runtime, nodes=nodes)
    checks = diagnose(runtime, nodes)
    is_ok = all(check.ok for check in checks)
    if as_json:
        print_json({"runtime": runtime, "ok": is_ok, "checks": [asdict(one) for one in checks]})
    else:
        _print(checks)
    return ExitCode.OK if is_ok else ExitCode.INFRASTRUCTURE


def _print(checks: "Sequence[Check]") -> None:
    for check in checks:
        console.print(f"{'ok  ' if check.ok else 'FAIL'} {check.name}: {check.detail}")
        if not check.ok:
            console.print(f"     hint: {check.hint}")
