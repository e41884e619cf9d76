"""The systems under test, as their compose files state them.

`docker-compose.<approach>.yml` is the one place that says which services run. Approaches are found
by globbing those files, so a third approach is one file and one folder, and nothing here changes.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from harness.errors import UsageError
from harness.topology import secrets
from harness.topology.compose_source import load
from harness.topology.env_file import read_variables
from harness.topology.limits import Limits
from harness.topology.topology_model import (
    Changes,
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
    "find_approach",
    "ignored_files",
    "load_topology",
    "peers",
    "project_root",
]

_PREFIX = "docker-compose."
_PATTERN = f"{_PREFIX}*.yml"
_OVERRIDE = re.compile(r"docker-compose\.(?:.+\.)?override\.yml")
"""What Compose lays over another file by itself, or by custom: never an approach of its own."""


def project_root() -> Path:
    """Return the folder that holds the compose files: here, or the checkout of this package."""
    here = Path.cwd()
    checkout = Path(__file__).resolve().parents[2]
    for folder in (here, checkout):
        if _compose_files(folder):
            return folder
    raise UsageError(
        f"neither {here} nor {checkout} holds a {_PREFIX}<approach>.yml",
        "run it in the folder of the project",
    )


def discover(root: Path) -> dict[str, Topology]:
    """Load every ``docker-compose.<approach>.yml`` in `root`, by name of the approach.

    Raises UsageError, naming file and key, if one of them cannot be deployed as it is written.
    """
    return {one.approach: one for one in map(load_topology, _compose_files(root))}


def find_approach(root: Path, name: str) -> Topology:
    """Return the approach of a name in `root` (UsageError: there is none)."""
    found = discover(root)
    if name not in found:
        raise UsageError(
            f"there is no approach named {name!r}",
            f"known approaches: {', '.join(sorted(found)) or 'none'} "
            f"({_PREFIX}<approach>.yml in {root})",
        )
    return found[name]


def ignored_files(root: Path) -> list[Path]:
    """Return the files of `root` that are named like an approach and are none."""
    return sorted(set(root.glob(_PATTERN)) - set(_compose_files(root)))


def _compose_files(root: Path) -> list[Path]:
    return sorted(path for path in root.glob(_PATTERN) if not _OVERRIDE.fullmatch(path.name))


def load_topology(path: Path, variables: Mapping[str, str] | None = None) -> Topology:
    """Load one compose file, with `variables` in place of its ``${NAME}``.

    What they do not name is looked up in the ``.env`` beside the file, as Compose does; never in
    the environment of this process: what a campaign measured must follow from what it recorded.
    Secrets that neither states are drawn. Raises UsageError, naming file and key.
    """
    approach = path.name.removeprefix(_PREFIX).removesuffix(".yml")
    file = path.resolve()  # paths count from the file, not from a link to it
    stated = read_variables(file.with_name(".env"))
    known = {**secrets.draw(), **stated, **(variables or {})}
    return load(approach, file, Changes(known))
