"""`harness doctor`: whether this machine can run the harness."""

from harness.cli.application import app, console
from harness.cli.options import RuntimeOption
from harness.errors import ExitCode


@app.command()
def doctor(runtime: RuntimeOption = "local") -> ExitCode:
    """Check whether this machine can run the harness."""
    from harness.runtimes import runtime_named
    from harness.runtimes.machine_checks import diagnose

    runtime_named(runtime)
    checks = diagnose(runtime)
    for check in checks:
        console.print(f"{'ok  ' if check.ok else 'FAIL'} {check.name}: {check.detail}")
        if not check.ok:
            console.print(f"     hint: {check.hint}")
    return ExitCode.OK if all(check.ok for check in checks) else ExitCode.INFRASTRUCTURE
