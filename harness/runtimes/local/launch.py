"""How to start one replica, and what a container would have given it.

A service with `build:` runs its command under this Python, or one that is given for its project,
with the project's modules, in an empty folder; a service with the image of a server runs that
server, from a wheel. Either finds its files where its mounts put them, and what it writes lies
below the folder of the deployment.
"""

import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from harness.errors import InfrastructureError, UsageError
from harness.project import brought_along
from harness.runtimes.local.addresses import AddressBook
from harness.runtimes.processes import MARKER
from harness.runtimes.state import StateFolder
from harness.topology import Service, Topology

Probe = Callable[[float], bool]
"""Asks a replica whether it is ready; the number is the longest wait, in s."""

PROBE_LIMIT_S = 2.0

_WRITABLE = ("/tmp", "/var", "/run", "/data", "/srv")  # noqa: S108 - of a container, not of ours
_PYTHON = ("python", "python3")
_UNPRIVILEGED = "nobody"


@dataclass(frozen=True, slots=True)
class Account:
    """The user that a server runs as."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Launch:
    """A replica's command; `prepare` comes before it, `initialise` as soon as it listens.

    `data` is the folder of what a store must not lose; `prepare` makes it if it is not there.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    cwd: Path
    stop_signal: signal.Signals
    account: Account | None = None
    data: Path | None = None
    prepare: Callable[[], None] = field(default=lambda: None)
    listens: Probe | None = None
    initialise: Callable[[], None] = field(default=lambda: None)


@dataclass(frozen=True, slots=True)
class Site:
    """What is shared by all replicas of a deployment."""

    topology: Topology
    state: StateFolder
    addresses: AddressBook
    python: Path = Path(sys.executable)

    def folder(self, service: Service, number: int, *parts: str) -> Path:
        """Return a folder of a replica's own, made if need be."""
        return self.state.folder(f"{service.name}-{number}", *parts)

    def log(self, service: Service, number: int) -> Path:
        """Return the file that takes what a replica prints."""
        return self.state.logs / f"{service.name}-{number}.log"

    def path(self, service: Service, number: int, inside: str) -> Path:
        """Return where a path of the container lies: in a mount, or in a folder of its own."""
        path = PurePosixPath(inside)
        for mount in sorted(service.mounts, key=lambda one: len(one.target), reverse=True):
            if path.is_relative_to(mount.target):
                source = self.state.folder("volumes", mount.source) if mount.named else mount.source
                return Path(source) / path.relative_to(mount.target)
        return self.folder(service, number, "root") / path.relative_to("/")

    def translate(self, service: Service, number: int, text: str) -> str:
        """Return a word of a replica's command or environment as it is here."""
        text = self.addresses.translate(text, service.name, number)
        mounts = (mount.target for mount in service.mounts)
        roots = (*_WRITABLE, *mounts, *(config.target for config in service.configs))
        if not text.startswith("/") or not any(
            PurePosixPath(text).is_relative_to(root) for root in roots
        ):
            return text
        path = self.path(service, number, text)
        path.parent.mkdir(parents=True, exist_ok=True)
        return str(path)

    def write_configs(self, service: Service, number: int) -> None:
        """Write the config files of a replica where it finds them, for its user alone."""
        for config in service.configs:
            path = self.path(service, number, config.target)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(0o600)
            content = self.addresses.translate(config.content, service.name, number)
            path.write_text(content, encoding="utf-8")

    def with_python(self, words: list[str]) -> list[str]:
        """Return a command with the deployment's Python in place of the image's."""
        return [str(self.python), *words[1:]] if words[0] in _PYTHON else words

    def environment(self, service: Service, number: int) -> dict[str, str]:
        """Return a replica's environment: the compose file's, and what an image would set."""
        settings = self.addresses.with_ports(service.environment, service.name, number)
        stated = {key: self.translate(service, number, text) for key, text in settings.items()}
        return {
            "PATH": f"{self.python.parent}:{os.environ.get('PATH', os.defpath)}",
            "HOME": str(self.folder(service, number, "home")),
            "TMPDIR": str(self.folder(service, number, "tmp")),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": os.pathsep.join(map(str, self._python_path())),
            **stated,
            "PROMETHEUS_MULTIPROC_DIR": str(self.folder(service, number, "metrics")),
            MARKER: self.state.identity,
        }

    def _python_path(self) -> tuple[Path, ...]:
        """Return where modules are: in the project, and the gateway's, if it has none, in ours."""
        root = self.topology.root
        return (root,) if (root / "approaches/gateway").is_dir() else (root, brought_along())


def python_service(site: Site, service: Service, number: int) -> Launch:
    """Return how to run a replica of a service that is built from this project."""
    if not service.command:
        raise UsageError(
            f"{site.topology.path.name}: services.{service.name} has `build:` but no `command:`",
            "state its command in the compose file",
        )
    words = [site.translate(service, number, word) for word in service.command]
    return Launch(
        argv=tuple(site.with_python(words)),
        environment=_loader_path() | site.environment(service, number),
        cwd=site.folder(service, number, "work"),
        stop_signal=stop_signal(service, signal.SIGTERM),
    )


def _loader_path() -> dict[str, str]:
    """Return where the dynamic loader looks first: some Pythons find their library only so."""
    names = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
    return {name: os.environ[name] for name in names if name in os.environ}


def stop_signal(service: Service, image_default: signal.Signals) -> signal.Signals:
    """Return the signal that asks a service to stop: the stated one, or that of its image."""
    return signal.Signals[service.stop_signal] if service.stop_signal else image_default


def unprivileged_account() -> Account | None:
    """Return the account for servers that refuse to run as root; None if this is not root."""
    if os.getuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(_UNPRIVILEGED)
    except KeyError:
        raise InfrastructureError(
            f"PostgreSQL does not run as root, and there is no user {_UNPRIVILEGED!r}",
            "run the harness as an ordinary user",
        ) from None
    return Account(_UNPRIVILEGED, entry.pw_uid, entry.pw_gid)


def succeeds_as(account: Account, *words: str) -> bool:
    """Return True if a command ends well under an account."""
    try:
        answer = subprocess.run(
            words,
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            check=False,
        )
    except OSError:
        return False
    return answer.returncode == 0


def popen(
    argv: tuple[str, ...],
    environment: Mapping[str, str],
    cwd: Path,
    log: Path,
    account: Account | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, with all it prints appended to a log."""
    with open(log, "ab") as output:
        try:
            return subprocess.Popen(
                argv,
                env=environment,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )
        except OSError as error:
            raise InfrastructureError(
                f"cannot start {argv[0]}: {error}", "`harness doctor` checks the machine"
            ) from error


def run_to_end(
    argv: tuple[str, ...],
    environment: Mapping[str, str],
    cwd: Path,
    log: Path,
    account: Account | None = None,
    limit_s: float = 60.0,
) -> None:
    """Run a process that prepares a server (InfrastructureError: it failed; its last lines)."""
    process = popen(argv, environment, cwd, log, account)
    try:
        code = process.wait(limit_s)
    except subprocess.TimeoutExpired:
        process.kill()
        code = process.wait()
    if code != 0:
        raise InfrastructureError(
            f"{Path(argv[0]).name} failed with {ending(code)}:\n{tail(log)}",
            "see its last lines above",
        )


def ending(code: int) -> str:
    """Return an exit code in words."""
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


def tail(log: Path, lines: int = 20) -> str:
    """Return the last lines of a log, indented."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "  (no log)"
    return "\n".join(f"  {line}" for line in text.splitlines()[-lines:]) or "  (it printed nothing)"
