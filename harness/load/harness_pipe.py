"""The pipes between the harness and a process of the load that it has started.

The process reports on standard output, a JSON object a line, and is told on standard input: when
the load begins (``{"t0_ns": …}`` of CLOCK_MONOTONIC, which all processes of one machine share).
When that closes, the harness is gone, and the process ends.
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any

import gevent
import gevent.os

_STDIN = 0


def report(message: Mapping[str, Any]) -> None:
    """Report to the harness."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def listen(on_word: Callable[[dict[str, Any]], None], on_stop: Callable[[int], None]) -> None:
    """Listen from now on, in a greenlet: `on_word` takes what the harness says.

    SIGTERM and SIGINT are orders to stop; `on_stop` takes the exit code of a process that such a
    signal has ended.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, on_stop, 128 + number)
    leave_with_parent(lambda line: on_word(json.loads(line)))


def leave_with_parent(
    on_line: Callable[[bytes], None], before: Callable[[], None] = lambda: None
) -> None:
    """Read standard input in a greenlet; when it closes, do what is due `before` and end."""
    gevent.os.make_nonblocking(_STDIN)
    gevent.spawn(_read, on_line, before)


def _read(on_line: Callable[[bytes], None], before: Callable[[], None]) -> None:
    received = b""
    while chunk := gevent.os.nb_read(_STDIN, 4096):
        *lines, received = (received + chunk).split(b"\n")
        for line in lines:
            on_line(line)
    before()
    os._exit(1)  # nobody is left who would read the log
