"""A pre-fork supervisor: one listening socket, N processes sharing it, and none stays dead.

The parent imports everything, freezes the heap (so that the garbage collector does not touch, and
thereby copy, the pages that the children share), binds, and forks. A child that dies is restarted,
after a pause that doubles while it keeps dying. At SIGTERM the socket takes no new connection
(listening.py), and the signal goes on to the children, which serve what has connected, close the
socket, and drain; a second one is not needed, and a child that is paused (SIGSTOP) is woken up to
do so. If the parent itself is killed, the kernel kills the children: half a service that nobody
restarts is worse than none.
"""

import ctypes
import gc
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

from approaches.shop.listening import allow_open_files, bind_socket, refuse_new

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
# A child that lived this long was well: the next pause starts small again.
WELL_AFTER_S = 10.0

_PR_SET_PDEATHSIG = 1

log = logging.getLogger(__name__)

RunChild = Callable[[int, socket.socket], None]


class _Supervisor:
    def __init__(self, children: int, run_child: RunChild, listener: socket.socket) -> None:
        self._run_child = run_child
        self._listener = listener
        self._pid_of: dict[int, int] = {}
        self._born_s: dict[int, float] = {}
        self._pause_s = dict.fromkeys(range(children), FIRST_PAUSE_S)
        self._due_s = dict.fromkeys(range(children), 0.0)
        self._stopping = False

    def run(self) -> None:
        # Wakes the loop when a child dies or a signal arrives, without a race between looking and
        # sleeping.
        signals = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        while not self._stopping or self._pid_of:
            self._start_due()
            arrived = signal.sigtimedwait(signals, self._time_to_next_start_s())
            if arrived is not None and arrived.si_signo in (signal.SIGTERM, signal.SIGINT):
                self._stop()
            self._reap()

    def _start_due(self) -> None:
        if self._stopping:
            return
        now_s = time.monotonic()
        for index, due_s in self._due_s.items():
            if index not in self._pid_of and due_s <= now_s:
                self._start(index)

    def _time_to_next_start_s(self) -> float:
        waiting = [due for index, due in self._due_s.items() if index not in self._pid_of]
        return max(0.0, min(waiting) - time.monotonic()) if waiting else 60.0

    def _start(self, index: int) -> None:
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._be_child(index, parent)
        self._pid_of[index] = pid
        self._born_s[index] = time.monotonic()

    def _be_child(self, index: int, parent: int) -> None:
        code = 1
        try:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, _exit_on_signal)
            signal.pthread_sigmask(
                signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}
            )
            die_with(parent)
            self._run_child(index, self._listener)
            code = 0
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 0
        except BaseException:
            log.exception("child %d failed", index)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            # Not sys.exit: what the parent registered to run at its exit is not the child's
            # business.
            os._exit(code)

    def _stop(self) -> None:
        if not self._stopping:
            self._stopping = True
            refuse_new(self._listener)
            self._listener.close()
        for pid in self._pid_of.values():
            os.kill(pid, signal.SIGTERM)
            os.kill(pid, signal.SIGCONT)

    def _reap(self) -> None:
        for index, pid in list(self._pid_of.items()):
            dead, wait_status = os.waitpid(pid, os.WNOHANG)
            if dead == 0:
                continue
            del self._pid_of[index]
            _forget_metrics(pid)
            if self._stopping:
                continue
            now_s = time.monotonic()
            if now_s - self._born_s[index] >= WELL_AFTER_S:
                self._pause_s[index] = FIRST_PAUSE_S
            pause_s = self._pause_s[index]
            self._due_s[index] = now_s + pause_s
            self._pause_s[index] = min(pause_s * 2, LONGEST_PAUSE_S)
            code = os.waitstatus_to_exitcode(wait_status)
            log.error("child %d ended with %d; restarting in %.1f s", index, code, pause_s)


def serve(children: int, run_child: RunChild, bind: str) -> None:
    """Run `run_child(index, listener)` in `children` processes until SIGTERM; return once drained.

    `run_child` must end by itself after SIGTERM; until it installs its own handler, the signal
    raises SystemExit.
    """
    allow_open_files()
    listener = bind_socket(bind)
    gc.collect()
    gc.freeze()
    try:
        _Supervisor(children, run_child, listener).run()
    finally:
        listener.close()


def _exit_on_signal(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


def die_with(parent: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Have the kernel end this process by a signal when its parent, now `parent`, ends in any way.

    To be called between fork and exec, or in the child that a fork made.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:  # it died before the call
            os._exit(1)
        return
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _forget_metrics(pid: int) -> None:
    # Only if the service counts anything: importing the metrics would switch them on.
    metrics = sys.modules.get("approaches.shop.metrics")
    if metrics is not None:
        metrics.forget_process(pid)
