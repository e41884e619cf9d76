"""One approach under three names, as a project of its own: two are the same, one is slower.

Each copy is the approach's compose file with the delaying proxy before its entry. The proxies
differ in `DELAY_MS` and in nothing else, and belong to the world, not to the approach.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from harness.errors import UsageError, unwritable
from harness.topology import Topology
from harness.topology.section import read_yaml

FIRST, SECOND, SLOWED = "first", "second", "slowed"
INJECTED_MS = 20.0
DELAYS_MS: Mapping[str, float] = {FIRST: 0.0, SECOND: 0.0, SLOWED: INJECTED_MS}

PROXY = "delay"
_SHARED = ("approaches", ".env")
"""What a compose file counts on beside itself: sources and mounts, and the images' names."""

_PORT = 8100
_PLACE = re.compile(r"(?<=://)[\w.-]+(?::\d+)?")
"""Host and port of a URL."""


def write_project(topology: Topology, folder: Path) -> None:
    """Write three copies of an approach, and links to what they count on beside them.

    Raises UsageError if the approach cannot have a proxy before it, or the folder not be written,
    InfrastructureError if there is no space left.
    """
    if PROXY in topology.services:
        raise UsageError(
            f"{topology.path.name}: services.{PROXY}: the self-test needs this name for its proxy",
            "rename the service",
        )
    document = read_yaml(topology.path)
    assert isinstance(document, Mapping)  # noqa: S101 - it has been read as a topology
    try:
        folder.mkdir(parents=True)
        for name in _SHARED:
            (folder / name).symlink_to(topology.root / name)
        for name, delay_ms in DELAYS_MS.items():
            made = with_proxy(document, topology, name, delay_ms)
            text = yaml.safe_dump(made, sort_keys=False, allow_unicode=True)
            (folder / f"docker-compose.{name}.yml").write_text(text, encoding="utf-8")
    except OSError as error:
        raise unwritable(folder, error) from error


def with_proxy(
    document: Mapping[str, Any], topology: Topology, name: str, delay_ms: float
) -> dict[str, Any]:
    """Return a compose file with the proxy as its entry, before the entry that it had."""
    services, facts = document["services"], document["x-harness"]
    entry = topology.services[topology.entry]
    proxy = {
        "build": {"context": "."},
        "command": ["python", "-m", "harness.selftest.delay"],
        "environment": {
            "BIND": f"0.0.0.0:{_PORT}",
            "UPSTREAM": f"{entry.name}:{entry.ports[0]}",
            "DELAY_MS": f"{delay_ms:g}",
        },
        "expose": [str(_PORT)],
        "depends_on": {entry.name: {"condition": "service_healthy"}},
        "healthcheck": _through_proxy(services[entry.name]["healthcheck"]),
    }
    return {
        **document,
        "x-harness": {
            **facts,
            "title": f"{facts['title']}, {name}",
            "entry": PROXY,
            "world": [*facts.get("world", ()), PROXY],
        },
        "services": {**services, PROXY: proxy},
    }


def _through_proxy(check: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry's own health check, asked through the proxy."""
    test = check["test"]
    asked = test if isinstance(test, list) else [test]
    moved = [_PLACE.sub(f"0.0.0.0:{_PORT}", str(word)) for word in asked]
    return {**check, "test": moved if isinstance(test, list) else moved[0]}
