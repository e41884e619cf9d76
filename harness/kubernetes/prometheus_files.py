"""What the Prometheus of a compose file is told: what to scrape, and its rules.

It is a service of a profile, so no deployment has it; the files that it finds are read here.
https://prometheus.io/docs/prometheus/latest/configuration/configuration/
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from harness.runtimes.ports import container_ports
from harness.topology import Topology
from harness.topology.section import read_yaml

_CONFIGURATION: Final = PurePosixPath("/etc/prometheus/prometheus.yml")
_UNDERSTOOD: Final = (
    *("job_name", "metrics_path", "scrape_interval", "scrape_timeout"),
    *("dns_sd_configs", "static_configs", "relabel_configs"),
)


@dataclass(frozen=True, slots=True)
class Scrape:
    """A port of a service that Prometheus scrapes; what is None is left to Prometheus."""

    service: str
    port: int
    path: str
    job: str | None = None
    interval: str | None = None
    timeout: str | None = None


@dataclass(frozen=True, slots=True)
class Watched:
    """What is scraped, the groups of rules, and what of the files could not be taken over."""

    scrapes: tuple[Scrape, ...]
    rules: tuple[Mapping[str, Any], ...] = ()
    lost: tuple[str, ...] = ()


def watched(topology: Topology) -> Watched:
    """Return what Prometheus is told; without one, the counters of the approach are scraped."""
    files = _files(topology)
    if _CONFIGURATION not in files:
        return Watched(tuple(_counters(topology)))
    told = _mapping(read_yaml(files[_CONFIGURATION]))
    defaults = _mapping(told.get("global"))
    jobs = _mappings(told.get("scrape_configs"))
    scrapes = [scrape for job in jobs for scrape in _scrapes(topology, job, defaults)]
    groups: list[Mapping[str, Any]] = []
    lost = [words for job in jobs for words in _not_understood(topology, job)]
    for name in _list(told.get("rule_files")):
        path = files.get(_CONFIGURATION.parent / str(name))
        if path is None:
            lost.append(f"rule_files: {name}: no such file is mounted")
            continue
        groups += _mappings(_mapping(read_yaml(path)).get("groups"))
    every = defaults.get("evaluation_interval")
    timed = ({"interval": every, **group} if every else dict(group) for group in groups)
    return Watched(tuple(scrapes), tuple(timed), tuple(lost))


def services_of_profiles(topology: Topology) -> dict[str, Mapping[str, Any]]:
    """Return the services of a compose file that are only run if Compose is asked to."""
    services = _mapping(_mapping(read_yaml(topology.path)).get("services"))
    return {
        name: service
        for name, service in ((name, _mapping(one)) for name, one in services.items())
        if service.get("profiles")
    }


def _files(topology: Topology) -> dict[PurePosixPath, Path]:
    """Return what services of profiles find mounted: files of the project, by their paths there."""
    found: dict[PurePosixPath, Path] = {}
    for service in services_of_profiles(topology).values():
        extended = _mapping(service.get("extends"))
        if "file" in extended:
            file = topology.root / str(extended["file"])
            others = _mapping(_mapping(read_yaml(file)).get("services"))
            found |= _mounted(_mapping(others.get(str(extended.get("service")))), file.parent)
        found |= _mounted(service, topology.root)
    return found


def _mounted(service: Mapping[str, Any], root: Path) -> dict[PurePosixPath, Path]:
    texts = [text for text in _list(service.get("volumes")) if isinstance(text, str)]
    parts = [text.split(":") for text in texts]
    return {PurePosixPath(one[1]): root / one[0] for one in parts if len(one) > 1}


def _counters(topology: Topology) -> Iterator[Scrape]:
    for name in topology.counters:
        ports = container_ports(topology.services[name])
        stated = (topology.metrics_port,) if topology.metrics_port else ports[:1]
        yield from (Scrape(name, port, "/metrics") for port in stated if port in ports)


def _scrapes(
    topology: Topology, job: Mapping[str, Any], defaults: Mapping[str, Any]
) -> Iterator[Scrape]:
    for service, port in _targets(job):
        if _listens(topology, service, port):
            yield Scrape(
                service,
                port,
                path=str(job.get("metrics_path", "/metrics")),
                job=str(job["job_name"]) if "job_name" in job else None,
                interval=job.get("scrape_interval", defaults.get("scrape_interval")),
                timeout=job.get("scrape_timeout", defaults.get("scrape_timeout")),
            )


def _targets(job: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield name and port of all that a job names."""
    for looked_up in _mappings(job.get("dns_sd_configs")):
        for name in _list(looked_up.get("names")):
            yield str(name), _port(looked_up.get("port"))
    for listed in _mappings(job.get("static_configs")):
        for target in _list(listed.get("targets")):
            name, _, port = str(target).rpartition(":")
            yield name, _port(port)


def _not_understood(topology: Topology, job: Mapping[str, Any]) -> Iterator[str]:
    where = f"scrape_configs.{job.get('job_name', '?')}"
    yield from (f"{where}.{key}" for key in job if key not in _UNDERSTOOD)
    for service, port in _targets(job):
        if not _listens(topology, service, port):
            yield f"{where}: {service}:{port}, where nothing listens"
    for rule in _mappings(job.get("relabel_configs")):
        if rule.get("target_label") != "service":  # the operator names the service by itself
            yield f"{where}.relabel_configs: {rule.get('target_label', rule)}"


def _listens(topology: Topology, name: str, port: int) -> bool:
    return name in topology.services and port in container_ports(topology.services[name])


def _port(value: object) -> int:
    """Return a port as a number; 0, at which nothing listens, for what is none."""
    return int(str(value)) if str(value).isdecimal() else 0


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [_mapping(one) for one in _list(value)]


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
