"""Faults are carried out, undone and recorded; what goes wrong with one is never lost."""

import threading
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from signal import SIGCONT, SIGKILL, SIGSTOP
from types import SimpleNamespace

import psycopg
import pytest

from harness.errors import InfrastructureError
from harness.faults import injector as injector_module
from harness.faults.actions.ledger import RefuseWrites
from harness.faults.injector import Injector
from harness.scenario.faults import Fault

LIMIT_S = 30.0
BRIEF = {"at_s": 0.0, "for_s": 0.01}


@dataclass
class FakeDeployment:
    """Remembers what it was asked to do; `broken` are the calls that fail."""

    broken: set[tuple[object, ...]] = field(default_factory=set)
    ends_by_itself: bool = True
    is_ours: bool = True
    calls: list[tuple[object, ...]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self):
        services = {name: SimpleNamespace(replicas=2) for name in ("api", "worker", "redis")}
        self.topology = SimpleNamespace(services=services)

    def _note(self, *call):
        with self.lock:
            self.calls.append(call)
        if call in self.broken:
            raise InfrastructureError(f"{call[0]} of {call[1]}-{call[2]} failed", "")

    def kill(self, service, replica, sig):
        self._note(sig.name, service, replica)

    def stop(self, service, replica):
        self._note("stop", service, replica)
        return self.ends_by_itself

    def save_data(self, service, replica):
        self._note("save_data", service, replica)

    def restore_data(self, service, replica):
        self._note("restore_data", service, replica)

    def wipe(self, service, replica):
        self._note("wipe", service, replica)

    def partition(self, service, replica):
        self._note("partition", service, replica)

    def heal(self, service, replica):
        self._note("heal", service, replica)

    def start(self, service, replica):
        self._note("start", service, replica)

    def wait_ready(self, service, replica):
        self._note("wait_ready", service, replica)


def injector(*faults, deployment=None, stock=None, reserved=60.0):
    deployment = deployment or FakeDeployment()
    values = {"stock": stock, "reserved": reserved}
    return Injector(
        faults, deployment, lambda _, metric: values[metric], draw_from="7-"
    ), deployment


def carried_out(*faults, load_s=60.0, **rest):
    one, deployment = injector(*faults, **rest)
    one.start(t0_ns=_now_ns(), load_s=load_s)
    assert one.wait(LIMIT_S)
    return one, deployment


def _now_ns():
    return time.monotonic_ns()


@pytest.mark.parametrize(
    ("kind", "calls"),
    [
        ("kill", [SIGKILL.name, "start"]),
        ("stop", ["stop", "start"]),
        ("drain", ["stop", "start"]),
        ("pause", [SIGSTOP.name, SIGCONT.name, "wait_ready"]),
        ("wipe", [SIGKILL.name, "wipe", "start"]),
        ("partition", ["partition", "heal", "wait_ready"]),
    ],
)
def test_each_kind_breaks_and_mends_one_replica(kind, calls):
    one, deployment = carried_out(Fault(kind=kind, service="api", replica=2, **BRIEF))
    assert deployment.calls == [(call, "api", 2) for call in calls]
    (record,) = one.records()
    assert record.error is None
    assert 0 <= record.begun_ns <= record.begun_ns + 10_000_000 <= record.ended_ns
    assert record.ended_ns <= record.healthy_ns
    identity = ("kind", "service", "replica", "process", "for_s", "factor", "in_flight")
    assert [getattr(record, key) for key in identity] == [kind, "api", 2, None, 0.01, None, 60]


def test_a_copy_is_taken_before_the_moment_at_which_it_is_put_back():
    fault = Fault(kind="restore_old", service="redis", at_s=0.3, age_s=0.2, for_s=0.01)
    one, deployment = injector(fault)
    one.start(t0_ns=_now_ns(), load_s=60)
    while not deployment.calls:
        threading.Event().wait(0.001)
    assert one.now_ns() < 0.3e9
    assert one.wait(LIMIT_S)
    calls = ["save_data", "SIGKILL", "restore_data", "start"]
    assert deployment.calls == [(call, "redis", 1) for call in calls]
    (record,) = one.records()
    assert (record.error, record.age_s) == (None, 0.2)
    assert record.begun_ns >= 0.3e9


def test_a_copy_that_fails_is_an_error_of_its_fault_and_nothing_is_killed():
    broken = FakeDeployment({("save_data", "redis", 1)})
    fault = Fault(kind="restore_old", service="redis", at_s=0.01, age_s=0.01)
    one, _ = carried_out(fault, deployment=broken)
    assert one.records()[0].error == "save_data of redis-1 failed"
    assert broken.calls == [("save_data", "redis", 1)]


