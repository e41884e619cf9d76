"""The folder of a deployment, and what is left when its harness was killed.

    <tempdir>/flashsale-<uid>/<uid>-<pid>-<start>-<random>/
        owner.json      the harness that made it, and the processes it started
        logs/  volumes/  <service>-<replica>/

The name has the process id and start time of the owner, so a folder has an owner as soon as it is
made; a folder or a process whose owner is gone was left by a harness that was killed.
"""

import json
import os
import re
import secrets
import shutil
import signal
import stat
import tempfile
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.errors import InfrastructureError
from harness.runtimes.ipc import remove_shared_memory
from harness.runtimes.processes import is_running, kill_hard, members, read_stat, send, wait_gone

_IDENTITY = re.compile(r"(?P<uid>\d+)-(?P<pid>\d+)-(?P<start_ticks>\d+)-[0-9a-f]+")
_OWNER = "owner.json"
_STOP_LIMIT_S = 1.5
_ATTEMPTS = 10


def default_state_root() -> Path:
    """Return the folder that holds this user's deployments."""
    return Path(tempfile.gettempdir()) / f"flashsale-{os.getuid()}"


def open_state_root(root: Path) -> Path:
    """Make the folder of this user's deployments, or check that it is this user's.

    Others may pass through it (PostgreSQL runs as nobody if the harness is root), not read it.
    """
    with suppress(FileExistsError):
        root.mkdir(mode=0o711, parents=True)
        root.chmod(0o711)
    facts = root.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid():
        raise InfrastructureError(
            f"{root} is not a folder of this user", "remove it, or set TMPDIR to another folder"
        )
    return root


@dataclass(frozen=True, slots=True)
class Started:
    """A process that a deployment started, and the signal that asks it to stop."""

    name: str
    pid: int
    start_ticks: int
    stop_signal: str


class StateFolder:
    """The folder of one deployment."""

    def __init__(self, root: Path, approach: str) -> None:
        me = read_stat(os.getpid())
        self._start_ticks = me.start_ticks if me else 0
        self._approach = approach
        self._started: dict[str, Started] = {}
        self._lock = threading.Lock()
        self._root = root
        self.identity, self.path = self._make()
        self.logs = self.path / "logs"
        self.logs.mkdir()
        self._record()

    def _make(self) -> tuple[str, Path]:
        """Make the folder; another harness may be removing the empty root at the same time."""
        for attempt in range(_ATTEMPTS):
            random = secrets.token_hex(4)
            identity = f"{os.getuid()}-{os.getpid()}-{self._start_ticks}-{random}"
            path = self._root / identity
            try:
                open_state_root(self._root)
                path.mkdir(mode=0o711)
            except FileNotFoundError:
                if attempt == _ATTEMPTS - 1:
                    raise
                continue
            path.chmod(0o711)
            return identity, path
        raise AssertionError("unreachable")

    def folder(self, *parts: str) -> Path:
        """Return a folder below this one, made if need be."""
        path = self.path.joinpath(*parts)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def started(self, process: Started) -> None:
        """Record a process, in place of an earlier one of its name."""
        with self._lock:
            self._started[process.name] = process
            self._record()

    def _record(self) -> None:
        owner = {
            "pid": os.getpid(),
            "create_time": self._start_ticks,
            "approach": self._approach,
            "processes": [asdict(one) for one in self._started.values()],
        }
        fresh = self.path / f"{_OWNER}.new"
        fresh.write_text(json.dumps(owner), encoding="utf-8")
        fresh.replace(self.path / _OWNER)

    def remove(self) -> list[int]:
        """End every process of the deployment, remove the folder; return who could not be ended."""
        return _remove(self._root, self.identity)


@dataclass(frozen=True, slots=True)
class Leftover:
    """A deployment whose harness is gone."""

    identity: str
    folder: Path
    pids: tuple[int, ...]


def leftovers(state_root: Path | None = None) -> list[Leftover]:
    """Return what killed harnesses of this user left: folders, processes, or both."""
    root = state_root or default_state_root()
    running = members(root)
    folders = {path.name for path in root.iterdir()} if root.is_dir() else set()
    return [
        Leftover(identity, root / identity, tuple(running.get(identity, ())))
        for identity in sorted(folders | set(running))
        if is_orphaned(identity)
    ]


def clean(state_root: Path | None = None) -> list[str]:
    """Remove what killed harnesses of this user left, and return it in words."""
    root = state_root or default_state_root()
    removed = []
    for one in leftovers(root):
        _ask_to_stop(one)
        remaining = _remove(root, one.identity)
        if remaining:
            raise InfrastructureError(
                f"cannot end the processes {remaining} of the killed deployment {one.identity}",
                "end them by hand; they may wait for a disk",
            )
        removed.append(f"{one.folder}: {len(one.pids)} processes ended, folder removed")
    return removed


def is_orphaned(identity: str) -> bool:
    """Return True if an identity is that of a harness of this user that no longer runs."""
    match = _IDENTITY.fullmatch(identity)
    if match is None or int(match["uid"]) != os.getuid():
        return False
    return not is_running(int(match["pid"]), int(match["start_ticks"]))


def _ask_to_stop(leftover: Leftover) -> None:
    """Let servers stop by themselves first: they know best what else is theirs to remove."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        owner = json.loads((leftover.folder / _OWNER).read_text(encoding="utf-8"))
        for process in owner["processes"]:
            if is_running(process["pid"], process["start_ticks"]):
                send([process["pid"]], signal.Signals[process["stop_signal"]])
    wait_gone(leftover.pids, _STOP_LIMIT_S)


def _remove(root: Path, identity: str) -> list[int]:
    """End the processes until none is left (one may be forking), then remove the folder."""
    remaining: list[int] = []
    for _ in range(_ATTEMPTS):
        # a second look: whoever is forked by one that ends while the table is read is in neither
        pids = members(root).get(identity) or members(root).get(identity)
        if not pids:
            break
        remaining = kill_hard(pids)
    remove_shared_memory(root / identity)
    shutil.rmtree(root / identity, ignore_errors=True)
    with suppress(OSError):
        root.rmdir()
    return remaining
