"""The terminal gets the words and the exit code of the background process until it is ready."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import os, signal, sys
from pathlib import Path
from harness.cli.background import Foreground, split
from harness.errors import InfrastructureError
process = split()
if isinstance(process, Foreground):
    try:
        sys.exit(process.wait_ready())
    except InfrastructureError as error:
        sys.exit(error.message)
print("coming up", flush=True)
{then}
"""


def run(then, *words):
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.format(then=then), *map(str, words)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_when_it_is_ready_the_terminal_is_free_and_a_log_goes_on(tmp_path):
    gate, log = tmp_path / "gate", tmp_path / "log"
    os.mkfifo(gate)
    done = run(
        "process.leave_terminal(Path(sys.argv[1]))\n"
        "print(os.getsid(0) == os.getpid(), sys.stdin.read(), flush=True)\n"
        "Path(sys.argv[2]).write_text('over')",
        log,
        gate,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "coming up\n", "")
    assert gate.read_text() == "over"  # it lived on, and is at its end now
    assert log.read_text() == "True \n"


@pytest.mark.parametrize(
    ("then", "code", "said"),
    [
        ("sys.stderr.write('no room'); sys.exit(70)", 70, "no room"),
        ("os.kill(os.getpid(), signal.SIGKILL)", 1, "ended by SIGKILL"),
    ],
)
def test_what_keeps_it_from_getting_ready_is_told(then, code, said):
    done = run(then)
    assert (done.returncode, done.stdout) == (code, "coming up\n")
    assert said in done.stderr
