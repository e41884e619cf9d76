"""The options that say on which machines the shop and the load run."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.errors import UsageError
from harness.runtime_names import ATTACHED, RUNTIMES

if TYPE_CHECKING:
    from harness.load import LoadWorkers
    from harness.runtimes import Runtime

CampaignRuntimeOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help=f"What deploys: {' or '.join(RUNTIMES)}; {ATTACHED}: somebody else has. [local]",
    ),
]
EndpointsOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help=f"Where it is, for --runtime {ATTACHED}."),
]
NodesOption = Annotated[
    Path | None,
    typer.Option(
        "--nodes", metavar="FILE", help="File that names the Docker engines of several machines."
    ),
]
LoadMasterOption = Annotated[
    str | None,
    typer.Option(
        "--load-master",
        metavar="HOST[:PORT]",
        help="Send the load from other machines: each runs `harness load-worker --master` with "
        "this address of ours. [port: 5557]",
    ),
]
LoadWorkersOption = Annotated[
    int | None,
    typer.Option(
        "--load-workers",
        metavar="N",
        min=1,
        help="So many processes of the load are there, the others here. [all load.processes]",
    ),
]


@dataclass(frozen=True, slots=True)
class Deploys:
    """What deploys: a runtime by its name, on which nodes, or where it is; None: nobody said."""

    name: str | None
    nodes: Path | None
    endpoints: Path | None

    def runtime(self, otherwise: str = RUNTIMES[0]) -> "Runtime":
        """Return the runtime (UsageError: there is none, or its file is none)."""
        from harness.runtimes import runtime_named

        attached = ATTACHED if self.endpoints is not None else None
        name = self.name or attached or otherwise
        return runtime_named(name, nodes=self.nodes, endpoints=self.endpoints)


def read_address(option: str, word: str) -> tuple[str, int]:
    """Return host and port, by default Locust's (UsageError: not of the form HOST[:PORT])."""
    from urllib.parse import urlsplit

    from harness.load.load_workers import PORT

    with suppress(ValueError):
        url = urlsplit(f"//{word}")
        port = PORT if url.port is None else url.port
        # the master listens at an address of IPv4, and at a port that its workers know beforehand
        is_plain = url.netloc == word and not {"@", "["} & set(word)
        if url.hostname and port and is_plain:
            return url.hostname, port
    raise UsageError(
        f"{option} {word}: not of the form HOST[:PORT] (IPv4, no port 0)",
        f"for example {option} 10.0.0.5",
    )


def read_load_workers(master: str | None, count: int | None) -> "LoadWorkers | None":
    """Return the processes of the load on other machines.

    Raises UsageError if it is not said where they find this one, or if nobody can listen there.
    """
    from harness.load.load_workers import LoadWorkers

    if master is None:
        if count is not None:
            raise UsageError(
                f"--load-workers {count}: where do they find this machine?",
                "say its address as well: --load-master HOST[:PORT]",
            )
        return None
    host, port = read_address("--load-master", master)
    _check_listens(master, host, port)
    return LoadWorkers(host, port, count)


def _check_listens(master: str, host: str, port: int) -> None:
    """Bind the port for a moment, as the master of the load will, after a whole warm-up."""
    import socket

    try:
        address = socket.gethostbyname(host)
    except (OSError, UnicodeError) as error:
        raise UsageError(
            f"--load-master {master}: {host} has no address: {error}",
            "say the address of this machine at which the load workers reach it",
        ) from error
    try:
        with socket.socket() as bound:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as ZeroMQ does
            bound.bind((address, port))
    except OSError as error:
        raise UsageError(
            f"--load-master {master}: cannot listen there: {error.strerror}",
            "say an address of this machine, and a port that no other program has",
        ) from error
