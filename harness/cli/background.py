"""Goes on in the background, and lets the terminal go once all is ready.

The background process writes to the terminal until then, so whatever goes wrong while it comes up
is printed where the command was given, with its own exit code.
"""

import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.errors import InfrastructureError

_READY = b"."


@dataclass(frozen=True, slots=True)
class Background:
    """The background process, as it sees itself."""

    _channel: int

    def leave_terminal(self, log: Path) -> None:
        """Write to `log` from here on, and let the command in the terminal return."""
        sys.stdout.flush()
        sys.stderr.flush()
        written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for stream in (1, 2):
            os.dup2(written, stream)
        os.close(written)
        os.write(self._channel, _READY)
        os.close(self._channel)


@dataclass(frozen=True, slots=True)
class Foreground:
    """The command in the terminal, which waits for the background process."""

    _pid: int
    _channel: int

    def wait_ready(self) -> int:
        """Wait until the background process is ready, or has ended: then with its exit code.

        A Ctrl-C here ends it. Raises InfrastructureError if a signal has ended it.
        """
        try:
            said = os.read(self._channel, len(_READY))
        except KeyboardInterrupt:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGTERM)
            os.waitpid(self._pid, 0)
            raise
        if said == _READY:
            return 0
        _, status = os.waitpid(self._pid, 0)
        code = os.waitstatus_to_exitcode(status)
        if code < 0:
            raise InfrastructureError(
                f"the process in the background was ended by {signal.Signals(-code).name}",
                "remove what it left: harness clean",
            )
        return code


def split() -> Background | Foreground:
    """Go on as two processes; the one in the background belongs to no terminal."""
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return Foreground(pid, reading)
    os.close(reading)
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return Background(writing)
