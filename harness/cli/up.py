"""`harness up`: one approach by hand, until Ctrl-C or `harness down`."""

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit, urlunsplit

import typer

from harness.cli.application import app, console
from harness.cli.background import Foreground, split
from harness.cli.help_pages import OPERATE, examples
from harness.cli.options import (
    RuntimeOption,
    ScaleOption,
    SettingsOption,
    read_scales,
    read_settings,
)
from harness.errors import ExitCode

if TYPE_CHECKING:
    from harness.campaign import Request
    from harness.runtimes import Deployment, RunningDeployment

_PERIOD_S = 1.0


@app.command(
    rich_help_panel=OPERATE,
    epilog=examples("harness up queue", "harness up sync --detach --port 0"),
)
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
    from harness.project import project_root
    from harness.runtimes import runtime_named
    from harness.scenario.model import load_scenario
    from harness.topology import find_approach

    root = project_root()
    loaded = load_scenario(scenario, root)
    scales, changes = read_scales(scale), read_settings(settings)
    find_approach(root, approach).with_scale(scales).with_settings(changes)
    chosen = runtime_named(runtime)
    process = split() if detach else None
    if isinstance(process, Foreground):
        return process.wait_ready()

    from harness.campaign import Choice, Request, choose, keep_up

    choice = Choice(approaches=(approach,), scale=scales, settings=changes)
    variants = choose(loaded, root, choice, scenario)
    request = Request(loaded, variants, runs=1, seed=loaded.seed, source=scenario)
    with keep_up(request, root, chosen, port, console.print) as (deployment, one):
        for line in _described(one, request):
            console.print(line)
        if process is not None:
            console.print(f"harness down {approach} takes it down")
            process.leave_terminal(one.log)
        with suppress(KeyboardInterrupt):  # it may come as soon as it is invited
            if process is None:
                console.print("Ctrl-C takes it down")
            _report_deaths(deployment)
        console.print("taking it down …")
    return ExitCode.OK


def _described(one: "RunningDeployment", request: "Request") -> Iterator[str]:
    """Yield what is up, and where."""
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


def _report_deaths(deployment: "Deployment") -> None:
    """Print every replica that ends although nobody asked it to; the others stay up."""
    reported: set[str] = set()
    while True:
        dead = set(deployment.unexpected_exits())
        for name in sorted(dead - reported):
            console.print(f"died: {name}; its log: {deployment.logs()[name]}")
        reported = dead
        time.sleep(_PERIOD_S)
