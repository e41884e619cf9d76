"""The systems under test, as their compose files state them.

`docker-compose.<approach>.yml` is the one place that says which services run. Approaches are found
by globbing those files, so a third approach is one file and one folder, and nothing here changes.
"""

from collections.abc import Mapping
from pathlib import Path

from harness.errors import UsageError
from harness.project import PREFIX, brought_along, compose_files, files_like_an_approach
from harness.topology import secrets
from harness.topology.compose_source import load
from harness.topology.env_file import read_variables
from harness.topology.ledger_sql import RELATIONS, LedgerSql
from harness.topology.limits import Limits
from harness.topology.topology_model import (
    Changes,
    Condition,
    ConfigFile,
    ConsumerGroup,
    HealthCheck,
    Mount,
    PublishedPort,
    RedisFacts,
    Service,
    Topology,
    peers,
    port_beside,
)

__all__ = [
    "RELATIONS",
    "Condition",
    "ConfigFile",
    "ConsumerGroup",
    "HealthCheck",
    "LedgerSql",
    "Limits",
    "Mount",
    "PublishedPort",
    "RedisFacts",
    "Service",
    "Topology",
    "by_default",
    "discover",
    "find_approach",
    "ignored_files",
    "load_topology",
    "peers",
    "port_beside",
]


def discover(root: Path) -> dict[str, Topology]:
    """Load every ``docker-compose.<approach>.yml`` in `root`, by name of the approach.

    Raises UsageError, naming file and key, if one of them cannot be deployed as it is written.
    """
    return {one.approach: one for one in map(load_topology, compose_files(root))}


def by_default(found: Mapping[str, Topology]) -> list[str]:
    """Return the approaches that are measured where none is named; all, if none is a default."""
    return [name for name, one in found.items() if one.is_default] or list(found)


def find_approach(root: Path, name: str) -> Topology:
    """Return the approach of a name in `root` (UsageError: there is none)."""
    found = {_approach(file): file for file in compose_files(root)}
    if name not in found:
        raise UsageError(
            f"there is no approach named {name!r}",
            f"known approaches: {', '.join(sorted(found)) or 'none'} "
            f"({PREFIX}<approach>.yml in {root})",
        )
    return load_topology(found[name])


def ignored_files(root: Path) -> list[Path]:
    """Return the files of `root` that are named like an approach and are none."""
    return sorted(set(files_like_an_approach(root)) - set(compose_files(root)))


def load_topology(path: Path, variables: Mapping[str, str] | None = None) -> Topology:
    """Load one compose file, with `variables` in place of its ``${NAME}``.

    What they do not name is looked up in the ``.env`` beside the file, as Compose does; never in
    the environment of this process: what a campaign measured must follow from what it recorded.
    Secrets that neither states are drawn, and ``HARNESS_FOLDER`` is where the harness has its own
    approaches and the payment gateway. Raises UsageError, naming file and key.
    """
    file = path.resolve()  # paths count from the file, not from a link to it
    stated = read_variables(file.with_name(".env"))
    given = {**secrets.draw(), "HARNESS_FOLDER": str(brought_along())}
    known = {**given, **stated, **(variables or {})}
    return load(_approach(path), file, Changes(known))


def _approach(file: Path) -> str:
    return file.name.removeprefix(PREFIX).removesuffix(".yml")
