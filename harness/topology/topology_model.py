"""What a compose file says, as data: services, and the facts of ``x-harness``."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.topology import secrets
from harness.topology.contract_section import without_secrets
from harness.topology.ledger_sql import LedgerSql, default_ledger_sql
from harness.topology.limits import Limits

LAST_PORT = 65535

LISTENS_AT = re.compile(r"(?<![\w.-])0\.0\.0\.0:(\d{1,5})(?!\d)")
"""``0.0.0.0:<port>`` in a service's own environment or command: an address it listens at."""
_HOST = re.compile(r"(.*)HOST(?:NAME)?")


def peers(services: Iterable[str]) -> re.Pattern[str]:
    """Return what finds ``<service>:<port>`` in a text, of any of these services."""
    names = "|".join(sorted(map(re.escape, services), key=len, reverse=True))
    return re.compile(rf"(?<![\w.-])({names}):(\d{{1,5}})(?!\d*@|\d)")


def port_beside(key: str) -> str | None:
    """Return which setting has the port of the host that a setting names: DB_PORT for DB_HOST."""
    named = _HOST.fullmatch(key)
    return f"{named[1]}PORT" if named else None


class Condition(StrEnum):
    """What must be true of a service before one that depends on it is started."""

    STARTED = "service_started"
    HEALTHY = "service_healthy"
    COMPLETED = "service_completed_successfully"


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """How to find out whether a replica is ready, and for how long to try."""

    test: tuple[str, ...]
    shell: bool
    interval_s: float
    timeout_s: float
    retries: int
    start_period_s: float
    start_interval_s: float = 5.0
    """Between two checks before the first success; the runtimes here ask at a pace of their own."""

    @property
    def longest_wait_s(self) -> float:
        """Return how long a replica may take to become healthy, in seconds."""
        return self.start_period_s + self.retries * self.interval_s


@dataclass(frozen=True, slots=True)
class Mount:
    """A named volume, or a file or folder of the project, at a path in the container."""

    source: str
    target: str
    named: bool
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file of the container whose content stands in the compose file, secrets and all."""

    target: str
    content: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PublishedPort:
    """A container port served at a port of this machine's loopback; host 0 means any free one."""

    host: int
    container: int


@dataclass(frozen=True, slots=True)
class Service:
    """One service of a compose file, with every default filled in."""

    name: str
    image: str | None
    built: bool
    replicas: int = 1
    limits: Limits = field(default_factory=Limits)
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    expose: tuple[int, ...] = ()
    published: tuple[PublishedPort, ...] = ()
    mounts: tuple[Mount, ...] = ()
    configs: tuple[ConfigFile, ...] = ()
    depends_on: Mapping[str, Condition] = field(default_factory=dict)
    healthcheck: HealthCheck | None = None
    pull_policy: str | None = None
    stop_signal: str | None = None
    stop_grace_period_s: float = 10.0

    @property
    def ports(self) -> tuple[int, ...]:
        """Return the container ports, those under ``expose`` first."""
        heard = [
            int(port)
            for text in (*self.command, *self.environment.values())
            for port in LISTENS_AT.findall(text)
        ]
        published = [port.container for port in self.published]
        return tuple(dict.fromkeys((*self.expose, *published, *heard)))

    def describe(self, secret: Iterable[str]) -> dict[str, Any]:
        """Return the service as JSON, with the secret values struck out."""
        return {
            "image": self.image,
            "built": self.built,
            "replicas": self.replicas,
            "limits": asdict(self.limits),
            "command": [secrets.strike_out(word, secret) for word in self.command],
            "environment": {
                key: secrets.strike_out(text, secret, key) for key, text in self.environment.items()
            },
        }


@dataclass(frozen=True, slots=True)
class ConsumerGroup:
    """The group in which the replicas of a service share the work of a stream of Redis."""

    stream: str
    group: str
    service: str


@dataclass(frozen=True, slots=True)
class RedisFacts:
    """Where an approach keeps in Redis what the audit reads; `stock` takes a product id.

    `leader` is the lock of the process that leads, if one does; its value begins with the id of
    that process, as in ``<pid>-<anything>``.
    """

    service: str
    stock: str
    streams: tuple[str, ...]
    dead_letters: str
    leader: str | None
    lists: tuple[str, ...] = ()
    sorted_sets: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()
    groups: tuple[ConsumerGroup, ...] = ()

    @property
    def queues(self) -> tuple[str, ...]:
        """Return the keys in which work waits, whatever their type."""
        return (*self.streams, *self.lists, *self.sorted_sets, *self.hashes)


@dataclass(frozen=True, slots=True)
class Changes:
    """The values of a compose file's variables, and what the user changed of its services."""

    variables: Mapping[str, str] = field(default_factory=dict)
    scale: Mapping[str, int] = field(default_factory=dict)
    settings: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def then(self, later: "Changes") -> "Changes":
        """Return both; where they differ, the later ones count."""
        return Changes(
            {**self.variables, **later.variables},
            {**self.scale, **later.scale},
            {**self.settings, **later.settings},
        )


