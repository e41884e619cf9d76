"""Asks a child process whether it has ended, safely where a Ctrl-C may come at any moment.

`Popen.poll`, and `Popen.wait` with a limit, take a lock by a call; a KeyboardInterrupt right after
that call leaves it taken for good, and whoever waits for the process then waits for ever. Here no
lock is taken, and the process stays to be collected by `Popen.wait`.
"""

import math
import os
import select
import subprocess


def exit_code(process: "subprocess.Popen[bytes]") -> int | None:
    """Return the exit code (less than 0: the signal that ended it), or None while it runs."""
    if process.returncode is not None:
        return process.returncode
    try:
        ended = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:  # another thread is collecting it
        return process.returncode
    if ended is None:
        return None
    return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status


def wait(process: "subprocess.Popen[bytes]", limit_s: float) -> int | None:
    """Wait until a process has ended; return its exit code, or None if it runs after the limit."""
    code = exit_code(process)
    if code is not None or limit_s <= 0:
        return code
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:  # another thread has collected it
        return process.wait()
    try:
        ended = select.poll()
        ended.register(descriptor, select.POLLIN)
        ended.poll(None if math.isinf(limit_s) else limit_s * 1_000)
    finally:
        os.close(descriptor)
    return exit_code(process)
