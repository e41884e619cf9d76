"""Reads one service of a compose file."""

import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness.errors import UsageError
from harness.topology.env_file import read_variables
from harness.topology.limits import LIMIT_KEYS, Limits
from harness.topology.section import Section, scalar
from harness.topology.topology_model import (
    LAST_PORT,
    Condition,
    ConfigFile,
    HealthCheck,
    Mount,
    PublishedPort,
    Service,
    seconds,
)

_SERVICE_KEYS = (
    "build",
    "command",
    "configs",
    "cpus",
    "depends_on",
    "deploy",
    "env_file",
    "environment",
    "expose",
    "healthcheck",
    "image",
    "init",  # each local replica is reaped by the harness
    "mem_limit",
    "mem_reservation",  # no limit: what is reserved is there unless the machine is full
    "ports",
    "pull_policy",  # nothing is pulled locally
    "restart",  # what ends has ended: who starts it again is part of a fault
    "shm_size",  # a process of this machine has all there is
    "stop_grace_period",
    "stop_signal",
    "volumes",
)
_HEALTHCHECK_KEYS = (
    "disable",
    "interval",
    "retries",
    "start_interval",
    "start_period",
    "test",
    "timeout",
)
_DEFAULT_GRACE_S = 10.0
_DEFAULT_INTERVAL_S, _DEFAULT_TIMEOUT_S, _DEFAULT_RETRIES = 30.0, 30.0, 3
_DEFAULT_START_INTERVAL_S = 5.0
"""What Docker takes for 0 in a health check, too."""
_PUBLISHED = re.compile(
    r"(?:(?:(?P<address>\d{1,3}(?:\.\d{1,3}){3}):)?(?P<host>\d{1,5}):)?(?P<container>\d{1,5})(/tcp)?"
)
_LOOPBACK = "127.0.0.1"
_LIMITS_BESIDE = {"cpus": "cpus", "mem_limit": "memory"}
"""Limits as they stand beside `deploy`, and what they are called below it."""
_HINT = f"the services may use {', '.join(_SERVICE_KEYS)}"


@dataclass(frozen=True, slots=True)
class Shared:
    """What a file has for all its services: where paths count from, named volumes and configs."""

    root: Path
    volumes: tuple[str, ...]
    configs: Mapping[str, str]


def read_service(section: Section, name: str, shared: Shared) -> Service:
    """Read a service; the volumes and configs that it names must be among the shared ones."""
    section.only(_SERVICE_KEYS, _HINT)
    built = "build" in section
    image = section.text("image") if "image" in section else None
    if not built and image is None:
        raise section.wrong("image", "an image, unless the service has `build:`")
    return Service(
        name=name,
        image=image,
        built=built,
        replicas=_replicas(section),
        limits=_limits(section),
        command=_command(section),
        environment={**_env_files(section, shared.root), **read_environment(section)},
        expose=_exposed(section),
        published=_published(section),
        mounts=tuple(_mount(section, text, shared) for text in section.texts("volumes")),
        configs=_config_files(section, shared),
        depends_on=_depends_on(section),
        healthcheck=_healthcheck(section),
        pull_policy=section.text("pull_policy") if "pull_policy" in section else None,
        stop_signal=_stop_signal(section),
        stop_grace_period_s=_duration(section, "stop_grace_period", _DEFAULT_GRACE_S),
    )


def _replicas(section: Section) -> int:
    if "deploy" not in section:
        return 1
    deploy = section.section("deploy")
    deploy.only(("replicas", "resources"), "of deploy, replicas and resources are supported")
    return deploy.whole("replicas", 1, least=1)


def _limits(section: Section) -> Limits:
    """Return the limits, below `deploy` or beside it; what is reserved would be no limit."""
    limits = Limits()
    for key, name in _LIMITS_BESIDE.items():
        if key in section:
            limits = _limited(limits, section, key, name)
    if "deploy" not in section or "resources" not in section.section("deploy"):
        return limits
    resources = section.section("deploy").section("resources")
    supported = ("limits", "reservations")
    resources.only(supported, f"of deploy.resources, {' and '.join(supported)} are supported")
    if "limits" not in resources:
        return limits
    stated = resources.section("limits")
    stated.only(LIMIT_KEYS, f"of the limits, {' and '.join(LIMIT_KEYS)} are supported")
    for key in stated:
        limits = _limited(limits, stated, key, key)
    return limits


def _limited(limits: Limits, section: Section, key: str, name: str) -> Limits:
    try:
        return limits.changed(name, scalar(section.raw(key), f"{section.where}.{key}"))
    except ValueError as expected:
        raise section.wrong(key, str(expected)) from None


def _env_files(section: Section, root: Path) -> dict[str, str]:
    """Return the settings of the files that a service names; the last one counts."""
    value = section.raw("env_file", [])
    names = (section.text("env_file"),) if isinstance(value, str) else section.texts("env_file")
    settings: dict[str, str] = {}
    for name in names:
        if not (root / name).is_file():
            raise section.wrong("env_file", f"the name of a file in {root}")
        settings |= read_variables(root / name)
    return settings


def _command(section: Section) -> tuple[str, ...]:
    value = section.raw("command")
    return section.words("command") if isinstance(value, str) else section.texts("command")


def read_environment(section: Section) -> Mapping[str, str]:
    """Return the settings of a service, each as text."""
    value = section.raw("environment", {})
    if isinstance(value, list):
        pairs = [text.partition("=") for text in section.texts("environment")]
        if not all(equals for _, equals, _ in pairs):
            raise section.wrong("environment", "a list of KEY=VALUE: every key needs its value")
        return {key: text for key, _, text in pairs}
    listed = section.section("environment") if value else Section({}, section.where)
    return {key: scalar(listed.raw(key), f"{listed.where}.{key}") for key in listed}


