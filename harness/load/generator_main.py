"""One generator process: Locust as a library, driven by stages, bursts or arrivals.

    python -m harness.load.generator_main PLAN.json NUMBER

It says ``{"event": "ready"}`` on standard output, reads the start of the load from standard input
(``{"t0_ns": …}`` of CLOCK_MONOTONIC, so that all processes of one host start together), and then
reports its progress once a second. When standard input closes, the harness is gone, and the
generator ends. SIGTERM or SIGINT: no more arrivals, requests in flight finish, exit 0; a second
one: exit at once.

Exit codes: 0 done, 1 a buyer broke (see standard error), 2 wrong call.
"""

from gevent import monkey

monkey.patch_all()  # first, as Locust does it: before anything opens a socket

# ruff: noqa: E402
import gc
import importlib
import json
import os
import resource
import signal
import sys
import time
from functools import partial
from pathlib import Path

import gevent
import gevent.os
from gevent.event import AsyncResult
from locust.env import Environment
from locust.runners import LocalRunner

from harness.load.account_opening import NoAccount, open_accounts
from harness.load.arrival_driver import ArrivalDriver
from harness.load.burst_driver import BurstDriver
from harness.load.burst_user import BurstUser
from harness.load.buyer import Buyer
from harness.load.load_driver import LoadDriver
from harness.load.load_plan import AnyPlan, ContentionPlan, OpenPlan, plan_from_json
from harness.load.one_shot_user import OneShotUser, one_shot_user_class
from harness.load.request_count import RequestCount
from harness.load.request_log import RequestLog
from harness.load.stage_driver import StageDriver
from harness.load.start_barrier import StartBarrier
from harness.load.user_pool import UserPool
from harness.load.user_registry import UserRegistry

STDIN = 0


class ControlChannel:
    """The connection to the harness: the start of the load, and the orders to stop."""

    def __init__(self, users: UserRegistry) -> None:
        self._users = users
        self._start: AsyncResult[int | None] = AsyncResult()
        for number in (signal.SIGTERM, signal.SIGINT):
            gevent.signal_handler(number, self._on_signal, number)
        gevent.os.make_nonblocking(STDIN)
        gevent.spawn(self._listen)

    def wait_for_start(self) -> bool:
        """Wait for the start of the load; return False if the order to stop came first."""
        t0_ns = self._start.get()
        if t0_ns is None:
            return False
        self._users.t0_ns = t0_ns
        gevent.sleep(max(0.0, (t0_ns - time.monotonic_ns()) / 1e9))
        return True

    def _listen(self) -> None:
        received = b""
        while chunk := gevent.os.nb_read(STDIN, 4096):
            received += chunk
            line, newline, _ = received.partition(b"\n")
            if newline and not self._start.ready():
                self._start.set(int(json.loads(line)["t0_ns"]))
        os._exit(1)  # nobody is left who would read the log

    def _on_signal(self, number: int) -> None:
        if self._users.stopping:
            os._exit(128 + number)
        self._users.stopping = True
        if not self._start.ready():
            self._start.set(None)


def buyer_class(name: str) -> type[Buyer]:
    """Return the buyer of `scenarios/buyers/<name>.py`: its one subclass of Buyer."""
    module = importlib.import_module(f"scenarios.buyers.{name}")
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Buyer) and value is not Buyer
    ]
    (buyer,) = found
    return buyer


def generate(plan: AnyPlan, process: int, folder: Path) -> str:
    """Generate the load of one process; return what went wrong with it, normally nothing."""
    buyer = _buyer_of(plan)
    with RequestLog(folder, process) as log:
        users = UserRegistry(plan, process, log)
        buyer.registry = users
        environment = Environment(
            user_classes=[buyer], stop_timeout=plan.load.request_timeout_s, catch_exceptions=False
        )
        environment.stats = RequestCount()
        runner = environment.create_local_runner()
        channel = ControlChannel(users)
        driver = _driver(plan, users, runner, process)
        # What was imported lives as long as the process: keep it out of every later collection.
        gc.collect()
        gc.freeze()
        _send({"event": "ready"})
        given_up = 0
        if channel.wait_for_start():
            given_up = driver.run()
        if not users.failure:
            runner.quit()
            log.close_with(locust=environment.stats.total.num_requests, killed=given_up)
        return users.failure


def _buyer_of(plan: AnyPlan) -> type[Buyer]:
    """Return the class of this plan's buyers."""
    if isinstance(plan, ContentionPlan):
        return BurstUser
    buyer = buyer_class(plan.load.buyer)
    return one_shot_user_class(buyer) if isinstance(plan, OpenPlan) else buyer


def _driver(plan: AnyPlan, users: UserRegistry, runner: LocalRunner, process: int) -> LoadDriver:
    """Return what drives the buyers; what takes time beforehand is done."""
    (user,) = runner.user_classes

    def spawn(count: int) -> None:
        runner.spawn_users({user.__name__: count})

    report = partial(_report, users)
    if isinstance(plan, OpenPlan):
        OneShotUser.pool = UserPool()
        OneShotUser.accounts = open_accounts(plan, process)
        spawn(plan.share_of(process, plan.at_once))
        return ArrivalDriver(plan, users, OneShotUser.pool, process, report)
    if isinstance(plan, ContentionPlan):
        BurstUser.barrier = StartBarrier(plan.buyers)
        return BurstDriver(plan, users, BurstUser.barrier, spawn, report)
    return StageDriver(plan, users, spawn, process, report)


def _report(users: UserRegistry, t_s: float, stage: str, planned: float) -> None:
    # the buyers of an open load are there until they have gone; nobody asks them to
    active = users.alive if isinstance(users.plan, OpenPlan) else users.active
    latencies_ms, users.latencies_ms = users.latencies_ms, []
    users.log.flush()
    _send(
        {
            "event": "progress",
            "t_s": round(t_s, 3),
            "stage": stage,
            "planned": planned,
            "active": active,
            "requests": users.log.recorded,
            "errors": users.errors,
            "latencies_ms": latencies_ms,
            "cpu_s": time.process_time(),
        }
    )


def _send(message: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _allow_many_sockets() -> None:
    """Raise the soft limit of open files to the hard one: each buyer holds a connection."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main(arguments: list[str]) -> int:
    """Run one generator process; return its exit code."""
    if len(arguments) != 2 or not arguments[1].isdigit():
        sys.stderr.write("usage: python -m harness.load.generator_main PLAN.json NUMBER\n")
        return 2
    path, process = Path(arguments[0]), int(arguments[1])
    _allow_many_sockets()
    try:
        failure = generate(plan_from_json(path.read_text("utf-8")), process, path.parent)
    except NoAccount as error:
        failure = str(error)
    sys.stderr.write(failure)
    return 1 if failure else 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # Locust leaves greenlets behind that would hold up a normal exit
