"""Who talks to whom, and NetworkPolicies that let nobody else in.

A service talks to another if it names it as ``<service>:<port>`` in its settings, its command or a
file that it finds, if a setting is the name, or if it depends on it.
"""

from collections.abc import Iterator

from harness.kubernetes.files import mounted_files
from harness.kubernetes.manifest import Manifest, labels, manifest
from harness.runtimes.ports import container_ports
from harness.topology import Service, Topology, peers


def callers(topology: Topology, service: Service) -> dict[str, tuple[int, ...]]:
    """Return the ports of a service to which others connect, by their names."""
    named = peers(topology.services)
    all_ports = container_ports(service)
    found: dict[str, tuple[int, ...]] = {}
    for other in topology.services.values():
        if other.name == service.name:
            continue
        texts = list(_texts(other))
        ports = {
            int(port)
            for text in texts
            for name, port in named.findall(text)
            if name == service.name
        }
        if not ports and (service.name in texts or service.name in other.depends_on):
            ports = set(all_ports)
        if ports:
            found[other.name] = tuple(sorted(ports))
    return found


def network_policy(topology: Topology, service: Service) -> Manifest:
    """Return what lets in those who talk to a service, and everybody at a port it publishes."""
    callers_of: dict[tuple[int, ...], list[str]] = {}
    for caller, ports in callers(topology, service).items():
        callers_of.setdefault(ports, []).append(caller)
    rules: list[Manifest] = [
        {
            "from": [
                {"podSelector": {"matchLabels": labels(topology.approach, one)}} for one in names
            ],
            "ports": [{"port": port} for port in ports],
        }
        for ports, names in callers_of.items()
    ]
    public = public_ports(topology, service)
    if public:
        rules.append({"ports": [{"port": port} for port in public]})
    stated = labels(topology.approach, service.name)
    spec = {
        "podSelector": {"matchLabels": stated},
        "policyTypes": ["Ingress"],
        "ingress": rules,
    }
    return manifest("NetworkPolicy", "networking.k8s.io/v1", service.name, stated, spec=spec)


def public_ports(topology: Topology, service: Service) -> tuple[int, ...]:
    """Return the ports at which everybody may connect: published ones, or the entry's first."""
    published = tuple(dict.fromkeys(one.container for one in service.published))
    return published or (container_ports(service)[:1] if service.name == topology.entry else ())


def from_pods(app_label: str, value: str) -> Manifest:
    """Return who is let in, in whichever namespace: pods with a label."""
    return {"namespaceSelector": {}, "podSelector": {"matchLabels": {app_label: value}}}


def _texts(service: Service) -> Iterator[str]:
    yield from service.environment.values()
    yield from service.command
    yield from (config.content for config in service.configs)
    yield from (file.text for file in mounted_files(service) if file.text is not None)