@dataclass(frozen=True, slots=True)
class Topology:
    """The services of one approach, and what the harness must know of them."""

    approach: str
    path: Path
    title: str
    is_default: bool
    """Whether a campaign that names no approach measures this one."""
    acknowledges: str
    entry: str
    counters: tuple[str, ...]
    metrics_port: int | None
    """Where the counters serve /metrics; None: at the first port of each."""
    ledger: str
    world: tuple[str, ...]
    gateway: str
    payment_service: str | None
    """The service that has the payment slots; None: nothing bounds the charges under way."""
    payment_factors: tuple[str, ...]
    redis: RedisFacts | None
    services: Mapping[str, Service]
    variables: Mapping[str, str] = field(repr=False, compare=False)
    vary: Callable[[Changes], "Topology"] = field(repr=False, compare=False)
    ledger_sql: LedgerSql = field(default_factory=default_ledger_sql, repr=False, kw_only=True)
    """How the ledger is read, and emptied and seeded."""
    contract: Mapping[str, Any] = field(default_factory=dict, repr=False, kw_only=True)
    """How the HTTP API of the approach differs from ours (`harness.contract`); {}: in nothing."""
    proxies: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    """The service that stands between a store and all others, by store."""
    ablated: tuple[str, ...] = field(default=(), kw_only=True)
    """Settings of `x-harness.ablations` that differ from the file's, as ``SERVICE.KEY=value``."""

    @property
    def root(self) -> Path:
        """Return the folder that relative paths of the compose file count from."""
        return self.path.parent

    @property
    def containers(self) -> int:
        """Return the number of replicas of the approach itself, without the world's."""
        return sum(s.replicas for s in self.services.values() if s.name not in self.world)

    @property
    def payment_slots(self) -> int | None:
        """Return how many charges the approach can have under way at once; None: any number."""
        if self.payment_service is None:
            return None
        service = self.services[self.payment_service]
        slots = service.replicas
        for factor in self.payment_factors:
            value = service.environment.get(factor, "")
            if not value.isdecimal() or int(value) < 1:
                raise UsageError(
                    f"{self.path.name}: services.{service.name}.environment.{factor} is "
                    f"{value!r}, but x-harness.payment_slots needs a whole number from 1",
                    f"state {factor} in the service's environment",
                )
            slots *= int(value)
        return slots

    def with_scale(self, scale: Mapping[str, int]) -> "Topology":
        """Return the topology with other numbers of replicas (UsageError: unknown service)."""
        return self.vary(Changes(scale=scale))

    def with_settings(self, settings: Mapping[tuple[str, str], str]) -> "Topology":
        """Return the topology with other values in services' environments, by (service, key).

        The keys ``cpus`` and ``memory`` are the limits of the service. Raises UsageError for a
        service or a key that the compose file does not have, and for a limit that is none.
        """
        return self.vary(Changes(settings=settings))

    def with_variables(self, variables: Mapping[str, str]) -> "Topology":
        """Return the topology with other values for the ``${NAME}`` of its compose file."""
        return self.vary(Changes(variables=variables))

    def start_order(self) -> list[tuple[str, ...]]:
        """Return the services in layers: each depends only on services of the layers before."""
        layers: list[tuple[str, ...]] = []
        placed: set[str] = set()
        while len(placed) < len(self.services):
            layer = tuple(
                service.name
                for service in self.services.values()
                if service.name not in placed and placed.issuperset(service.depends_on)
            )
            if not layer:
                stuck = ", ".join(sorted(set(self.services) - placed))
                raise UsageError(
                    f"{self.path.name}: services that depend on each other in a circle: {stuck}",
                    "remove one of their depends_on",
                )
            layers.append(layer)
            placed.update(layer)
        return layers

    def runs_once(self, service: str) -> bool:
        """Return True if a service is a job whose end others wait for, not a server."""
        return any(
            other.depends_on.get(service) is Condition.COMPLETED for other in self.services.values()
        )

    def describe(self) -> dict[str, Any]:
        """Return the topology as JSON, without secrets, for the record of a campaign or run."""
        secret = secrets.among(self.variables)
        return {
            "approach": self.approach,
            "file": self.path.name,
            "title": self.title,
            "acknowledges": self.acknowledges,
            "entry": self.entry,
            "counters": list(self.counters),
            "world": list(self.world),
            "containers": self.containers,
            "payment_slots": self.payment_slots,
            "has_redis": self.redis is not None,
            "services": {name: one.describe(secret) for name, one in self.services.items()},
            **({"ablated": list(self.ablated)} if self.ablated else {}),
            **({"contract": without_secrets(self.contract, secret)} if self.contract else {}),
            **({} if self.ledger_sql.is_default else {"ledger": dict(self.ledger_sql.statements)}),
        }


def seconds(text: str) -> float:
    """Return a Compose duration such as ``1m30s`` or ``500ms`` in seconds (ValueError: not one)."""
    units = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6}
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|us|h|m|s)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(text)
    return math.fsum(float(number) * units[unit] for number, unit in parts)
