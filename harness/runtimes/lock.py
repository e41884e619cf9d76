"""One measurement at a time: two on one machine would measure each other.

Deployments that were brought up by hand share the lock with each other, and with no measurement.
The lock is flock(2) on an open file: the kernel releases it when its holder ends, even by SIGKILL.
The file is the same for every user and every TMPDIR.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from harness.errors import Busy, InfrastructureError
from harness.runtimes.running_deployments import describe_running, list_running
from harness.runtimes.state import default_state_root, open_state_root

_FILE = "measuring.lock"
_OF_THE_MACHINE = "/tmp/flashsale-measuring.lock"  # noqa: S108 - where every user may write
_NAMES_ANOTHER = "FLASHSALE_LOCK"
"""A variable that names the file: for containers of one machine, or tests that measure nothing."""


@contextmanager
def measuring(what: str, state_root: Path | None = None) -> Iterator[None]:
    """Hold the machine's measurement lock; who finds it taken sees `what` in the error.

    A `state_root` of its own has a lock of its own.

    Raises Busy, with the holder's process id, if another harness holds it, and if a deployment that
    was brought up by hand runs.
    """
    with _locked(state_root, fcntl.LOCK_EX, what):
        yield


@contextmanager
def beside_no_measurement(state_root: Path | None = None) -> Iterator[None]:
    """Let nobody measure meanwhile (Busy: somebody does)."""
    with _locked(state_root, fcntl.LOCK_SH, "what was brought up by hand"):
        yield


def remove_abandoned_lock(state_root: Path | None = None) -> None:
    """Remove the file of a lock whose holder was killed; a living one keeps it."""
    with suppress(InfrastructureError), measuring("cleaning up", state_root):
        pass


@contextmanager
def _locked(state_root: Path | None, mode: int, what: str) -> Iterator[None]:
    """Open and lock the file that is at its path now: its last holder removes it."""
    path = state_root / _FILE if state_root else _file_of_the_machine()
    try:
        while (file := _opened(path, state_root, mode)) is None:
            pass
    except BlockingIOError:
        raise _taken(path, state_root or default_state_root()) from None
    except OSError as error:
        raise InfrastructureError(
            f"cannot lock {path}: {error.strerror}", "remove it, if no harness is running"
        ) from error
    with file:
        file.truncate(0)
        json.dump({"pid": os.getpid(), "what": what}, file)
        file.flush()
        try:
            yield
        finally:
            with suppress(BlockingIOError, PermissionError):  # others share it, or made it
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink(missing_ok=True)
            if state_root:
                with suppress(OSError):  # something is in it
                    state_root.rmdir()


def _file_of_the_machine() -> Path:
    return Path(os.environ.get(_NAMES_ANOTHER) or _OF_THE_MACHINE)


def _opened(path: Path, state_root: Path | None, mode: int) -> TextIO | None:
    """Open and lock the file; None if its last holder removed it, or its folder, meanwhile.

    Raises BlockingIOError if it is taken. No link is followed: everybody may write in the folder.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW
    try:
        descriptor: int | None = os.open(path, flags)
    except FileNotFoundError:
        descriptor = _made(path, state_root, flags)
    if descriptor is None:
        return None
    file = open(descriptor, "a+", encoding="utf-8")  # noqa: SIM115 - the caller closes it
    try:
        fcntl.flock(file, mode | fcntl.LOCK_NB)
        if _is_at(file, path):
            return file
    except BlockingIOError:
        file.close()
        raise
    file.close()
    return None


def _made(path: Path, state_root: Path | None, flags: int) -> int | None:
    """Make the file, for every user to lock; None if others make it, or remove its folder."""
    try:
        if state_root:
            open_state_root(state_root)
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666)
    except FileExistsError:
        return None
    except FileNotFoundError:
        if state_root:
            return None
        raise
    os.fchmod(descriptor, 0o666)
    return descriptor


def _is_at(file: TextIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _taken(path: Path, state_root: Path) -> Busy:
    by_hand = list_running(state_root)
    if by_hand:
        return Busy(
            f"a deployment is up that was brought up by hand: {describe_running(by_hand)}",
            f"take it down first: harness down {by_hand[0].approach}; it would distort the results",
        )
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        who = f"pid {holder['pid']}: {holder['what']}"
    except (OSError, ValueError, KeyError, TypeError):
        who = "it has just begun"
    return Busy(
        f"another harness is measuring on this machine ({who})",
        "wait for it or stop it: measurements that share a machine measure each other",
    )