def _exposed(section: Section) -> tuple[int, ...]:
    texts = section.texts("expose")
    if not all(re.fullmatch(r"\d{1,5}", text) and 1 <= int(text) <= LAST_PORT for text in texts):
        raise section.wrong("expose", f"a list of ports from 1 to {LAST_PORT}")
    return tuple(int(text) for text in texts)


def _published(section: Section) -> tuple[PublishedPort, ...]:
    matches = [_PUBLISHED.fullmatch(text) for text in section.texts("ports")]
    if not all(matches):
        raise section.wrong("ports", 'a list of "<port here>:<port of the service>", for TCP')
    ports = tuple(
        PublishedPort(host=_port_here(one), container=int(one["container"]))
        for one in matches
        if one
    )
    stated = [int(one["host"] or 0) for one in matches if one]
    if max(stated, default=0) > LAST_PORT or not all(
        1 <= one.container <= LAST_PORT for one in ports
    ):
        raise section.wrong("ports", f"a list of ports up to {LAST_PORT}; here, 0 is any free one")
    return ports


def _port_here(published: re.Match[str]) -> int:
    """Return the port of the loopback at which a port is served; 0 is any free one.

    What the file publishes to other machines is measured at a free one: two may be up at a time.
    """
    return int(published["host"]) if published["address"] == _LOOPBACK else 0


def _config_files(section: Section, shared: Shared) -> tuple[ConfigFile, ...]:
    listed = section.raw("configs", [])
    if not isinstance(listed, list):
        raise section.wrong("configs", "a list of {source: NAME, target: /path}")
    return tuple(_config_file(Section(one, f"{section.where}.configs"), shared) for one in listed)


def _config_file(section: Section, shared: Shared) -> ConfigFile:
    section.only(("source", "target"), "of a config, source and target are supported")
    if section.text("source") not in shared.configs:
        raise section.wrong("source", f"a config of this file ({', '.join(shared.configs)})")
    if not PurePosixPath(section.text("target")).is_absolute():
        raise section.wrong("target", "a path of the container")
    return ConfigFile(section.text("target"), shared.configs[section.text("source")])


def _mount(section: Section, text: str, shared: Shared) -> Mount:
    source, _, rest = text.partition(":")
    target, _, mode = rest.partition(":")
    if not PurePosixPath(target).is_absolute() or mode not in ("", "ro", "rw"):
        raise section.wrong("volumes", "a list of SOURCE:/path or SOURCE:/path:ro")
    if not source.startswith((".", "/")):
        if source not in shared.volumes:
            raise UsageError(
                f"{section.where}.volumes: {text!r}: there is no volume {source!r}",
                f"list {source} under the volumes of the file",
            )
        return Mount(source, target, named=True, read_only=mode == "ro")
    path = (shared.root / source).resolve()
    if not path.exists():
        raise UsageError(f"{section.where}.volumes: {text!r}: {path} does not exist", "correct it")
    return Mount(str(path), target, named=False, read_only=mode == "ro")


def _depends_on(section: Section) -> Mapping[str, Condition]:
    value = section.raw("depends_on", [])
    if isinstance(value, list):
        return dict.fromkeys(section.texts("depends_on"), Condition.STARTED)
    listed = section.section("depends_on")
    return {name: _condition(listed.section(name)) for name in listed}


def _condition(section: Section) -> Condition:
    section.only(("condition",), "of depends_on, only condition is supported")
    try:
        return Condition(section.text("condition"))
    except ValueError:
        raise section.wrong("condition", f"one of {', '.join(Condition)}") from None


def _healthcheck(section: Section) -> HealthCheck | None:
    if "healthcheck" not in section:
        return None
    check = section.section("healthcheck")
    check.only(_HEALTHCHECK_KEYS, f"supported: {', '.join(_HEALTHCHECK_KEYS)}")
    if check.raw("disable") is True or check.raw("test") == ["NONE"]:
        return None
    test = check.raw("test")
    form, *words = ("CMD-SHELL", test) if isinstance(test, str) else check.texts("test") or ("",)
    if form not in ("CMD", "CMD-SHELL") or not words:
        raise check.wrong("test", "a command, [CMD, …] or [CMD-SHELL, …]")
    return HealthCheck(
        test=tuple(words),
        shell=form == "CMD-SHELL",
        interval_s=_duration(check, "interval", 0.0) or _DEFAULT_INTERVAL_S,
        timeout_s=_duration(check, "timeout", 0.0) or _DEFAULT_TIMEOUT_S,
        retries=check.whole("retries", 0, least=0) or _DEFAULT_RETRIES,
        start_period_s=_duration(check, "start_period", 0.0),
        start_interval_s=_duration(check, "start_interval", 0.0) or _DEFAULT_START_INTERVAL_S,
    )


def _duration(section: Section, key: str, default_s: float) -> float:
    if key not in section:
        return default_s
    try:
        return seconds(str(section.raw(key)))
    except ValueError:
        raise section.wrong(key, "a duration such as 500ms, 10s or 1m30s") from None


def _stop_signal(section: Section) -> str | None:
    if "stop_signal" not in section:
        return None
    name = section.text("stop_signal")
    if name not in signal.Signals.__members__:
        raise section.wrong("stop_signal", "a signal such as SIGTERM")
    return name
