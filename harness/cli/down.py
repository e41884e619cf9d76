"""`harness down`: what is kept up, taken down from any terminal."""

import signal

from harness.cli.application import app, console
from harness.cli.help_pages import OPERATE, examples
from harness.cli.kept_deployments import KeptArgument, kept_deployment
from harness.errors import InfrastructureError

_DOWN_LIMIT_S = 180.0


@app.command(rich_help_panel=OPERATE, epilog=examples("harness down", "harness down queue"))
def down(approach: KeptArgument = None) -> None:
    """Take down what `harness up` keeps up, from any terminal."""
    from harness.runtimes import leftovers
    from harness.runtimes.processes import send, wait_gone

    one = kept_deployment(approach)
    if one is None:
        console.print(f"{approach} is not up" if approach else "nothing is up")
    else:
        send([one.pid], signal.SIGTERM)
        if wait_gone([one.pid], _DOWN_LIMIT_S):
            raise InfrastructureError(
                f"{one.approach} is not down after {_DOWN_LIMIT_S:g} s (pid {one.pid})",
                f"kill -9 {one.pid}, then: harness clean",
            )
        console.print(f"{one.approach} is down")
    left = leftovers()
    if left:
        raise InfrastructureError(
            f"what was killed left {', '.join(str(it.folder) for it in left)}",
            "remove it: harness clean",
        )
