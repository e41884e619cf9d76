"""`harness load-worker`: part of the load of a harness on another machine."""

import socket
from contextlib import suppress
from typing import Annotated

import typer

from harness.cli.application import app, console
from harness.cli.help_pages import MEASURE, examples
from harness.cli.machines import read_address
from harness.errors import ExitCode, UsageError


@app.command(
    rich_help_panel=MEASURE,
    epilog=examples(
        "harness load-worker --master 10.0.0.5",
        "harness load-worker --master 10.0.0.5:5557 --processes 4",
    ),
)
def load_worker(
    master: Annotated[
        str, typer.Option(metavar="HOST[:PORT]", help="What that one was given as --load-master.")
    ],
    processes: Annotated[
        int, typer.Option(metavar="N", min=1, max=64, help="Processes of the load here.")
    ] = 1,
) -> ExitCode:
    """Send part of the load of a harness on another machine, load after load, until Ctrl-C."""
    from harness.load.worker_processes import WorkerProcesses

    host, port = read_address("--master", master)
    try:
        socket.getaddrinfo(host, port)
    except OSError as error:
        message = f"--master {master}: {error.strerror}"
        raise UsageError(message, "say the address of the machine of the harness") from error
    with suppress(KeyboardInterrupt), WorkerProcesses(host, port, processes) as workers:
        console.print(f"waiting for loads of {host}:{port} (processes: {processes}); Ctrl-C ends")
        workers.serve(lambda news: console.print(f"{news}; waiting for the next", markup=False))
    return ExitCode.OK
