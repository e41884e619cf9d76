"""Runs the public command to its end; a test that is interrupted lets it clean up first."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

HARNESS = Path(sys.executable).parent / "harness"
CLEAN_UP_LIMIT_S = 120


def run_to_its_end(
    words: list[str | Path], limit_s: float, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a command, its standard output in a pipe.

    Not `subprocess.run`: after Ctrl-C, or when the time is over, that kills at once, and a harness
    that is killed leaves what it had deployed.
    """
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, **options) as process:
        try:
            output, errors = process.communicate(timeout=limit_s)
        except BaseException:
            process.send_signal(signal.SIGTERM)
            try:
                process.communicate(timeout=CLEAN_UP_LIMIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
            raise
    return subprocess.CompletedProcess(words, process.returncode, output, errors)
