"""What can go wrong, worded for the person who reads it, and the exit code that says so.

    HarnessError
    ├── UsageError           64  bad input: a flag, a scenario, a compose file
    ├── NotComparable        50  two campaigns that did not ask the same of the same systems
    ├── InfrastructureError  70  something that should run does not
    │   └── Busy                 the machine is in use
    └── Interrupted         130  the user asked to stop

Only `harness.cli` catches these; it prints ``error:`` and ``hint:`` and exits with `exit_code`.
"""

import errno
from enum import IntEnum
from pathlib import Path


class ExitCode(IntEnum):
    """Exit codes of the command line; 1 and 2 stay with Python and its parsers."""

    OK = 0
    REGRESSION = 10
    CORRECTNESS = 20
    INCONCLUSIVE = 30
    INVALID = 40
    NO_BASELINE = 50
    USAGE = 64
    INFRASTRUCTURE = 70
    INTERRUPTED = 130


class HarnessError(Exception):
    """An error for people: what happened, and what to do about it."""

    exit_code = ExitCode.INFRASTRUCTURE

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(HarnessError):
    """Bad input: the message names the file, key and value."""

    exit_code = ExitCode.USAGE


class NotComparable(HarnessError):
    """Two campaigns cannot be compared: the message has every reason."""

    exit_code = ExitCode.NO_BASELINE


class InfrastructureError(HarnessError):
    """A service, store or file that is needed does not work."""

    exit_code = ExitCode.INFRASTRUCTURE


class Busy(InfrastructureError):
    """Another measurement, or a deployment that was brought up by hand, has the machine."""


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def is_full(error: OSError) -> bool:
    """Return True if nothing can be written because there is no space left for it."""
    return error.errno in _FULL


def unwritable(path: Path, error: OSError) -> HarnessError:
    """Return what to raise if a file or folder cannot be written.

    It is an InfrastructureError if there is no space left, and a UsageError for a path that is
    wrong, or that the user may not write to.
    """
    message = f"cannot write to {path}: {error.strerror or error}"
    if is_full(error):
        return InfrastructureError(message, "free some space there, then give the command again")
    return UsageError(message, "choose another place with --out, or make this one writable")


class Interrupted(HarnessError):
    """The user asked to stop; what was finished is kept."""

    exit_code = ExitCode.INTERRUPTED