def test_a_throttled_replica_is_stopped_and_let_go_on_in_turn_and_goes_on_in_the_end():
    fault = Fault(kind="throttle", service="api", replica=2, at_s=0, for_s=0.3, factor=4)
    one, deployment = carried_out(fault)
    *turns, last = [name for name, _, number in deployment.calls if number == 2]
    assert last == "wait_ready"
    assert turns == ["SIGSTOP", "SIGCONT"] * (len(turns) // 2)
    (record,) = one.records()
    assert (record.error, record.factor, record.for_s) == (None, 4, 0.3)
    assert record.begun_ns < record.ended_ns <= record.healthy_ns


def test_a_throttled_replica_that_dies_is_an_error_of_its_fault():
    dead = FakeDeployment({("SIGCONT", "api", 1)})
    fault = Fault(kind="throttle", service="api", replica="all", at_s=0, for_s=0.01)
    one, _ = carried_out(fault, deployment=dead)
    assert one.records()[0].error == "SIGCONT of api-1 failed"
    assert dead.calls[-1] != ("SIGSTOP", "api", 2)


def test_a_restart_starts_again_at_once():
    one, deployment = carried_out(Fault(kind="restart", service="api", at_s=0))
    assert [call[0] for call in deployment.calls] == ["stop", "start"]
    assert one.records()[0].for_s == 0


def test_all_replicas_are_hit():
    one, deployment = carried_out(Fault(kind="kill", service="worker", replica="all", **BRIEF))
    hit = {("SIGKILL", "worker", 1), ("SIGKILL", "worker", 2)}
    assert set(deployment.calls[:2]) == hit
    assert {call[0] for call in deployment.calls[2:]} == {"start"}
    assert one.records()[0].replica == "all"


def test_faults_in_turn_wait_until_the_one_before_is_recovered_from():
    faults = [Fault(kind="pause", service=name, at_s=0.0, for_s=0.05) for name in ("api", "redis")]
    deployment = FakeDeployment()
    one = Injector(tuple(faults), deployment, lambda *_: None, draw_from="7", in_turn=True)
    one.start(t0_ns=_now_ns(), load_s=60.0)
    assert one.wait(LIMIT_S)
    assert [call[1] for call in deployment.calls] == ["api"] * 3 + ["redis"] * 3
    first, second = one.records()
    assert first.healthy_ns <= second.begun_ns


def test_records_are_in_the_order_in_which_faults_began():
    late = Fault(kind="kill", service="api", at_s=0.2, for_s=0.01)
    early = Fault(kind="pause", service="worker", **BRIEF)
    never = Fault(kind="kill", service="redis", at_stock=5)
    one, _ = carried_out(never, late, early, load_s=0.3, stock=6.0)
    assert [record.service for record in one.records()] == ["worker", "api", "redis"]


def test_a_fault_at_a_stock_waits_for_it():
    one, _ = carried_out(Fault(kind="kill", service="api", at_stock=500, for_s=0.01), stock=500.0)
    assert one.records()[0].error is None


@pytest.mark.parametrize("stock", [501.0, None])
def test_a_stock_that_is_never_reached_is_an_error(stock):
    one, deployment = carried_out(
        Fault(kind="kill", service="api", at_stock=500), load_s=0.05, stock=stock
    )
    (record,) = one.records()
    assert record.begun_ns is None
    assert "never seen at 500" in record.error
    assert deployment.calls == []


def test_a_fault_that_fails_is_undone_as_far_as_it_went():
    broken = FakeDeployment({("SIGKILL", "worker", 2)})
    one, _ = carried_out(
        Fault(kind="kill", service="worker", replica="all", **BRIEF), deployment=broken
    )
    assert ("start", "worker", 1) in broken.calls
    assert ("start", "worker", 2) not in broken.calls
    (record,) = one.records()
    assert (record.begun_ns, record.ended_ns, record.healthy_ns) == (None, None, None)
    assert record.error == "SIGKILL of worker-2 failed"
    assert any("SIGKILL of worker-2 failed" in news.words for news in one.events())


def test_what_fails_on_a_deployment_of_somebody_else_is_undone_there_too():
    broken = FakeDeployment({("partition", "api", 2)}, is_ours=False)
    carried_out(Fault(kind="partition", service="api", replica="all", **BRIEF), deployment=broken)
    assert {("heal", "api", 1), ("heal", "api", 2)} <= set(broken.calls)


def test_a_drain_that_ended_in_a_kill_is_an_error_of_its_fault_and_it_is_started_again():
    one, deployment = carried_out(
        Fault(kind="drain", service="api", **BRIEF),
        deployment=FakeDeployment(ends_by_itself=False),
    )
    (record,) = one.records()
    assert record.begun_ns is None
    assert "api-1 was killed" in record.error
    assert deployment.calls == [("stop", "api", 1), ("start", "api", 1)]


def test_a_replica_that_does_not_come_back_is_an_error_of_its_fault():
    one, _ = carried_out(
        Fault(kind="kill", service="api", **BRIEF),
        deployment=FakeDeployment({("start", "api", 1)}),
    )
    (record,) = one.records()
    assert record.ended_ns is not None
    assert record.healthy_ns is None
    assert record.error == "start of api-1 failed"


@pytest.mark.parametrize(
    ("kind", "calls"), [("pause", ["SIGSTOP", "SIGCONT"]), ("partition", ["partition", "heal"])]
)
def test_giving_up_lets_go_what_is_held_and_begins_nothing_else(kind, calls):
    paused = threading.Event()
    deployment = FakeDeployment()
    one, _ = injector(
        Fault(kind=kind, service="worker", at_s=0, for_s=600),
        Fault(kind="kill", service="api", at_s=500),
        Fault(kind="kill", service="api", at_stock=1),
        deployment=deployment,
    )
    one.start(t0_ns=_now_ns(), load_s=600)
    while not deployment.calls:
        paused.wait(0.01)
    one.give_up()
    assert one.wait(LIMIT_S)
    assert deployment.calls == [(call, "worker", 1) for call in calls]
    assert all(record.error for record in one.records())


@dataclass
class SlowDeployment(FakeDeployment):
    """Takes as long to be partitioned as a test wants."""

    begun: threading.Event = field(default_factory=threading.Event)
    may_end: threading.Event = field(default_factory=threading.Event)

    def partition(self, service, replica):
        super().partition(service, replica)
        self.begun.set()
        assert self.may_end.wait(LIMIT_S)


@pytest.mark.parametrize("is_ours", [True, False])
def test_who_gives_up_waits_for_what_is_undone_on_a_deployment_that_stays_up(monkeypatch, is_ours):
    monkeypatch.setattr(injector_module, "GIVE_UP_LIMIT_S", 0.01)
    deployment = SlowDeployment(is_ours=is_ours)
    one, _ = injector(Fault(kind="partition", service="api", at_s=0), deployment=deployment)
    one.start(t0_ns=_now_ns(), load_s=600)
    assert deployment.begun.wait(LIMIT_S)
    giving_up = threading.Thread(target=one.give_up)
    giving_up.start()
    giving_up.join(1.0 if is_ours else 0.1)
    assert giving_up.is_alive() is not is_ours
    deployment.may_end.set()
    giving_up.join(LIMIT_S)
    if is_ours:
        assert one.wait(LIMIT_S)
    assert deployment.calls == [("partition", "api", 1), ("heal", "api", 1)]


def test_no_fault_begins_once_the_run_is_given_up():
    one, deployment = injector(Fault(kind="kill", service="api", at_s=0))
    assert one.begin_to_break()
    one.end_to_break()
    one.give_up()
    assert not one.begin_to_break()
    assert deployment.calls == []


@pytest.mark.parametrize("is_ours", [True, False])
def test_a_ledger_that_stays_up_takes_writes_again_although_the_run_is_given_up(
    monkeypatch, is_ours
):
    errors = [psycopg.OperationalError("it stands still")]

    def configure(*_):
        if errors:
            raise errors.pop()

    monkeypatch.setattr(RefuseWrites, "_configure", configure)
    given_up = threading.Event()
    given_up.set()
    fault = Fault(kind="refuse_writes", service="postgres", at_s=0)
    action = RefuseWrites(fault, FakeDeployment(is_ours=is_ours), given_up)
    with pytest.raises(psycopg.OperationalError) if is_ours else nullcontext():
        action.undo()


def test_a_load_that_never_began_is_given_up_without_a_fault():
    one, deployment = injector(Fault(kind="kill", service="api", at_s=0))
    one.give_up()
    assert deployment.calls == []
    assert one.records()[0].error == "the run ended before it was carried out"


def test_an_event_is_returned_once():
    one, _ = carried_out(Fault(kind="kill", service="api", **BRIEF))
    begun, back = one.events()
    assert (str(begun), begun.is_over) == ("kill api-1: 60 in flight", False)
    assert (str(back).startswith("kill api-1: back after "), back.is_over) == (True, True)
    assert 0 <= begun.t_s <= back.t_s
    assert one.events() == []


def test_a_run_without_faults_has_nothing_to_wait_for():
    one, deployment = carried_out()
    assert (one.records(), one.events(), deployment.calls) == ([], [], [])
