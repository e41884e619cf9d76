"""The System V shared memory of a PostgreSQL that was killed.

PostgreSQL holds a few bytes of it as a lock on its data folder, and removes them when it stops. One
that was killed cannot, and the segment outlives even the folder; its id is the second number of
line 7 of ``postmaster.pid`` (src/include/utils/pidfile.h).
"""

import ctypes
from contextlib import suppress
from pathlib import Path

_IPC_RMID = 0
_MEMORY_LINE = 6


def remove_shared_memory(folder: Path) -> None:
    """Remove the segments that the killed PostgreSQL servers below a folder left."""
    for pid_file in folder.rglob("postmaster.pid"):
        with suppress(OSError, IndexError, ValueError):
            words = pid_file.read_text(encoding="utf-8").splitlines()[_MEMORY_LINE].split()
            ctypes.CDLL(None).shmctl(int(words[1]), _IPC_RMID, None)
