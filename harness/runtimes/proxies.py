"""Puts TCP proxies into a topology: before a store, so that a fault can freeze its connections, or
before the entry, so that every answer comes a known time later.

The proxy is a service of the topology like any other, so each runtime starts, watches and removes
it as it does the rest. The harness' own clients go to the store directly.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from harness.errors import UsageError
from harness.runtimes.ports import container_ports
from harness.topology import Condition, HealthCheck, Mount, Service, Topology, peers, port_beside

PROGRAM = Path(__file__).with_name("tcp_proxy.py")
_INSIDE = "/srv/tcp_proxy.py"

DELAY = "delay"
"""Name of the service that delays answers."""
DELAYING_PROGRAM = Path(__file__).with_name("delaying_proxy.py")
_DELAYING_INSIDE = "/srv/delaying_proxy.py"
_DELAY_PORT = 8100
_PLACE = re.compile(r"(?<=://)[\w.-]+(?::\d+)?")
"""Host and port of a URL."""


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
    listens = f"0.0.0.0:{port}"
    check = HealthCheck(
        test=("python", _INSIDE, "--is-up", listens),
        shell=False,
        interval_s=1.0,
        timeout_s=5.0,
        retries=30,
        start_period_s=30.0,
    )
    words = (_INSIDE, listens, f"{store}:{port}")
    return _program(topology, f"{store}-proxy", PROGRAM, words, port, check)


def with_delay(topology: Topology, delay_ms: float) -> Topology:
    """Return the topology with a proxy as its entry that hands every answer on `delay_ms` later.

    The proxy belongs to the world, not to the approach. Raises UsageError if the approach has a
    service of its name, or an entry without a health check.
    """
    entry = topology.services[topology.entry]
    if DELAY in topology.services:
        raise UsageError(
            f"{topology.path.name}: services.{DELAY}: the delaying proxy needs this name",
            "rename the service",
        )
    if entry.healthcheck is None:
        raise UsageError(
            f"{topology.path.name}: services.{entry.name} has no healthcheck to ask by a proxy",
            "add one",
        )
    listens = f"0.0.0.0:{_DELAY_PORT}"
    test = tuple(_PLACE.sub(listens, word) for word in entry.healthcheck.test)
    words = (_DELAYING_INSIDE, listens, f"{entry.name}:{entry.ports[0]}", f"{delay_ms:g}")
    check = replace(entry.healthcheck, test=test)
    proxy = _program(topology, DELAY, DELAYING_PROGRAM, words, _DELAY_PORT, check)
    proxy = replace(proxy, depends_on={entry.name: Condition.HEALTHY})
    return replace(
        topology,
        entry=DELAY,
        services={**topology.services, DELAY: proxy},
        world=(*topology.world, DELAY),
    )


def _program(
    topology: Topology,
    name: str,
    program: Path,
    words: tuple[str, ...],
    port: int,
    check: HealthCheck,
) -> Service:
    """Return a proxy, in the image of the payment gateway: it needs a Python and nothing else.

    The first of `words` is where the program lies in the container.
    """
    gateway = topology.services[topology.gateway]
    return Service(
        name=name,
        image=gateway.image or f"flashsale-{topology.approach}-{gateway.name}",
        built=gateway.built,
        command=("python", *words),
        expose=(port,),
        mounts=(Mount(str(program), words[0], named=False, read_only=True),),
        healthcheck=check,
        stop_grace_period_s=gateway.stop_grace_period_s,
    )


def _by_proxy(service: Service, store: str, proxy: Service) -> Service:
    """Return a service that reaches a store by its proxy, if it reaches it at all."""
    address = peers([store])

    def moved(text: str) -> str:
        return address.sub(lambda match: f"{proxy.name}:{match[2]}", text)

    if service.name == store:
        return service
    environment = {
        key: proxy.name if text == store and port_beside(key) else moved(text)
        for key, text in service.environment.items()
    }
    command = tuple(map(moved, service.command))
    if environment == dict(service.environment) and command == service.command:
        return service
    depends_on = {**service.depends_on, proxy.name: Condition.HEALTHY}
    return replace(service, environment=environment, command=command, depends_on=depends_on)
