"""Overlay `monitoring/`: what the Prometheus Operator is told of an approach.

https://prometheus-operator.dev/docs/api-reference/api/
"""

from collections.abc import Iterator

from harness.kubernetes.manifest import NAME, PART_OF, Manifest, labels, manifest, without_empty
from harness.kubernetes.prometheus_files import Scrape, Watched
from harness.kubernetes.traffic import from_pods
from harness.kubernetes.workloads import port_name
from harness.topology import Topology

_API = "monitoring.coreos.com/v1"


def service_monitors(topology: Topology, watched: Watched) -> Iterator[Manifest]:
    """Yield a ServiceMonitor for each service that is scraped."""
    for service in dict.fromkeys(scrape.service for scrape in watched.scrapes):
        stated = labels(topology.approach, service)
        spec = {
            "selector": {"matchLabels": stated},
            "endpoints": [_endpoint(one) for one in watched.scrapes if one.service == service],
        }
        yield manifest("ServiceMonitor", _API, service, stated, spec=spec)


def prometheus_rule(topology: Topology, watched: Watched) -> Manifest | None:
    """Return the rules and alarms; None if there are none."""
    if not watched.rules:
        return None
    stated = {PART_OF: topology.approach}
    groups = [{"name": group.get("name"), **group} for group in watched.rules]
    return manifest("PrometheusRule", _API, topology.approach, stated, spec={"groups": groups})


def lets_prometheus_in(topology: Topology, watched: Watched) -> Iterator[Manifest]:
    """Yield what lets Prometheus scrape, for each service."""
    for service in dict.fromkeys(scrape.service for scrape in watched.scrapes):
        ports = [one.port for one in watched.scrapes if one.service == service]
        stated = labels(topology.approach, service)
        spec = {
            "podSelector": {"matchLabels": stated},
            "policyTypes": ["Ingress"],
            "ingress": [
                {
                    "from": [from_pods(NAME, "prometheus")],
                    "ports": [{"port": port} for port in dict.fromkeys(ports)],
                }
            ],
        }
        name = f"{service}-from-prometheus"
        yield manifest("NetworkPolicy", "networking.k8s.io/v1", name, stated, spec=spec)


def _endpoint(scrape: Scrape) -> Manifest:
    job = [{"targetLabel": "job", "replacement": scrape.job}] if scrape.job else []
    return without_empty(
        {
            "port": port_name(scrape.port),
            "path": scrape.path,
            "interval": scrape.interval,
            "scrapeTimeout": scrape.timeout,
            "relabelings": job,
        }
    )
