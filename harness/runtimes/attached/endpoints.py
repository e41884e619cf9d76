"""The file that says where a deployment is reached that somebody else keeps up.

What it does not say cannot be measured, and is then absent or UNKNOWN; `confirm` says that the
stores may be emptied, which every run begins with. The file has passwords in it: nothing of it is
stored, and of a mistake in it the terminal shows no password.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from string import Formatter
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

import psycopg
import psycopg.conninfo
import redis
from pydantic import AfterValidator, Field, model_validator

from harness.errors import UsageError
from harness.scenario.schema import SchemaModel, Text, read_table
from harness.topology import Topology

CONFIRMATION: Final = "I may empty these stores"
FIELDS: Final = frozenset({"service", "replica"})
_ENCODED: Final = "in a password, @ is %40, / %2F, : %3A, # %23 and ? %3F"
_METRICS: Final = "/metrics"
_SECRET: Final = ("postgres", "redis", "reset", "faults")
"""Keys whose values have passwords in them, or commands that may."""
_LOGIN: Final = re.compile(r"(?<=://)[^\s'\"]*@")


def _http(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname or parts.username or parts.port == 0:
        raise ValueError(
            "must be http://HOST[:PORT]… (the harness speaks no TLS, and logs in nowhere)"
        )
    return url.rstrip("/")


def _metrics(url: str) -> str:
    if not url.endswith(_METRICS):
        raise ValueError(f"must end in {_METRICS}")
    return url.removesuffix(_METRICS)


def _is_of_postgres(url: str) -> bool:
    """Return whether it is a URL that says what it seems to.

    A password with a character that ends it early makes its rest a host, a port or a database,
    which the errors of a connection would print.
    """
    try:
        parts = psycopg.conninfo.conninfo_to_dict(url)
    except (psycopg.ProgrammingError, ValueError):
        return False
    place = f"{parts.get('host', '')}{parts.get('dbname', '')}"
    ports = str(parts.get("port", "5432")).split(",")
    is_plain = "@" not in place and all(one.isdecimal() for one in ports)
    return is_plain and urlsplit(url).scheme in ("postgresql", "postgres")


def _is_of_redis(url: str) -> bool:
    """Return the same of a URL of Redis."""
    try:
        redis.Redis.from_url(url).close()
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "unix" or (bool(parts.hostname) and "@" not in parts.path)


def _command(text: str) -> str:
    unknown = {name for _, name, _, _ in Formatter().parse(text) if name is not None} - FIELDS
    if unknown:
        raise ValueError(f"knows {{service}} and {{replica}}, not {{{min(unknown)}}}")
    try:
        text.format(service="api", replica=1)
    except (ValueError, LookupError, AttributeError, TypeError) as error:
        raise ValueError(
            f"cannot be filled in: {error}; {{{{ and }}}} are braces of the command's own"
        ) from error
    return text


Http = Annotated[Text, AfterValidator(_http)]
Metrics = Annotated[Http, AfterValidator(_metrics)]
Command = Annotated[Text, AfterValidator(_command)]


class Gateway(SchemaModel):
    """The payment gateway of this project, where the deployment uses it."""

    url: Http
    seed: Text | None = None
    """The GATEWAY_SEED that it was started with; without it, no draw is checked."""


class Reset(SchemaModel):
    """How the stores are emptied and seeded, in place of the harness's own statements."""

    command: Text
    """Gets SALE_PRODUCTS (as ``id:stock`` with spaces between), PRICE_CENTS and WARM_UP_PRODUCT
    in its environment."""


class Prometheus(SchemaModel):
    """Where telemetry is asked for, by service: each query has one value as its answer."""

    url: Http
    cpu_s: dict[str, Text] = Field(default_factory=dict)
    """CPU seconds since some moment; a counter."""
    memory_bytes: dict[str, Text] = Field(default_factory=dict)


class FaultCommands(SchemaModel):
    """How a replica is hit; a fault that needs a command which is not here is refused."""

    kill: Command | None = None
    start: Command | None = None
    """Starts it again; without it, the deployment does so by itself."""
    stop: Command | None = None
    pause: Command | None = None
    resume: Command | None = None
    partition: Command | None = None
    heal: Command | None = None
    wipe: Command | None = None


class Endpoints(SchemaModel):
    """A deployment that somebody else keeps up."""

    confirm: Text
    """``I may empty these stores``, word for word."""
    address: Http
    """Where buyers reach the shop."""
    postgres: Text
    """The ledger, as a user who may empty and read it."""
    redis: Text | None = None
    gateway: Gateway | None = None
    metrics: dict[str, Annotated[tuple[Metrics, ...], Field(strict=False)]] = Field(
        default_factory=dict
    )
    """The URLs of ``/metrics`` of every replica, by service."""
    health: dict[str, Annotated[tuple[Http, ...], Field(strict=False, min_length=1)]] = Field(
        default_factory=dict
    )
    """URLs that answer 200 when a replica is healthy, by service: one for each, or one for all."""
    prometheus: Prometheus | None = None
    reset: Reset | None = None
    faults: FaultCommands = FaultCommands()

    @model_validator(mode="after")
    def _is_confirmed(self) -> Self:
        if self.confirm != CONFIRMATION:
            raise ValueError(f"confirm must be {CONFIRMATION!r}: every run empties them")
        return self

    @model_validator(mode="after")
    def _reaches_stores(self) -> Self:
        # not at the values themselves: the error would print them, passwords and all
        if not _is_of_postgres(self.postgres):
            raise ValueError(
                f"postgres must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE ({_ENCODED})"
            )
        if self.redis is not None and not _is_of_redis(self.redis):
            raise ValueError(f"redis must be redis://:PASSWORD@HOST:PORT/0 ({_ENCODED})")
        return self

    def check(self, topology: Topology, file: Path) -> None:
        """Raise UsageError for what does not fit the approach: its services, replicas, stores."""
        known = ", ".join(topology.services)
        for key, services in self._by_service().items():
            for name in services:
                if name not in topology.services:
                    raise UsageError(
                        f"{file}: {key}.{name}: {topology.approach} has no such service",
                        f"its services: {known}",
                    )
        for name, urls in self.health.items():
            replicas = topology.services[name].replicas
            if len(urls) not in (1, replicas):
                raise UsageError(
                    f"{file}: health.{name} has {len(urls)} URLs, and {name} {replicas} replicas",
                    "name one for each, or one for all; --scale says how many there are",
                )
        if topology.redis is not None and self.redis is None:
            raise UsageError(
                f"{file}: redis is missing: {topology.approach} keeps stock and queues in it",
                "add its URL: redis://:PASSWORD@HOST:PORT/0",
            )

    def _by_service(self) -> Mapping[str, Mapping[str, object]]:
        asked = self.prometheus
        return {
            "metrics": self.metrics,
            "health": self.health,
            "prometheus.cpu_s": asked.cpu_s if asked else {},
            "prometheus.memory_bytes": asked.memory_bytes if asked else {},
        }


def load_endpoints(path: Path) -> Endpoints:
    """Read a file of endpoints (UsageError: file, key and value, but for passwords)."""
    hint = "name the file that says where the deployment is"
    try:
        return read_table(path, Endpoints, hint, _SECRET)
    except UsageError as error:
        message = _LOGIN.sub("…@", error.message)
        raise UsageError(message, _LOGIN.sub("…@", error.hint)) from None
