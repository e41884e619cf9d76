"""Puts a TCP proxy between a store and the services that use it, so that a fault can freeze it.

The proxy is a service of the topology like any other, so each runtime starts, watches and removes
it as it does the rest. The harness' own clients go to the store directly.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from harness.runtimes.ports import container_ports
from harness.topology import Condition, HealthCheck, Mount, Service, Topology, peers

PROGRAM = Path(__file__).with_name("tcp_proxy.py")
_INSIDE = "/srv/tcp_proxy.py"


def with_proxies(topology: Topology, stores: Iterable[str]) -> Topology:
    """Return the topology with a proxy before each of the stores; however it is varied later."""
    names = tuple(sorted(set(stores)))
    if not names:
        return topology
    proxied = topology
    for store in names:
        proxied = _with_proxy(proxied, store)
    return replace(proxied, vary=lambda change: with_proxies(topology.vary(change), names))


def _with_proxy(topology: Topology, store: str) -> Topology:
    port = container_ports(topology.services[store])[0]
    proxy = _proxy(topology, store, port)
    services = {name: _by_proxy(one, store, proxy) for name, one in topology.services.items()}
    return replace(
        topology,
        services={**services, proxy.name: proxy},
        world=(*topology.world, proxy.name),
        proxies={**topology.proxies, store: proxy.name},
    )


def _proxy(topology: Topology, store: str, port: int) -> Service:
    """Return the proxy, in the image of the payment gateway: it needs a Python and nothing else."""
    gateway = topology.services[topology.gateway]
    listens = f"0.0.0.0:{port}"
    return Service(
        name=f"{store}-proxy",
        image=gateway.image or f"flashsale-{topology.approach}-{gateway.name}",
        built=gateway.built,
        command=("python", _INSIDE, listens, f"{store}:{port}"),
        expose=(port,),
        mounts=(Mount(str(PROGRAM), _INSIDE, named=False),),
        healthcheck=HealthCheck(
            test=("python", _INSIDE, "--is-up", listens),
            shell=False,
            interval_s=1.0,
            timeout_s=5.0,
            retries=30,
            start_period_s=30.0,
        ),
        stop_grace_period_s=gateway.stop_grace_period_s,
    )


def _by_proxy(service: Service, store: str, proxy: Service) -> Service:
    """Return a service that reaches a store by its proxy, if it reaches it at all."""
    address = peers([store])

    def moved(text: str) -> str:
        return address.sub(lambda match: f"{proxy.name}:{match[2]}", text)

    if service.name == store:
        return service
    environment = {key: moved(text) for key, text in service.environment.items()}
    command = tuple(map(moved, service.command))
    if environment == dict(service.environment) and command == service.command:
        return service
    depends_on = {**service.depends_on, proxy.name: Condition.HEALTHY}
    return replace(service, environment=environment, command=command, depends_on=depends_on)
