"""A generator process on another machine than the harness: a worker of Locust's distributed mode.

    python -m harness.load.worker_main HOST PORT FOLDER

It connects to the master (master_main), is given a plan and its number in it, generates its share,
hands its log over, and ends. Locust's messages carry the same reports as the pipes of a generator
on the machine of the harness, and more: see `MasterChannel`.

Exit codes: 0 the master has no more use for it; 1 whoever started it is gone, and so is its folder;
2 wrong call; 3 there was no master for five minutes; 4 its load failed, or was broken off.
"""

from gevent import monkey

monkey.patch_all()  # first, as Locust does it: before anything opens a socket

# ruff: noqa: E402
import os
import shutil
import socket
import sys
import time
import traceback
import zlib
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gevent
from gevent.event import AsyncResult
from gevent.lock import Semaphore
from locust import runners
from locust.env import Environment
from locust.runners import WorkerRunner

from harness.host import processors
from harness.load import harness_pipe
from harness.load.account_opening import NoAccount
from harness.load.control_channel import ControlChannel
from harness.load.generator import allow_many_sockets, generate
from harness.load.load_plan import AnyPlan, plan_from_json
from harness.load.load_workers import LOAD_FAILED, MESSAGE, NO_MASTER
from harness.load.request_log import files_of

PART_BYTES = 1 << 20
"""How much of a log is sent in one message, before it is compressed."""
REACH_LIMIT_S = 5.0
MASTER_SILENCE_S = 15
"""How long a worker goes on without a heartbeat of its master."""


class MasterChannel(ControlChannel):
    """The connection to the master.

    It is told ``plan`` (the plan as JSON, and which `process` of it this is), ``begin`` (by our
    clock), ``stop``, ``clock`` (what does yours show?), ``more`` (of the log) and ``leave``. It
    reports ``hello``, ``ready``, ``progress``, ``failed``, ``finished``, ``clock``, ``part`` and
    ``sent``.
    """

    def __init__(self, runner: WorkerRunner) -> None:
        super().__init__()
        self.runner = runner
        self.exit_code = 0
        self._plan: AsyncResult[tuple[AnyPlan, int]] = AsyncResult()
        self._parts_wanted = Semaphore(0)
        runner.register_message(MESSAGE, self._on_message)
        gevent.spawn(self._leave_with_master)
        self.send(
            {
                "event": "hello",
                "host": socket.gethostname(),
                "cores": processors.allowed(),
                "version": version("flashsale-harness"),
            }
        )

    def send(self, message: Mapping[str, Any]) -> None:
        """Report to the master."""
        self.runner.send_message(MESSAGE, dict(message))

    def wait_for_plan(self) -> tuple[AnyPlan, int]:
        """Wait until the master deals a plan out; return it, and which process of it this is."""
        dealt: tuple[AnyPlan, int] = self._plan.get()
        self.exit_code = LOAD_FAILED  # until it is played to its end
        return dealt

    def hand_over(self, folder: Path, process: int) -> None:
        """Send the log, a part whenever the master asks for one."""
        for number, path in enumerate(files_of(folder, process)):
            with path.open("rb") as file:
                while part := file.read(PART_BYTES):
                    self._parts_wanted.acquire()
                    self.send({"event": "part", "file": number, "content": zlib.compress(part)})
        self._parts_wanted.acquire()
        self.exit_code = 0
        self.send({"event": "sent"})

    def _on_message(self, msg: Any, **_: Any) -> None:
        here_ns = time.monotonic_ns()
        told = msg.data
        match told["event"]:
            case "clock":
                self.send({"event": "clock", "asked_ns": told["asked_ns"], "there_ns": here_ns})
            case "plan":
                self._plan.set((plan_from_json(told["plan"]), told["process"]))
            case "begin":
                self.begin(told["t0_ns"])
            case "more":
                self._parts_wanted.release()
            case "stop":
                self.stop(0)
            case "leave":
                os._exit(self.exit_code)

    def _leave_with_master(self) -> None:
        """End this process when Locust says that the master has no more use for it, or is gone."""
        self.runner.greenlet.join()
        os._exit(self.exit_code)


def work(channel: MasterChannel, folder: Path) -> str:
    """Generate a share of the load, and hand its log over; return what went wrong, if anything."""
    plan, process = channel.wait_for_plan()
    why = _unreachable(plan.address)
    if why:
        return f"cannot reach the shop at {plan.address}: {why}"
    failure = generate(plan, process, folder, channel.runner, channel)
    if not failure:
        channel.send({"event": "finished"})
        channel.hand_over(folder, process)
    return failure


def _unreachable(address: str) -> str:
    """Return why nothing can be sent to an address; nothing if it can be."""
    url = urlsplit(address)
    try:
        socket.create_connection((url.hostname or "", url.port or 80), REACH_LIMIT_S).close()
    except OSError as error:
        return str(error)
    return ""


def main(arguments: list[str]) -> int:
    """Serve one load; return the exit code."""
    if len(arguments) != 3 or not arguments[1].isdigit():
        sys.stderr.write("usage: python -m harness.load.worker_main HOST PORT FOLDER\n")
        return 2
    folder = Path(arguments[2])
    harness_pipe.leave_with_parent(
        lambda line: None, lambda: shutil.rmtree(folder, ignore_errors=True)
    )
    allow_many_sockets()
    runners.MASTER_HEARTBEAT_TIMEOUT = MASTER_SILENCE_S
    environment = Environment(catch_exceptions=False)
    try:
        runner = environment.create_worker_runner(arguments[0], int(arguments[1]))
    except ConnectionError:
        return NO_MASTER
    except Exception:
        traceback.print_exc()
        return 1
    channel = MasterChannel(runner)
    try:
        failure = work(channel, folder)
    except NoAccount as error:
        failure = str(error)
    except Exception:
        failure = traceback.format_exc()
    if failure:
        sys.stderr.write(failure + "\n")
        channel.send({"event": "failed", "words": failure})
    runner.greenlet.join()
    return channel.exit_code


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # Locust leaves greenlets behind that would hold up a normal exit
