"""The commands that operate a deployment by hand, and look after the machine."""

import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit, urlunsplit

import typer

from harness.cli.app import app, console
from harness.cli.background import Foreground, split
from harness.cli.words import (
    RuntimeOption,
    ScaleOption,
    SettingsOption,
    read_scales,
    read_settings,
)
from harness.errors import ExitCode, InfrastructureError, UsageError

if TYPE_CHECKING:
    from harness.campaign import Request
    from harness.runtimes import Deployment, RunningDeployment
    from harness.topology import Topology

_PERIOD_S = 1.0
_DOWN_LIMIT_S = 180.0

KeptArgument = Annotated[
    str | None, typer.Argument(help="The approach; may be left out if only one is up.")
]


@app.command()
def up(
    approach: Annotated[str, typer.Argument(help="The approach to bring up.")],
    runtime: RuntimeOption = "local",
    scenario: Annotated[str, typer.Option(help="Scenario whose product is seeded.")] = "flash_sale",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to serve at; 0: any.")] = 8080,
    scale: ScaleOption = None,
    settings: SettingsOption = None,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return when it is up; `harness down` ends it.")
    ] = False,
) -> int:
    """Bring one approach up by hand, seeded, and print its addresses; Ctrl-C takes it down."""
    from harness.runtimes import runtime_named
    from harness.scenario.model import load_scenario
    from harness.topology import discover, project_root

    root = project_root()
    loaded = load_scenario(scenario, root)
    scales, changes = read_scales(scale), read_settings(settings)
    _known(approach, discover(root)).with_scale(scales).with_settings(changes)
    chosen = runtime_named(runtime)
    process = split() if detach else None
    if isinstance(process, Foreground):
        return process.wait_ready()

    from harness.campaign import Request, keep_up

    request = Request(
        scenario=loaded,
        source=scenario,
        approaches=(approach,),
        runs=1,
        seed=loaded.seed,
        scale=scales,
        settings=changes,
    )
    with keep_up(request, root, chosen, port, console.print) as (deployment, one):
        for line in _described(one, request):
            console.print(line)
        if process is not None:
            console.print(f"harness down {approach} takes it down")
            process.leave_terminal(one.log)
        with suppress(KeyboardInterrupt):  # it may come as soon as it is invited
            if process is None:
                console.print("Ctrl-C takes it down")
            _tell_deaths(deployment)
        console.print("taking it down …")
    return ExitCode.OK


@app.command()
def reset(approach: KeptArgument = None) -> ExitCode:
    """Empty and seed again what `harness up` keeps up, and print what was counted afterwards."""
    one = _asked(approach)
    if one is None:
        what = f"{approach} is not up" if approach else "nothing is up"
        raise UsageError(what, f"bring it up: harness up {approach or 'APPROACH'}")

    from harness.campaign import reset_kept
    from harness.topology import project_root

    proof = reset_kept(one, project_root())
    console.print(f"{one.approach} is empty and seeded again:")
    for line in _proved(proof):
        console.print(f"  {line}")
    if not proof["clean"]:
        raise InfrastructureError(
            f"{one.approach} did not stay as it was seeded", "reset it when nobody buys"
        )
    return ExitCode.OK


@app.command()
def down(approach: KeptArgument = None) -> None:
    """Take down what `harness up` keeps up, from any terminal."""
    from harness.runtimes import leftovers
    from harness.runtimes.processes import send, wait_gone

    one = _asked(approach)
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


@app.command()
def doctor(runtime: RuntimeOption = "local") -> ExitCode:
    """Check whether this machine can run the harness."""
    from harness.runtimes import runtime_named
    from harness.runtimes.doctor import diagnose

    runtime_named(runtime)
    checks = diagnose(runtime)
    for check in checks:
        console.print(f"{'ok  ' if check.ok else 'FAIL'} {check.name}: {check.detail}")
        if not check.ok:
            console.print(f"     hint: {check.hint}")
    return ExitCode.OK if all(check.ok for check in checks) else ExitCode.INFRASTRUCTURE


@app.command()
def clean() -> None:
    """Remove what a killed harness left: processes, temporary folders and git worktrees."""
    from harness import runtimes
    from harness.gate.worktree import remove_abandoned
    from harness.topology import project_root

    removed = runtimes.clean()
    with suppress(UsageError):  # run outside of any project
        removed += remove_abandoned(project_root())
    runtimes.remove_abandoned_lock()
    for line in removed:
        console.print(line)
    console.print("nothing is left" if not removed else f"{len(removed)} removed")


def _asked(approach: str | None) -> "RunningDeployment | None":
    """Return the deployment that is meant; None if nothing is up, or that one is not."""
    from harness.runtimes import list_running
    from harness.runtimes.running_deployments import describe_running
    from harness.topology import discover, project_root

    found = list_running()
    if approach is None:
        if len(found) > 1:
            raise UsageError(f"several are up: {describe_running(found)}", "say which one")
        return found[0] if found else None
    one = next((one for one in found if one.approach == approach), None)
    if one is None:
        _known(approach, discover(project_root()))
    return one


def _known(approach: str, topologies: "Mapping[str, Topology]") -> "Topology":
    if approach not in topologies:
        known = ", ".join(sorted(topologies))
        raise UsageError(f"there is no approach named {approach!r}", f"known approaches: {known}")
    return topologies[approach]


def _described(one: "RunningDeployment", request: "Request") -> Iterator[str]:
    """Say what is up, and where."""
    addresses = one.reachable_at()
    product = request.scenario.product
    sales = len(request.scenario.sales(request.seed))
    on_sale = f"{product.stock} × {product.name}" if sales == 1 else f"{sales} sales"
    yield f"{one.approach} is up ({one.runtime}); on sale: {on_sale}"
    behind = {name: urls for name, urls in addresses.services.items() if urls != [addresses.shop]}
    rows = {"shop": [addresses.shop], **behind}
    rows["PostgreSQL"] = [_without_password(addresses.dsn)]
    if addresses.redis_url:
        rows["Redis"] = [_without_password(addresses.redis_url)]
    rows["with passwords"] = [str(one.file)]
    width = max(map(len, rows))
    for name, urls in rows.items():
        yield f"  {name:{width}}  {' '.join(urls)}"


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    login, separator, where = parts.netloc.rpartition("@")
    user = login.partition(":")[0]
    return urlunsplit(parts._replace(netloc=f"{user}{separator if user else ''}{where}"))


def _proved(proof: dict[str, Any]) -> Iterator[str]:
    """Say what a reset counted."""
    yield "rows: " + ", ".join(f"{table} {count}" for table, count in proof["rows"].items())
    for sale in proof["sales"]:
        counted = [f"ledger {sale['product']['initial_stock']}", f"shop {sale['stock_over_http']}"]
        if sale["redis_stock"] is not None:
            counted.append(f"Redis {sale['redis_stock']}")
        yield f"stock of product {sale['product_id']}: {', '.join(counted)}"


def _tell_deaths(deployment: "Deployment") -> None:
    """Tell of every replica that ends although nobody asked it to; the others stay up."""
    told: set[str] = set()
    while True:
        dead = set(deployment.unexpected_exits())
        for name in sorted(dead - told):
            console.print(f"died: {name}; its log: {deployment.logs()[name]}")
        told = dead
        time.sleep(_PERIOD_S)
