"""The systems under test, as their compose files state them.

`docker-compose.<approach>.yml` is the one place that says which services run. Approaches are found
by globbing those files, so a third approach is one file and one folder, and nothing here changes.
"""

from collections.abc import Mapping
from pathlib import Path

from harness.errors import UsageError
from harness.topology import secrets
from harness.topology.dotenv import read_variables
from harness.topology.limits import Limits
from harness.topology.model import (
    Condition,
    ConfigFile,
    HealthCheck,
    Mount,
    PublishedPort,
    RedisFacts,
    Service,
    Topology,
    peers,
)
from harness.topology.source import Source, load

__all__ = [
    "Condition",
    "ConfigFile",
    "HealthCheck",
    "Limits",
    "Mount",
    "PublishedPort",
    "RedisFacts",
    "Service",
    "Topology",
    "discover",
    "load_topology",
    "peers",
    "project_root",
]

_PREFIX = "docker-compose."
_PATTERN = f"{_PREFIX}*.yml"


def project_root() -> Path:
    """Return the folder that holds the compose files: here, or the checkout of this package."""
    here = Path.cwd()
    checkout = Path(__file__).resolve().parents[2]
    for folder in (here, checkout):
        if any(folder.glob(_PATTERN)):
            return folder
    raise UsageError(
        f"neither {here} nor {checkout} holds a {_PREFIX}<approach>.yml",
        "run it in the folder of the project",
    )


def discover(root: Path, variables: Mapping[str, str] | None = None) -> dict[str, Topology]:
    """Load every ``docker-compose.<approach>.yml`` in `root`, by name of the approach.

    Raises UsageError, naming file and key, if one of them cannot be deployed as it is written.
    """
    return {
        topology.approach: topology
        for topology in (load_topology(path, variables) for path in sorted(root.glob(_PATTERN)))
    }


def load_topology(path: Path, variables: Mapping[str, str] | None = None) -> Topology:
    """Load one compose file, with `variables` in place of its ``${NAME}``.

    What they do not name is looked up in the ``.env`` beside the file, as Compose does; never in
    the environment of this process: what a campaign measured must follow from what it recorded.
    Secrets that neither states are drawn. Raises UsageError, naming file and key.
    """
    approach = path.name.removeprefix(_PREFIX).removesuffix(".yml")
    file = path.resolve()  # a link gives a file another name, and no other neighbours
    stated = read_variables(file.with_name(".env"))
    known = {**secrets.draw(), **stated, **(variables or {})}
    return load(Source(approach=approach, path=file, variables=known))
