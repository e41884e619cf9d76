"""One measurement at a time: two on one machine would measure each other.

What is kept up by hand shares the lock with its like, and with no measurement. The lock is flock(2)
on an open file: the kernel releases it when its holder ends, even by SIGKILL.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from harness.errors import InfrastructureError
from harness.runtimes.kept import kept, words
from harness.runtimes.state import default_state_root, open_state_root

_FILE = "measuring.lock"


@contextmanager
def measuring(what: str, state_root: Path | None = None) -> Iterator[None]:
    """Hold this user's measurement lock; `what` is told to whoever finds it taken.

    Raises InfrastructureError, with the holder's process id, if another harness holds it, and if
    anything is kept up by hand.
    """
    root = state_root or default_state_root()
    with _locked(root / _FILE, fcntl.LOCK_EX) as file:
        json.dump({"pid": os.getpid(), "what": what}, file)
        file.flush()
        yield


@contextmanager
def beside_no_measurement(state_root: Path | None = None) -> Iterator[None]:
    """Let nobody measure meanwhile (InfrastructureError: somebody does)."""
    root = state_root or default_state_root()
    with _locked(root / _FILE, fcntl.LOCK_SH):
        yield


def remove_abandoned_lock(state_root: Path | None = None) -> None:
    """Remove the file of a lock whose holder was killed; a living one keeps it."""
    with suppress(InfrastructureError), measuring("cleaning up", state_root):
        pass


@contextmanager
def _locked(path: Path, mode: int) -> Iterator[TextIO]:
    """Open and lock the file that is at `path` now: its last holder removes it."""
    file = _opened(path, mode)
    while file is None:
        file = _opened(path, mode)
    with file:
        file.truncate(0)
        try:
            yield file
        finally:
            with suppress(BlockingIOError):  # others share it
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink(missing_ok=True)
            with suppress(OSError):  # something is in it
                path.parent.rmdir()


def _opened(path: Path, mode: int) -> TextIO | None:
    """Open and lock the file; None if its last holder removed it, or its folder, meanwhile."""
    try:
        open_state_root(path.parent)
        file = open(path, "a+", encoding="utf-8")  # noqa: SIM115 - the caller closes it
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, mode | fcntl.LOCK_NB)
        if _is_at(file, path):
            return file
    except BlockingIOError:
        with file:
            raise _taken(file) from None
    file.close()
    return None


def _is_at(file: TextIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _taken(file: TextIO) -> InfrastructureError:
    by_hand = kept(Path(file.name).parent)
    if by_hand:
        return InfrastructureError(
            f"this machine keeps up what was brought up by hand: {words(by_hand)}",
            f"take it down: harness down {by_hand[0].approach}; what shares a machine with a "
            "measurement is measured with it",
        )
    file.seek(0)
    try:
        holder = json.loads(file.read())
        who = f"pid {holder['pid']}: {holder['what']}"
    except (ValueError, KeyError):
        who = "it has just begun"
    return InfrastructureError(
        f"another harness is measuring on this machine ({who})",
        "wait for it or stop it: measurements that share a machine measure each other",
    )
