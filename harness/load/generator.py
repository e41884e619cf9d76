"""One generator process: Locust as a library, driven by a stage clock, a bell, or arrivals.

    python -m harness.load.generator PLAN.json NUMBER

It says ``{"event": "ready"}`` on standard output, reads the start of the load from standard input
(``{"t0_ns": …}`` of CLOCK_MONOTONIC, so that all processes of one host start together), and then
tells its progress once a second. Standard input is also its leash: when it closes, the harness is
gone and so is the generator. SIGTERM or SIGINT: no more arrivals, requests in flight finish, exit
0; a second one: exit at once.

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

from harness.load.accounts import NoAccount, open_accounts
from harness.load.arrivals import Arrivals
from harness.load.bell import Bell
from harness.load.bursts import Bursts
from harness.load.buyer import Buyer
from harness.load.clock import StageClock
from harness.load.contender import Contender
from harness.load.crowd import Crowd
from harness.load.ledger import Ledger
from harness.load.plan import AnyPlan, ContentionPlan, OpenPlan, plan_from_json
from harness.load.turnstile import Turnstile
from harness.load.visitor import Visitor, visitor_class

STDIN = 0


class Leash:
    """The connection to the harness: the start of the load, and the orders to stop."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._start: AsyncResult[int | None] = AsyncResult()
        for number in (signal.SIGTERM, signal.SIGINT):
            gevent.signal_handler(number, self._on_signal, number)
        gevent.os.make_nonblocking(STDIN)
        gevent.spawn(self._listen)

    def wait_for_start(self) -> bool:
        """Wait for the start of the load; say whether it came, and not the order to stop."""
        t0_ns = self._start.get()
        if t0_ns is None:
            return False
        self._crowd.t0_ns = t0_ns
        gevent.sleep(max(0.0, (t0_ns - time.monotonic_ns()) / 1e9))
        return True

    def _listen(self) -> None:
        received = b""
        while chunk := gevent.os.nb_read(STDIN, 4096):
            received += chunk
            line, newline, _ = received.partition(b"\n")
            if newline and not self._start.ready():
                self._start.set(int(json.loads(line)["t0_ns"]))
        os._exit(1)  # nobody is left who would want the ledger

    def _on_signal(self, number: int) -> None:
        if self._crowd.hurry:
            os._exit(128 + number)
        self._crowd.hurry = True
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
    with Ledger(folder, process) as ledger:
        crowd = Crowd(plan, process, ledger)
        buyer.crowd, buyer.host = crowd, plan.address
        buyer.network_timeout = buyer.connection_timeout = plan.request_timeout_s
        environment = Environment(
            user_classes=[buyer], stop_timeout=plan.request_timeout_s, catch_exceptions=False
        )
        runner = environment.create_local_runner()
        leash = Leash(crowd)
        driver = _driver(plan, crowd, runner, process)
        # What was imported lives as long as the process: keep it out of every later collection.
        gc.collect()
        gc.freeze()
        _tell({"event": "ready"})
        killed = 0
        if leash.wait_for_start():
            killed = driver.run()
        if not crowd.failure:
            runner.quit()
            ledger.close_with(locust=environment.stats.total.num_requests, killed=killed)
        return crowd.failure


def _buyer_of(plan: AnyPlan) -> type[Buyer]:
    """Return the class of this plan's buyers."""
    if isinstance(plan, ContentionPlan):
        return Contender
    buyer = buyer_class(plan.buyer)
    return visitor_class(buyer) if isinstance(plan, OpenPlan) else buyer


def _driver(
    plan: AnyPlan, crowd: Crowd, runner: LocalRunner, process: int
) -> StageClock | Bursts | Arrivals:
    """Return what makes the buyers come, act and leave; what takes time beforehand is done."""
    if isinstance(plan, OpenPlan):
        return _open_doors(plan, crowd, runner, process)
    if isinstance(plan, ContentionPlan):
        Contender.bell = Bell(plan.buyers)

        def invite(buyers: int) -> None:
            runner.spawn_users({Contender.__name__: buyers})

        return Bursts(plan, crowd, Contender.bell, invite, partial(_report, crowd))

    def report(t_s: float) -> None:
        _report(crowd, t_s, plan.stage_name(t_s), plan.schedule.planned_users(t_s))

    return StageClock(plan, crowd, runner, process, report)


def _open_doors(plan: OpenPlan, crowd: Crowd, runner: LocalRunner, process: int) -> Arrivals:
    """Log in the accounts of an open load, and make the users that will act its buyers out."""
    Visitor.turnstile = Turnstile()
    Visitor.accounts = open_accounts(plan, process)
    (visitor,) = runner.user_classes
    runner.spawn_users({visitor.__name__: plan.share_of(process, plan.at_once)})

    def report(t_s: float) -> None:
        _report(crowd, t_s, plan.stage_name(t_s), 0.0)

    return Arrivals(plan, crowd, Visitor.turnstile, process, report)


def _report(crowd: Crowd, t_s: float, stage: str, planned: float) -> None:
    # the buyers of an open load are there until they have gone; nobody asks them to
    active = crowd.alive if isinstance(crowd.plan, OpenPlan) else crowd.active
    latencies_ms, crowd.latencies_ms = crowd.latencies_ms, []
    crowd.ledger.flush()
    _tell(
        {
            "event": "progress",
            "t_s": round(t_s, 3),
            "stage": stage,
            "planned": planned,
            "active": active,
            "requests": crowd.ledger.recorded,
            "errors": crowd.errors,
            "latencies_ms": latencies_ms,
            "cpu_s": time.process_time(),
        }
    )


def _tell(message: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _allow_many_sockets() -> None:
    """Raise the soft limit of open files to the hard one: each buyer holds a connection."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main(arguments: list[str]) -> int:
    """Run one generator process; return its exit code."""
    if len(arguments) != 2 or not arguments[1].isdigit():
        sys.stderr.write("usage: python -m harness.load.generator PLAN.json NUMBER\n")
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
