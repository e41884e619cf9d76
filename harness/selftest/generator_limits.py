"""What the load generator itself costs, and how much it can do: measured at a null shop.

The floor is what a report shows of a shop that answers at once: no latency below it means anything.
The ceilings are those of one generator process on this machine; a load that comes near one of them
measures the generator. Of an open load the laws decide that invalidate a run, except N = X(R + Z):
beside a shop that takes no time, what the generator takes is all there is.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

from harness import load
from harness.analysis.columns import floats, is_in, late_ms
from harness.analysis.laws import OF_ARRIVALS, arrival_laws, check_laws, crowd
from harness.errors import InfrastructureError
from harness.results.findings import Law, Verdict
from harness.results.record import RunRecord
from harness.results.store import COLUMNS, TABLES, RunData
from harness.scenario.model import LoadSettings, Product, Scenario, Stage
from harness.scenario.open_load import ArrivalStage, OpenLoad
from harness.selftest.null_shop import NullShop

FLOOR_USERS, FLOOR_THINK_S = 20, 0.1
"""About 200 requests per second: a light load, and enough of them for a p99."""
CEILING_USERS = 32
CLOSED_S = 8.0
SETTLING_S = 2.0
"""The first seconds are left out; by then all users have come."""

OPEN_S = 4.0
SLOWEST_PER_S = 200
FASTEST_PER_S = 12_800
"""Between them the open load is doubled until a law breaks; nothing faster is tried."""
HALVINGS = 2
"""So often the gap between the last rate that passed and the first that did not is halved."""

DECISIVE = (arrival_laws.ARRIVED, arrival_laws.ON_TIME, crowd.GENERATOR_CPU)

_PRODUCT = Product(name="nothing", price_cents=1, stock=1)

OnMessage = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Floor:
    """Latency of a light load at a shop that answers at once, and how late requests are sent."""

    requests: int
    requests_per_s: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    late_p99_ms: float


@dataclass(frozen=True, slots=True)
class ClosedCeiling:
    """The most that buyers do who never think; CPU in cores, of generator and null shop."""

    users: int
    requests_per_s: float
    generator_cores: float
    shop_cores: float


@dataclass(frozen=True, slots=True)
class Arrivals:
    """An open load that was tried: whether every law held, and if not, what broke."""

    per_s: int
    passed: bool
    broken: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenCeiling:
    """The most arrivals per second that kept to the schedule (0: none did), and all that was tried.

    Without a rate that did not pass, the ceiling lies beyond `FASTEST_PER_S`.
    """

    per_s: int
    tried: tuple[Arrivals, ...]

    @property
    def too_fast(self) -> Arrivals | None:
        """Return the slowest rate that did not pass."""
        return min(
            (one for one in self.tried if not one.passed), key=lambda one: one.per_s, default=None
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """What the generator of this machine can do."""

    floor: Floor
    closed: ClosedCeiling
    open: OpenCeiling


def measure(shop: NullShop, scratch: Path, on_message: OnMessage) -> Limits:
    """Load the shop, lightly and as hard as possible; takes about a minute."""
    on_message("latency floor of the load generator …")
    floor = _floor(shop, scratch / "floor")
    on_message("ceiling of a closed load …")
    closed = _closed_ceiling(shop, scratch / "closed")
    return Limits(floor, closed, measure_arrivals(shop, scratch, on_message))


def measure_arrivals(shop: NullShop, scratch: Path, on_message: OnMessage) -> OpenCeiling:
    """Search for the most arrivals per second that the generator can keep up with."""
    tried: list[Arrivals] = []

    def passes(per_s: int) -> bool:
        on_message(f"{per_s:,} arrivals per second …")
        tried.append(_arrive(shop, per_s, scratch / f"open-{per_s}"))
        return tried[-1].passed

    best = highest_that_passes(passes, SLOWEST_PER_S, FASTEST_PER_S, HALVINGS)
    return OpenCeiling(best, tuple(tried))


def highest_that_passes(
    passes: Callable[[int], bool], slowest: int, fastest: int, halvings: int
) -> int:
    """Return the highest rate that passed: doubled until one does not, then the gap is halved.

    Returns 0 if not even `slowest` passes; tries nothing above `fastest`.
    """
    good, bad = 0, slowest
    while passes(bad):
        good, bad = bad, 2 * bad
        if bad > fastest:
            return good
    for _ in range(halvings if good else 0):
        middle = (good + bad) // 2
        good, bad = (middle, bad) if passes(middle) else (good, middle)
    return good


def _floor(shop: NullShop, scratch: Path) -> Floor:
    requests = _settled(_generate(_closed(FLOOR_USERS, FLOOR_THINK_S), shop, scratch).requests)
    latency_ms = (floats(requests, "done_ns") - floats(requests, "sent_ns")) / 1e6
    p50, p95, p99 = (float(np.quantile(latency_ms, q)) for q in (0.50, 0.95, 0.99))
    return Floor(
        requests=len(requests),
        requests_per_s=len(requests) / (CLOSED_S - SETTLING_S),
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        late_p99_ms=float(np.quantile(late_ms(requests), 0.99)),
    )


def _closed_ceiling(shop: NullShop, scratch: Path) -> ClosedCeiling:
    before_s = shop.cpu_s()
    done = _generate(_closed(CEILING_USERS, 0.0), shop, scratch)
    return ClosedCeiling(
        users=CEILING_USERS,
        requests_per_s=len(_settled(done.requests)) / (CLOSED_S - SETTLING_S),
        generator_cores=done.cpu_s / CLOSED_S,
        shop_cores=(shop.cpu_s() - before_s) / CLOSED_S,
    )


def _arrive(shop: NullShop, per_s: int, scratch: Path) -> Arrivals:
    """Try one rate; a generator that could not end what it began has not passed either."""
    scenario = _open(per_s)
    try:
        done = _generate(scenario, shop, scratch)
    except InfrastructureError as error:
        return Arrivals(per_s, False, (error.message,))
    broken = [law for law in _laws(scenario, done) if law.verdict is not Verdict.PASS]
    return Arrivals(per_s, not broken, tuple(f"{law.name}: {law.detail}" for law in broken))


def _laws(scenario: Scenario, done: "_Generated") -> list[Law]:
    """Check the laws about the generator; there is no shop whose numbers others could ask for."""
    cpu_s = [(0.0, "load", "cpu_s", 0.0), (done.took_s, "load", "cpu_s", done.cpu_s)]
    tables = dict.fromkeys(TABLES, pd.DataFrame()) | {
        "requests": done.requests,
        "buyers": done.buyers,
        "telemetry": pd.DataFrame(cpu_s, columns=list(COLUMNS["telemetry"])),
    }
    run = RunData(
        record=RunRecord.model_construct(
            scenario=scenario.model_dump(mode="json"),
            topology={},
            load_s=scenario.load_s,
            drain_s=done.took_s - scenario.load_s,
            t0_wall_ns=0,
            cores=psutil.cpu_count() or 1,
        ),
        **tables,
    )
    return check_laws(run, [law for law in OF_ARRIVALS if law[0] in DECISIVE])


@dataclass(frozen=True, slots=True)
class _Generated:
    """A load that is over: its ledger, how long it took, and the CPU time of its generator."""

    requests: pd.DataFrame
    buyers: pd.DataFrame
    took_s: float
    cpu_s: float


def _generate(scenario: Scenario, shop: NullShop, scratch: Path) -> _Generated:
    sales = scenario.sales(scenario.seed)
    plan = load.sale_plan(scenario, shop.address, seed=scenario.seed, sales=sales)
    generator = load.start(plan, scratch)
    try:
        generator.wait_ready()
        before_s, begun_ns = generator.cpu_s(), time.monotonic_ns()
        generator.begin(begun_ns)
        generator.wait()
        took_s = (time.monotonic_ns() - begun_ns) / 1e9
        cpu_s = generator.cpu_s() - before_s
    finally:
        generator.stop()
    result = load.collect(scratch)
    return _Generated(result.requests, result.buyers, took_s, cpu_s)


def _settled(requests: pd.DataFrame) -> pd.DataFrame:
    """Return the purchases that were sent between the settling and the end of a closed load."""
    sent_s = floats(requests, "sent_ns") / 1e9
    within = (sent_s >= SETTLING_S) & (sent_s < CLOSED_S) & is_in(requests, "endpoint", ["buy"])
    settled: pd.DataFrame = requests[within]
    return settled


def _closed(users: int, think_s: float) -> Scenario:
    return Scenario(
        title="Null shop, closed",
        product=_PRODUCT,
        load=_behaviour(think_s),
        stages=(Stage(name="load", users=users, seconds=CLOSED_S, spawn_rate=users),),
    )


def _open(per_s: int) -> Scenario:
    arriving = ArrivalStage(name="arrivals", buyers=round(per_s * OPEN_S), seconds=OPEN_S)
    room = min(max(per_s // 2, 100), 1000)
    return Scenario(
        title="Null shop, open",
        product=_PRODUCT,
        load=_behaviour(0.0),
        open=OpenLoad(accounts=10, at_once=room, stages=(arriving,)),
    )


def _behaviour(think_s: float) -> LoadSettings:
    return LoadSettings(
        buyer="polling",
        think_min_s=think_s,
        think_max_s=think_s,
        request_timeout_s=5,
        watch_limit_s=1,
        retries=0,
    )
