"""What a generator process does, on whichever machine: Locust as a library, driven by us.

The caller has patched the standard library (`gevent.monkey`) before it imports this.
"""

import gc
import importlib
import resource
import time
from functools import partial
from pathlib import Path

from locust.runners import Runner

from harness.load.account_opening import open_accounts
from harness.load.arrival_driver import ArrivalDriver
from harness.load.burst_driver import BurstDriver
from harness.load.burst_user import BurstUser
from harness.load.buyer import Buyer
from harness.load.control_channel import ControlChannel
from harness.load.load_driver import LoadDriver, Report
from harness.load.load_plan import AnyPlan, ContentionPlan, OpenPlan
from harness.load.one_shot_user import OneShotUser, one_shot_user_class
from harness.load.request_count import RequestCount
from harness.load.request_log import RequestLog
from harness.load.stage_driver import StageDriver
from harness.load.start_barrier import StartBarrier
from harness.load.user_pool import UserPool
from harness.load.user_registry import UserRegistry


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


def generate(
    plan: AnyPlan, process: int, folder: Path, runner: Runner, channel: ControlChannel
) -> str:
    """Generate the load of one process; return what went wrong with it, normally nothing.

    Says ``ready`` over the channel once it could begin, and then reports its progress once a
    second. Raises NoAccount if the shop opens no accounts for an open load.
    """
    environment, count = runner.environment, RequestCount()
    buyer = _buyer_of(plan)
    environment.user_classes = [buyer]
    environment.stop_timeout = plan.load.request_timeout_s
    environment.stats = count
    with RequestLog(folder, process) as log:
        users = UserRegistry(plan, process, log)
        buyer.registry = users
        channel.attach(users)
        report = partial(_report, users, process, channel)
        driver = _driver(plan, users, runner, process, report)
        # What was imported lives as long as the process: keep it out of every later collection.
        gc.collect()
        gc.freeze()
        channel.send({"event": "ready"})
        given_up = 0
        if channel.wait_for_start(users):
            given_up = driver.run()
        if not users.failure:
            runner.stop()
            log.close_with(locust=count.total.num_requests, killed=given_up)
        return users.failure


def allow_many_sockets() -> None:
    """Raise the soft limit of open files to the hard one: each buyer holds a connection."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _buyer_of(plan: AnyPlan) -> type[Buyer]:
    """Return the class of this plan's buyers."""
    if isinstance(plan, ContentionPlan):
        return BurstUser
    buyer = buyer_class(plan.load.buyer)
    return one_shot_user_class(buyer) if isinstance(plan, OpenPlan) else buyer


def _driver(
    plan: AnyPlan, users: UserRegistry, runner: Runner, process: int, report: Report
) -> LoadDriver:
    """Return what drives the buyers; what takes time beforehand is done."""
    (user,) = runner.user_classes

    def spawn(count: int) -> None:
        runner.spawn_users({user.__name__: count})

    if isinstance(plan, OpenPlan):
        OneShotUser.pool = UserPool()
        OneShotUser.accounts = open_accounts(plan, process)
        spawn(plan.share_of(process, plan.at_once))
        return ArrivalDriver(plan, users, OneShotUser.pool, process, report)
    if isinstance(plan, ContentionPlan):
        BurstUser.barrier = StartBarrier(plan.buyers)
        return BurstDriver(plan, users, BurstUser.barrier, spawn, report)
    return StageDriver(plan, users, spawn, process, report)


def _report(
    users: UserRegistry,
    process: int,
    channel: ControlChannel,
    t_s: float,
    stage: str,
    planned: float,
) -> None:
    # the buyers of an open load are there until they have gone; nobody asks them to
    active = users.alive if isinstance(users.plan, OpenPlan) else users.active
    latencies_ms, users.latencies_ms = users.latencies_ms, []
    users.log.flush()
    channel.send(
        {
            "event": "progress",
            "process": process,
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
