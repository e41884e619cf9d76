"""What brings a topology up: `local`, processes of this machine; `docker`, containers.

`attached` brings nothing up: it measures what somebody else has deployed.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import UsageError
from harness.runtime_names import ATTACHED, RUNTIMES
from harness.runtimes import state
from harness.runtimes.deployment import Deployment, OnProgress, Usage
from harness.runtimes.local import LocalRuntime
from harness.runtimes.lock import beside_no_measurement, measuring, remove_abandoned_lock
from harness.runtimes.protocol import Runtime
from harness.runtimes.proxies import with_delay, with_proxies
from harness.runtimes.running_deployments import (
    Addresses,
    DeploymentRecord,
    RunningDeployment,
    list_running,
)
from harness.runtimes.state import Leftover, leftovers

if TYPE_CHECKING:
    from harness.runtimes.docker.nodes_file import NodesFile

__all__ = [
    "RUNTIMES",
    "Addresses",
    "Deployment",
    "DeploymentRecord",
    "Leftover",
    "LocalRuntime",
    "OnProgress",
    "RunningDeployment",
    "Runtime",
    "Usage",
    "beside_no_measurement",
    "clean",
    "leftovers",
    "list_running",
    "measuring",
    "remove_abandoned_lock",
    "runtime_named",
    "with_delay",
    "with_proxies",
]


def runtime_named(
    name: str,
    pythons: Mapping[Path, Path] | None = None,
    nodes: Path | None = None,
    endpoints: Path | None = None,
) -> Runtime:
    """Return the runtime of a name (UsageError: there is none).

    `pythons` has the interpreter of a project by its root, for a runtime that does not build one.
    `nodes` is a file that names the Docker engines that deploy; by default, this machine's does.
    `endpoints` is the file that says where an attached deployment is.
    """
    if nodes is not None and name != "docker":
        raise UsageError(
            f"--nodes {nodes} names Docker engines, and the runtime is {name}",
            "add --runtime docker, or leave --nodes out",
        )
    if name == ATTACHED:
        if endpoints is None:
            raise UsageError(
                "--runtime attached: where is the deployment?",
                "harness run --endpoints FILE says it; other commands deploy themselves",
            )
        from harness.runtimes.attached.attached_runtime import AttachedRuntime  # noqa: PLC0415 - 0.1 s, for those who ask

        return AttachedRuntime(endpoints)
    if endpoints is not None:
        raise UsageError(f"--endpoints {endpoints}: not with --runtime {name}", "leave one out")
    if name == "local":
        return LocalRuntime(pythons=pythons)
    if name == "docker":
        from harness.runtimes.docker.docker_runtime import DockerRuntime  # noqa: PLC0415 - 0.2 s, for those who ask

        return DockerRuntime(nodes=_read(nodes))
    raise UsageError(f"there is no runtime named {name!r}", f"known: {', '.join(RUNTIMES)}")


def clean(state_root: Path | None = None, nodes: Path | None = None) -> Iterator[str]:
    """Remove what killed harnesses of this user left, and yield it in words.

    Processes and folders first: one of these may be a `docker compose` that still makes containers.
    With a file of nodes, what is in their engines; without, in that of this machine. Raises
    InfrastructureError at the end for a node that does not answer.
    """
    from harness.runtimes.docker import ownership  # noqa: PLC0415 - as above

    file = _read(nodes)
    yield from state.clean(state_root)
    yield from ownership.clean_if_there(file)


def _read(nodes: Path | None) -> "NodesFile | None":
    from harness.runtimes.docker.nodes_file import read_nodes  # noqa: PLC0415 - as above

    return None if nodes is None else read_nodes(nodes)
