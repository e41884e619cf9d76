"""Commands by which the owner of what is measured lets it be hit, mended, emptied.

A command has a session of its own, so a Ctrl-C that is for the harness does not end it half-way.
It is over when it ends itself: what it leaves in the background keeps nobody waiting. Its output
goes to a file for that reason; a pipe stays open for as long as anybody has it.
"""

import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO

from harness.errors import InfrastructureError
from harness.host import child_processes

LIMIT_S = 60.0
"""How long a command may take."""
_LAST_BYTES = 4096


def run_owner_command(
    what: str,
    words: Sequence[str],
    environment: Mapping[str, str] | None = None,
    limit_s: float = LIMIT_S,
) -> None:
    """Run a command to its end; `what` is what errors call it.

    Raises InfrastructureError, with its last words, if it fails or takes longer than the limit.
    Then, and when this thread is interrupted, nothing of its session goes on.
    """
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise InfrastructureError(f"{what} cannot be run: {error}", "correct it") from error
        try:
            code = child_processes.wait(process, limit_s)
        except BaseException:
            _end(process)
            raise
        if code is None:
            _end(process)
            raise InfrastructureError(
                f"{what} did not end within {limit_s:g} s: {_last_words(output)}",
                "try the command by hand",
            )
        process.wait()
        if code != 0:
            raise InfrastructureError(
                f"{what} ended with exit code {code}: {_last_words(output)}",
                "try the command by hand",
            )


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill the session of a command; its number is its own until the command is collected."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last_words(output: IO[bytes]) -> str:
    """Return the last line, without moving the place at which others still write."""
    size = os.fstat(output.fileno()).st_size
    said = os.pread(output.fileno(), _LAST_BYTES, max(0, size - _LAST_BYTES))
    return (said.decode(errors="replace").strip() or "it said nothing").splitlines()[-1]
