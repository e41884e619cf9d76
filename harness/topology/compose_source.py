"""From a compose file and what the user changed of it to a `Topology`.

A key that the runtimes do not honour is an error that names it: a compose file must never mean
less here than it says. Keys and defaults: https://docs.docker.com/reference/compose-file/

A setting is a value in a service's environment. Where the file has a variable of the same name
there (``KEY: ${KEY:-default}``), it is the variable that is set, and what else names it follows:
the command line of a server that reads no environment, or the name of a mounted file.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.topology.contract_section import read_contract
from harness.topology.interpolation import interpolate
from harness.topology.ledger_sql import LedgerSql, default_ledger_sql, read_ledger_sql
from harness.topology.limits import LIMIT_KEYS
from harness.topology.section import Section, read_yaml
from harness.topology.service_section import Shared, read_environment, read_service
from harness.topology.topology_model import (
    LAST_PORT,
    Changes,
    ConsumerGroup,
    RedisFacts,
    Service,
    Topology,
)

_FILE_KEYS = ("configs", "name", "services", "volumes")
_REDIS_KEYS = (
    *("service", "stock", "streams", "lists", "sorted_sets", "hashes", "dead_letters", "leader"),
    "groups",
)
_GROUP_KEYS = ("stream", "group", "service")
_HARNESS_KEYS = (
    "title",
    "default",
    "acknowledges",
    "entry",
    "counters",
    "metrics_port",
    "ledger",
    "world",
    "gateway",
    "payment_slots",
    "ablations",
    "redis",
    "contract",
)
_ACKNOWLEDGEMENTS = ("outcome", "acceptance")
_VARIABLE = re.compile(r"\$\{(?P<name>\w+):?-.*\}", re.DOTALL)
"""A value that is a variable with a default."""

Settings = Mapping[tuple[str, str], str]
"""Values in the environment of services, by service and key."""


def load(approach: str, path: Path, changes: Changes) -> Topology:
    """Read the file and apply what was changed (UsageError names file, key and value)."""
    name = path.name
    written = _without_profiles(read_yaml(path))
    stated = Section(interpolate(written, changes.variables, name), name)
    document, variables = stated, changes.variables
    if own := _variables_set(written, name, changes.settings):
        variables = {**variables, **own}
        document = Section(interpolate(written, variables, name), name)
    document.only(_FILE_KEYS, f"supported: {', '.join(_FILE_KEYS)} and x-*")
    shared = Shared(path.parent, _volumes(document), _configs(document))
    listed = document.section("services")
    services = {one: read_service(listed.section(one), one, shared) for one in listed}
    _check_dependencies(name, services)
    topology = _facts(approach, path, changes, document.section("x-harness"), services)
    services = _scaled(topology, changes.scale)
    services = _set(name, services, changes.settings)
    ablated = _ablated(stated, services)
    topology = replace(topology, services=services, variables=variables, ablated=ablated)
    topology.start_order()
    _ = topology.payment_slots
    return topology


def _without_profiles(document: Any) -> Any:
    """Leave out the services of a profile: Compose runs them only if it is asked to, we never."""
    services = document.get("services") if isinstance(document, Mapping) else None
    if not isinstance(services, Mapping):
        return document
    deployed = {
        name: service
        for name, service in services.items()
        if not (isinstance(service, Mapping) and service.get("profiles"))
    }
    return {**document, "services": deployed}


def _facts(
    approach: str, path: Path, changes: Changes, facts: Section, services: Mapping[str, Service]
) -> Topology:
    facts.only(_HARNESS_KEYS, f"supported: {', '.join(_HARNESS_KEYS)}")
    acknowledges = facts.text("acknowledges")
    if acknowledges not in _ACKNOWLEDGEMENTS:
        raise facts.wrong("acknowledges", f"one of {', '.join(_ACKNOWLEDGEMENTS)}")
    slots = facts.section("payment_slots") if "payment_slots" in facts else None
    if slots is not None:
        slots.only(("service", "factors"), "supported: service, factors")
    ledger, ledger_sql = _ledger(facts, path.parent, services)
    gateway = _known(facts, "gateway", services)

    return Topology(
        approach=approach,
        path=path,
        title=facts.text("title"),
        is_default=_is_default(facts),
        acknowledges=acknowledges,
        entry=_known(facts, "entry", services),
        counters=_all_known(facts, "counters", services),
        metrics_port=_metrics_port(facts),
        ledger=ledger,
        ledger_sql=ledger_sql,
        world=tuple(dict.fromkeys((*_all_known(facts, "world", services), gateway))),
        gateway=gateway,
        payment_service=None if slots is None else _known(slots, "service", services),
        payment_factors=slots.texts("factors") if slots else (),
        redis=_redis(facts, services),
        contract=read_contract(facts),
        services=services,
        variables=changes.variables,
        vary=lambda later: load(approach, path, changes.then(later)),
    )


def _variables_set(written: object, name: str, settings: Settings) -> dict[str, str]:
    """Return the variables of the file that settings stand for."""
    if not settings:
        return {}
    services = Section(written, name).section("services")
    variables = {}
    for (service, key), value in settings.items():
        if service in services:
            text = read_environment(services.section(service)).get(key, "")
            match = _VARIABLE.fullmatch(text)
            if match and match["name"] == key:
                variables[key] = value
    return variables


def _ablated(stated: Section, services: Mapping[str, Service]) -> tuple[str, ...]:
    """Return, as ``SERVICE.KEY=value``, the ablations whose value is not that of the file."""
    facts, listed = stated.section("x-harness"), stated.section("services")
    found = []
    for name in facts.texts("ablations"):
        service, _, key = name.partition(".")
        default = read_environment(listed.section(service)) if service in listed else {}
        if key not in default:
            raise facts.wrong("ablations", "a list of SERVICE.KEY, settings of this file")
        value = services[service].environment[key]
        if value != default[key]:
            found.append(f"{name}={value}")
    return tuple(found)


def _is_default(facts: Section) -> bool:
    stated = facts.raw("default", True)
    if not isinstance(stated, bool):
        raise facts.wrong("default", "true, or false: measured only if it is asked for")
    return stated


def _metrics_port(facts: Section) -> int | None:
    if "metrics_port" not in facts:
        return None
    port = facts.whole("metrics_port", 0, least=1)
    if port > LAST_PORT:
        raise facts.wrong("metrics_port", f"a port up to {LAST_PORT}")
    return port


def _ledger(facts: Section, root: Path, services: Iterable[str]) -> tuple[str, LedgerSql]:
    """Return the service of the ledger, and how its tables are read: as ours, or by a file."""
    if isinstance(facts.raw("ledger"), str):
        return _known(facts, "ledger", services), default_ledger_sql()
    stated = facts.section("ledger")
    stated.only(("service", "sql"), "supported: service, sql")
    return _known(stated, "service", services), read_ledger_sql(root / stated.text("sql"))


def _redis(facts: Section, services: Mapping[str, Service]) -> RedisFacts | None:
    if "redis" not in facts:
        return None
    redis = facts.section("redis")
    redis.only(_REDIS_KEYS, f"supported: {', '.join(_REDIS_KEYS)}")
    if "%d" not in redis.text("stock"):
        raise redis.wrong("stock", "a key with %d in the place of the product id")
    return RedisFacts(
        service=_known(redis, "service", services),
        stock=redis.text("stock"),
        streams=redis.texts("streams"),
        dead_letters=redis.text("dead_letters"),
        leader=redis.text("leader") if "leader" in redis else None,
        lists=redis.texts("lists"),
        sorted_sets=redis.texts("sorted_sets"),
        hashes=redis.texts("hashes"),
        groups=_groups(redis, services),
    )


def _groups(redis: Section, services: Iterable[str]) -> tuple[ConsumerGroup, ...]:
    listed = redis.raw("groups", [])
    if not isinstance(listed, list):
        raise redis.wrong("groups", "a list of {stream: KEY, group: NAME, service: NAME}")
    streams = redis.texts("streams")
    where = f"{redis.where}.groups"
    return tuple(_group(Section(one, where), streams, services) for one in listed)


def _group(section: Section, streams: Iterable[str], services: Iterable[str]) -> ConsumerGroup:
    section.only(_GROUP_KEYS, f"supported: {', '.join(_GROUP_KEYS)}")
    if section.text("stream") not in streams:
        raise section.wrong("stream", f"one of the streams ({', '.join(streams)})")
    return ConsumerGroup(
        stream=section.text("stream"),
        group=section.text("group"),
        service=_known(section, "service", services),
    )


def _known(section: Section, key: str, services: Iterable[str]) -> str:
    value = section.text(key)
    if value not in services:
        raise section.wrong(key, f"a service of this file ({', '.join(services)})")
    return value


def _all_known(section: Section, key: str, services: Iterable[str]) -> tuple[str, ...]:
    values = section.texts(key)
    if not set(values).issubset(services):
        raise section.wrong(key, f"a list of services of this file ({', '.join(services)})")
    return values


def _volumes(document: Section) -> tuple[str, ...]:
    if document.raw("volumes") is None:
        return ()
    volumes = document.section("volumes")
    for name in volumes:
        if volumes.raw(name) not in (None, {}):
            raise UsageError(
                f"{volumes.where}.{name}: options of a volume are not supported",
                f"write `{name}:` and nothing more",
            )
    return tuple(volumes)


def _configs(document: Section) -> dict[str, str]:
    """Return the content of each config; a file of the project would be a volume."""
    if document.raw("configs") is None:
        return {}
    configs = document.section("configs")
    content = {}
    for name in configs:
        one = configs.section(name)
        one.only(("content",), "of a config, only content is supported")
        content[name] = one.text("content")
    return content


def _check_dependencies(name: str, services: Mapping[str, Service]) -> None:
    for service in services.values():
        for other, condition in service.depends_on.items():
            where = f"{name}: services.{service.name}.depends_on.{other}"
            if other not in services:
                raise UsageError(f"{where}: there is no such service", "correct the name")
            if condition.value == "service_healthy" and services[other].healthcheck is None:
                raise UsageError(
                    f"{where}: {condition.value}, but {other} has no healthcheck",
                    f"give {other} a healthcheck, or wait for service_started",
                )


def _scaled(topology: Topology, scale: Mapping[str, int]) -> dict[str, Service]:
    """Apply numbers of replicas; what the harness talks to by one address stays single."""
    services = dict(topology.services)
    single = {topology.ledger, topology.gateway, topology.redis and topology.redis.service}
    for name, replicas in scale.items():
        if name not in services:
            raise UsageError(
                f"{topology.path.name}: there is no service {name!r} to scale",
                f"services: {', '.join(services)}",
            )
        services[name] = replace(services[name], replicas=replicas)
    for service in services.values():
        if service.replicas < 1:
            raise UsageError(
                f"{topology.path.name}: {service.name}: {service.replicas} replicas",
                "scale to 1 or more",
            )
        if service.replicas > 1 and (service.name in single or service.published):
            raise UsageError(
                f"{topology.path.name}: {service.name} cannot have {service.replicas} replicas: "
                "it is a store, the gateway, or publishes a port",
                "leave it at one",
            )
    return services


def _set(file: str, services: Mapping[str, Service], settings: Settings) -> dict[str, Service]:
    changed = dict(services)
    for (name, key), value in settings.items():
        if name not in changed:
            raise UsageError(
                f"{file}: there is no service {name!r} to set {key} of",
                f"services: {', '.join(changed)}",
            )
        alter = _limit if key in LIMIT_KEYS else _setting
        changed[name] = alter(file, changed[name], key, value)
    return changed


def _limit(file: str, service: Service, key: str, value: str) -> Service:
    try:
        return replace(service, limits=service.limits.changed(key, value))
    except ValueError as expected:
        raise UsageError(
            f"{file}: {service.name}.{key}: {value!r} is not {expected}", "correct the value"
        ) from None


def _setting(file: str, service: Service, key: str, value: str) -> Service:
    if key not in service.environment:
        raise UsageError(
            f"{file}: {service.name} has no setting {key!r}",
            f"settings: {', '.join((*service.environment, *LIMIT_KEYS))}",
        )
    return replace(service, environment={**service.environment, key: value})
