"""Reads the process table, finds who belongs to a deployment, and ends processes.

Everything is read from /proc directly: it is read every second under load, with some fifty
processes, so it must cost milliseconds. Fields: proc_pid_stat(5).
"""

import os
import re
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

MARKER = "FLASHSALE_DEPLOYMENT"
"""Environment variable that every process of a deployment inherits; its value is the id."""

CLOCK_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_MARKED = re.compile(rb"(?:^|\0)" + MARKER.encode() + rb"=([^\0]+)")
_SHARED_MEMORY = re.compile(r"/dev/shm/PostgreSQL\.\d+")  # noqa: S108 - a name, not a file of ours
_POLL_S = 0.01
_READ_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Stat:
    """One process as the kernel sees it; CPU in clock ticks, start in ticks since boot."""

    pid: int
    ppid: int
    session: int
    state: str
    cpu_ticks: int
    reaped_ticks: int
    start_ticks: int
    rss_pages: int


def read_stat(pid: int) -> Stat | None:
    """Return the process, or None if there is no such process."""
    try:
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    except OSError:
        return None
    try:
        text = os.read(descriptor, _READ_BYTES)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    fields = text[text.rfind(b")") + 2 :].split()
    return Stat(
        pid=pid,
        ppid=int(fields[1]),
        session=int(fields[3]),
        state=fields[0].decode(),
        cpu_ticks=int(fields[11]) + int(fields[12]),
        reaped_ticks=int(fields[13]) + int(fields[14]),
        start_ticks=int(fields[19]),
        rss_pages=int(fields[21]),
    )


def is_running(pid: int, start_ticks: int) -> bool:
    """Return True if the process that started then runs; a later one of its id does not count."""
    stat = read_stat(pid)
    return stat is not None and stat.start_ticks == start_ticks and stat.state != "Z"


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdecimal()]


class ProcessTable:
    """A snapshot of all processes.

    It is read in the order of ids, so a parent is mostly read before its children: a child that is
    reaped meanwhile is then missed for one snapshot, and not counted twice.
    """

    def __init__(self) -> None:
        self._stats: dict[int, Stat] = {}
        self._children: dict[int, list[int]] = {}
        self._sessions: dict[int, list[int]] = {}
        for pid in _pids():
            stat = read_stat(pid)
            if stat is not None and stat.state != "Z":
                self._stats[pid] = stat
                self._children.setdefault(stat.ppid, []).append(pid)
                self._sessions.setdefault(stat.session, []).append(pid)

    def all(self) -> list[Stat]:
        """Return every process that runs."""
        return list(self._stats.values())

    def family(self, leader: int) -> list[Stat]:
        """Return a session's leader with its descendants and orphans.

        Descendants alone would miss orphans, the session alone PostgreSQL's backends, each of which
        is the leader of a session of its own.
        """
        found: dict[int, Stat] = {}
        waiting = [leader, *self._sessions.get(leader, ())]
        while waiting:
            pid = waiting.pop()
            stat = self._stats.get(pid)
            if stat is not None and pid not in found:
                found[pid] = stat
                waiting.extend(self._children.get(pid, ()))
        return list(found.values())


def members(state_root: Path) -> dict[str, list[int]]:
    """Return the processes of each deployment, by its id.

    A process belongs to a deployment if its environment says so, and names the deployment's folder
    below `state_root`. PostgreSQL and nginx overwrite their environment with the title that ps
    shows; they belong to a deployment if they work in its folder. A shell in which somebody reads
    the logs has its environment, and is left alone.
    """
    found: dict[str, list[int]] = {}
    for pid in _pids():
        identity = _deployment_of(pid, f"{state_root}/")
        if identity and pid != os.getpid():
            found.setdefault(identity, []).append(pid)
    return found


def _deployment_of(pid: int, prefix: str) -> str | None:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return None
    match = _MARKED.search(environment)
    if match:
        named = prefix.encode() + match[1] in environment
        return match[1].decode(errors="replace") if named else None
    return None if b"PATH=" in environment else _working_below(pid, prefix)


def _working_below(pid: int, prefix: str) -> str | None:
    try:
        folder = os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return None
    return folder.removeprefix(prefix).split("/")[0] if folder.startswith(prefix) else None


def send(pids: Iterable[int], sig: signal.Signals) -> None:
    """Send a signal to processes; those that are gone do not matter."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, sig)


def kill_hard(pids: list[int], limit_s: float = 5.0) -> list[int]:
    """End processes at once, wait until they are gone, and return those that are not.

    The shared memory that PostgreSQL would have removed itself is removed for it.
    """
    segments = {segment for pid in pids for segment in _shared_memory(pid)}
    send(pids, signal.SIGKILL)
    remaining = wait_gone(pids, limit_s)
    for segment in segments:
        with suppress(OSError):
            os.unlink(segment)
    return remaining


def wait_gone(pids: Iterable[int], limit_s: float) -> list[int]:
    """Wait until processes have ended (reaped or not), and return those that have not."""
    deadline_s = time.monotonic() + limit_s
    remaining = list(pids)
    while True:
        remaining = [pid for pid in remaining if _is_there(pid)]
        if not remaining or time.monotonic() >= deadline_s:
            return remaining
        time.sleep(_POLL_S)


def _is_there(pid: int) -> bool:
    stat = read_stat(pid)
    return stat is not None and stat.state not in "ZX"


def _shared_memory(pid: int) -> set[str]:
    try:
        return set(_SHARED_MEMORY.findall(Path(f"/proc/{pid}/maps").read_text(errors="replace")))
    except OSError:
        return set()


@contextmanager
def interrupts_deferred() -> Iterator[None]:
    """Let Ctrl-C and its like take effect after the block: a clean-up must not stop half-way."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    previous = {
        number: signal.signal(number, lambda number, _: came.append(number))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for stopping, handler in previous.items():
            signal.signal(stopping, handler)
        for stopping in previous:
            if stopping in came:
                signal.raise_signal(stopping)
