"""Charges of one process through outages of the gateway, simulated: how its return is noticed."""

import heapq
import itertools
import random
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from approaches.shop.breaker import FIRST_PAUSE_S, LONGEST_PAUSE_S, Breaker
from approaches.shop.payments import Ask, Charge, Outcome, Pause, Reply, charging

TIMEOUT_S = 20.0
SLOWEST_S = 15.0
"""No charge of a gateway that is well takes longer."""
ASK_AGAIN_S = 1.0
DOWN_AT_S = 10.0


@dataclass
class Outage:
    """A process with charges in hand, and a gateway that is down for a while."""

    in_hand: int
    for_s: float
    hangs: bool
    latencies: random.Random
    now_s: float = 0.0
    probes: list[tuple[float, float]] = field(default_factory=list)
    """When each probe was sent, and for how long it was waited."""

    def __post_init__(self):
        self.breaker = Breaker(clock=self.clock)
        self._due = []
        self._number = itertools.count()

    def clock(self) -> float:
        return self.now_s

    @property
    def ends_at_s(self) -> float:
        return DOWN_AT_S + self.for_s

    def closed_at_s(self) -> float:
        """Return when the breaker was closed, or when the outage ended if that was later."""
        for number in range(self.in_hand):
            self._begin(number * 0.1)
        while self.now_s < self.ends_at_s or self.breaker.is_open:
            self.now_s, _, policy, reply = heapq.heappop(self._due)
            self._go_on(policy, reply)
            assert self.now_s < 1_000, "never"
        return self.now_s

    def _begin(self, at_s: float) -> None:
        policy = charging(Charge("o", "k", 1), TIMEOUT_S, self.clock, self.breaker)
        self._later(at_s, policy, None)  # it reads its clock when it is first asked

    def _later(self, at_s, policy, reply) -> None:
        heapq.heappush(self._due, (at_s, next(self._number), policy, reply))

    def _go_on(self, policy, reply) -> None:
        was_open = self.breaker.is_open
        try:
            step = policy.send(reply)
        except StopIteration as end:
            unknown = end.value.outcome is Outcome.UNKNOWN
            self._begin(self.now_s + (ASK_AGAIN_S if unknown else 0.0))
            return
        if isinstance(step, Pause):
            self._later(self.now_s + step.seconds, policy, None)
            return
        if was_open and self.breaker.is_open and step.method == "POST":
            self.probes.append((self.now_s, step.timeout_s))
        after_s, answer = self._answer(step)
        self._later(self.now_s + after_s, policy, answer)

    def _answer(self, step: Ask) -> tuple[float, Reply]:
        if DOWN_AT_S <= self.now_s < self.ends_at_s:
            return (step.timeout_s, Reply(None)) if self.hangs else (0.01, Reply(503))
        takes_s = min(self.latencies.lognormvariate(0.8, 0.8), SLOWEST_S)
        if takes_s > step.timeout_s:
            return step.timeout_s, Reply(None)
        return takes_s, Reply(200, "ch", "approved")


outages = st.builds(
    Outage,
    in_hand=st.integers(1, 20),
    for_s=st.floats(0.5, 90.0),
    hangs=st.booleans(),
    latencies=st.integers(0, 2**32).map(random.Random),
)


@given(outages)
def test_every_probe_has_the_time_that_a_charge_may_take(outage):
    outage.closed_at_s()
    assert all(timeout_s >= SLOWEST_S for _, timeout_s in outage.probes)


@given(outages)
def test_a_gateway_that_is_back_is_noticed_by_the_next_probe(outage):
    closed_at_s = outage.closed_at_s()
    last_probe_s = TIMEOUT_S if outage.hangs else 0.0  # sent just before the end, and lost
    next_probe_s = LONGEST_PAUSE_S + FIRST_PAUSE_S + ASK_AGAIN_S
    assert closed_at_s <= outage.ends_at_s + last_probe_s + next_probe_s + SLOWEST_S
