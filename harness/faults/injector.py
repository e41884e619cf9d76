"""Carries out the faults of a run, each on time in a thread of its own, and records what happened.

Nothing that goes wrong here is lost: it stands in the record of its fault, and the run is invalid.
"""

import random
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from queue import Empty, SimpleQueue

from harness.errors import HarnessError
from harness.faults.actions import FaultAction, action_of
from harness.faults.events import FaultEvent
from harness.results.record import FaultRecord
from harness.runtimes import Deployment
from harness.scenario.faults import Fault

STOCK_POLL_S = 0.1
UNDO_LIMIT_S = 60.0
"""How long is waited for what is undone on a deployment that stays up when a run is given up."""
GIVE_UP_LIMIT_S = 2.0
"""How long threads are waited for when a run is given up.

Then its deployment goes down, or undoes by itself what was done to it where it stays up.
"""

Latest = Callable[[str, str], float | None]
"""Returns the newest value of a source's metric, or None (see `telemetry.Sampler.latest`)."""


class Injector:
    """All faults of one run, from `start` until none is left to wait for.

    Faults that come `in_turn` never overlap: each waits until the one before it is recovered from.
    """

    def __init__(
        self,
        faults: tuple[Fault, ...],
        deployment: Deployment,
        latest: Latest,
        draw_from: str,
        *,
        in_turn: bool = False,
    ) -> None:
        self._latest = latest
        self._stays_up = not deployment.is_ours
        self._giving_up = threading.Event()
        self._broken = 0
        self._changes = threading.Condition()
        self._events: SimpleQueue[FaultEvent] = SimpleQueue()
        self._t0_ns = 0
        self._load_s = 0.0
        self._injections = [
            _Injection(
                fault,
                action_of(fault, deployment, self._giving_up),
                fault.moment_s(random.Random(f"{draw_from}-fault-{number}")),  # noqa: S311
                self,
            )
            for number, fault in enumerate(faults, start=1)
        ]
        if in_turn:
            for one, following in pairwise(self._injections):
                following.predecessor = one.thread

    def start(self, t0_ns: int, load_s: float) -> None:
        """Begin to wait for the moments of the faults; they count from `t0_ns` (monotonic)."""
        self._t0_ns, self._load_s = t0_ns, load_s
        for injection in self._injections:
            injection.thread.start()

    def wait(self, limit_s: float) -> bool:
        """Wait until every fault is undone and what it hit is healthy; return True if that came."""
        deadline_s = time.monotonic() + limit_s
        threads = [one.thread for one in self._injections if one.thread.ident is not None]
        for thread in threads:
            thread.join(max(0.0, deadline_s - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def give_up(self) -> None:
        """Begin no other fault; let go what is paused, and start nothing again."""
        with self._changes:
            self._giving_up.set()
            if self._stays_up:
                self._changes.wait_for(lambda: not self._broken, UNDO_LIMIT_S)
        self.wait(GIVE_UP_LIMIT_S)

    def events(self) -> list[FaultEvent]:
        """Return what happened since this was last asked."""
        events = []
        while True:
            try:
                events.append(self._events.get_nowait())
            except Empty:
                return events

    def records(self) -> list[FaultRecord]:
        """Return what became of every fault, in the order in which they began."""
        records = [injection.finished() for injection in self._injections]
        records.sort(key=lambda one: (one.begun_ns is None, one.begun_ns or 0))
        return records

    # -- what an injection asks

    def begin_to_break(self) -> bool:
        """Count a fault as one that is to be undone; return False if it is too late to begin."""
        with self._changes:
            if self._giving_up.is_set():
                return False
            self._broken += 1
            return True

    def end_to_break(self) -> None:
        """Count it as undone, as far as that can be done."""
        with self._changes:
            self._broken -= 1
            self._changes.notify_all()

    def now_ns(self) -> int:
        """Return the time since the load began."""
        return time.monotonic_ns() - self._t0_ns

    def sleep_until(self, t_s: float) -> bool:
        """Sleep until a time of the load; return True if all goes on as planned."""
        return not self._giving_up.wait(max(0.0, t_s - self.now_ns() / 1e9))

    def stock_falls_to(self, units: int) -> bool:
        """Wait until so few units are free in the ledger; return True if that came in the load."""
        while self.now_ns() < self._load_s * 1e9:
            free = self._latest("postgres", "stock")
            if free is not None and free <= units:
                return True
            if self._giving_up.wait(STOCK_POLL_S):
                return False
        return False

    def in_flight(self) -> int | None:
        """Return how many units open orders hold in the ledger."""
        units = self._latest("postgres", "reserved")
        return None if units is None else int(units)

    def publish(self, name: str, words: str, *, is_over: bool) -> None:
        """Add an event; the campaign passes it to the observer, from its own thread."""
        self._events.put(FaultEvent(name, words, self.now_ns() / 1e9, is_over))


class _Injection:
    """One fault: waits for its moment, injects it, undoes it, and waits until all is healthy."""

    def __init__(
        self, fault: Fault, action: FaultAction, moment_s: float | None, run: Injector
    ) -> None:
        self._fault = fault
        self._action = action
        self._moment_s = moment_s
        self._run = run
        self._name = f"{fault.kind} {fault.target}"
        self.predecessor: threading.Thread | None = None
        self.thread = threading.Thread(target=self._inject, name=self._name, daemon=True)
        self.record = FaultRecord(
            kind=fault.kind,
            service=fault.service,
            replica=fault.replica,
            node=fault.node,
            process=fault.process,
            for_s=fault.lasts_s,
            factor=fault.slowness,
            age_s=fault.lead_s or None,
            error="the run ended before it was carried out",
        )

    def finished(self) -> FaultRecord:
        """Return what became of the fault, with what its action adds."""
        return self.record.model_copy(update=dict(self._action.facts()))

    def _inject(self) -> None:
        if self.predecessor is not None:
            self.predecessor.join()
        try:
            if self._comes():
                self._break()
        except Exception as error:  # whatever it is, the run must not pass for a test of this fault
            self.record.error = _words(error)
        if self.record.error is not None:
            self._run.publish(self._name, self.record.error, is_over=True)

    def _comes(self) -> bool:
        """Prepare the fault and wait for its moment; return True if that came."""
        if self._moment_s is not None:
            if not self._run.sleep_until(self._moment_s - self._fault.lead_s):
                return False
            self._action.prepare()
            return self._run.sleep_until(self._moment_s)
        units = self._fault.at_stock or 0
        came = self._run.stock_falls_to(units)
        if not came:
            self.record.error = f"the free stock was never seen at {units} or less"
            return False
        self._action.prepare()
        return True

    def _break(self) -> None:
        record, run = self.record, self._run
        record.in_flight = run.in_flight()
        if not run.begin_to_break():
            return
        begun_ns = run.now_ns()
        try:
            goes_on = self._break_for_a_while(begun_ns)
        finally:
            run.end_to_break()
        if not goes_on:
            record.error = "the run was given up before it was over"
            return
        self._action.recover()
        record.healthy_ns = run.now_ns()
        took_s = (record.healthy_ns - begun_ns) / 1e9
        run.publish(self._name, f"back after {took_s:.1f} s", is_over=True)

    def _break_for_a_while(self, begun_ns: int) -> bool:
        """Inject the fault, and undo it when its time is over; return True if that came."""
        record, run = self.record, self._run
        try:
            self._action.inject()
        except Exception:
            self._repair()
            raise
        record.begun_ns, record.error = begun_ns, None
        in_flight = "–" if record.in_flight is None else record.in_flight
        run.publish(self._name, f"{in_flight} in flight", is_over=False)
        goes_on = run.sleep_until(begun_ns / 1e9 + self._fault.lasts_s)
        self._action.undo()
        record.ended_ns = run.now_ns()
        return goes_on

    def _repair(self) -> None:
        """Undo what was done of a fault that failed; that failure is the one to be reported."""
        try:
            self._action.undo()
            self._action.recover()
        except Exception as error:
            self._run.publish(self._name, _words(error), is_over=True)


def _words(error: Exception) -> str:
    return error.message if isinstance(error, HarnessError) else f"{type(error).__name__}: {error}"
