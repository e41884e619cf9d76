"""A runtime without processes, and a load without buyers: what a run observes is simulated.

`put_in_place` lets the real campaign measure with them. Each deployment plays one run of
`tests/support/histories.py`, of the model that its topology resembles; time passes only while the
campaign sleeps. Whatever the campaign asks for is noted, and may be made to fail, or to stop.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from shutil import rmtree
from signal import Signals
from tempfile import mkdtemp
from typing import Any

import pandas as pd

from harness import load, runtimes
from harness.campaign import backlog, collect, execution, load_phase, run_data, steps
from harness.faults import injector
from harness.load import Progress
from harness.load.load_result import LoadResult
from harness.results.record import ResetProof
from harness.results.store import RunData
from harness.runtimes import OnProgress, Usage
from harness.scenario.faults import Fault
from harness.topology import Topology
from tests.support.histories import make_run
from tests.support.records import T0_WALL_NS

AHEAD_NS = 200_000_000
"""The campaign lets a load begin so long after it says so."""
LONG_AFTER_NS = 3_600_000_000_000
"""After so long everything that was simulated is over."""

Happens = Callable[[str], None]
"""Told of each step, by its name among the durations of a run; raises, or ends the process."""


Change = Callable[[RunData, Topology], None]
"""Edits what was simulated of a topology, before anything of it is measured."""


def nothing(_: str) -> None:
    """Let all go well."""


class Clock:
    """A clock that goes on only by sleeping."""

    def __init__(self) -> None:
        self.now_ns = 1_000_000_000_000
        self._wall_ns = cycle((T0_WALL_NS - AHEAD_NS, T0_WALL_NS + LONG_AFTER_NS))

    def sleep(self, seconds: float) -> None:
        self.now_ns += int(seconds * 1e9)

    def monotonic(self) -> float:
        return self.now_ns / 1e9

    def monotonic_ns(self) -> int:
        return self.now_ns

    def time_ns(self) -> int:
        """Return the wall clock, which is read twice in each run.

        Every load begins at the moment that the simulation knows, and is worked off long after.
        """
        return next(self._wall_ns)


def alike(_: RunData, __: Topology) -> None:
    """Leave it as it was simulated."""


@dataclass
class World:
    """What is deployed, and what the campaign asked of it."""

    happens: Happens = nothing
    changes: Change = alike
    steps: list[str] = field(default_factory=list)
    up: list["FakeDeployment"] = field(default_factory=list)
    deployed: int = 0
    checked: list[Fault] = field(default_factory=list)

    def note(self, step: str) -> None:
        self.steps.append(step)
        self.happens(step)


class FakeRuntime:
    """A runtime that brings nothing up, and says that all is there."""

    name = "local"

    def __init__(self, world: World) -> None:
        self._world = world

    def facts(self) -> dict[str, Any]:
        return {"name": self.name}

    def check(self, topology: Topology, faults: Iterable[Fault]) -> None:
        self._world.checked += faults

    def up(self, topology: Topology, *, on_progress: OnProgress | None = None) -> "FakeDeployment":
        self._world.note("up")
        if on_progress is not None:
            on_progress("everything is ready (1 of 1)")
        return FakeDeployment(topology, self._world)


class FakeDeployment:
    """A topology that is said to be up."""

    address = "http://127.0.0.1:9"
    is_ours = True

    def __init__(self, topology: Topology, world: World) -> None:
        self.topology = topology
        self.world = world
        self.scratch = Path(mkdtemp(prefix="fake-"))
        self.run: RunData | None = None
        self.asked_for_counts = 0
        world.up.append(self)
        world.deployed += 1

    def facts(self) -> dict[str, Any]:
        return {"runtime": "local", "images": {}, "limits": {}}

    def logs(self) -> Mapping[str, Path]:
        self.world.note("save")
        log = self.scratch / "api-1.log"
        log.write_text("a word\n")
        return {"api-1": log}

    def usage(self, *, memory: bool = True) -> Mapping[str, Usage]:
        return {}

    def payment_seed(self, seed: int) -> str | None:
        return str(seed)

    def unexpected_exits(self) -> list[str]:
        return []

    def kill(self, service: str, replica: int, sig: Signals) -> None:
        self.world.steps.append(f"{sig.name} {service}-{replica}")

    def wait_ready(self, service: str, replica: int) -> None:
        self.world.steps.append(f"wait {service}-{replica}")

    def down(self) -> None:
        rmtree(self.scratch)
        self.world.note("down")
        self.world.up.remove(self)


class FakeLoad:
    """A load that is over when it has begun: its buyers have been simulated."""

    def __init__(self, world: World, out_dir: Path) -> None:
        self._world = world
        self._is_sale = out_dir.name == "sale"

    def wait_ready(self, timeout_s: float | None = None) -> None:
        pass

    def begin(self, t0_ns: int) -> None:
        self._world.note("load" if self._is_sale else "warm_up")

    def wait(self, on_progress: object = None) -> None:
        if self._is_sale:
            self._world.note("drain")

    def progress(self) -> Progress:
        return Progress(t_s=1.0, stage="rush", planned=30.0, active=30, requests=100)

    def poll(self) -> None:
        return None

    def fetch_logs(self) -> None:
        pass

    def stop(self) -> None:
        self._world.steps.append("stop load" if self._is_sale else "stop warm-up")

    def cpu_s(self) -> float:
        return 0.0

    def cpu_s_by_process(self) -> dict[int, float]:
        return {0: 0.0}

    def last_words(self) -> str:
        return "nothing"


class FakeSampler:
    """Telemetry that the simulation took."""

    def __init__(self, deployment: FakeDeployment, *load_cpu_s: object) -> None:
        self._deployment = deployment

    def start(self, t0_ns: int) -> None:
        pass

    def latest(self, source: str, metric: str) -> float | None:
        return 0.0

    def cores(self) -> dict[str, float]:
        return dict.fromkeys((*self._deployment.topology.services, "load"), 0.1)

    def stop(self) -> pd.DataFrame:
        self._deployment.world.steps.append("stop sampler")
        return _run_of(self._deployment).telemetry


def put_in_place(world: World, replace: Callable[[object, str, object], None] = setattr) -> None:
    """Let every campaign of this process run on fakes, its clock included."""
    clock = Clock()
    for module in (steps, load_phase, backlog, injector):
        replace(module, "time", clock)
    replace(runtimes, "LocalRuntime", lambda pythons=None: FakeRuntime(world))
    replace(execution, "reset", _reset)
    replace(execution, "settle_stores", lambda deployment: deployment.world.note("settle"))
    replace(backlog, "size", lambda deployment: 0)
    replace(load_phase, "Sampler", FakeSampler)
    replace(load, "start", lambda plan, out_dir, workers=None: FakeLoad(world, out_dir))
    replace(load, "collect", lambda out_dir: _load_result(_run_of(world.up[-1])))
    replace(collect, "request_counts", _request_counts)
    replace(collect, "store_facts", lambda deployment, sales: _run_of(deployment).record.store)
    replace(collect, "server_versions", lambda deployment: {"postgres": "PostgreSQL 18.0"})
    replace(run_data, "entry_requests", lambda deployment, from_ns, to_ns: [])
    replace(collect, "charges", lambda deployment, *_: _run_of(deployment).charges)
    replace(collect, "ledger_frames", _ledger_frames)
    replace(collect, "absent", lambda deployment: _run_of(deployment).record.absent)


def _ledger_frames(deployment: "FakeDeployment", sales: object) -> dict[str, pd.DataFrame]:
    names = ("orders", "order_events", "payments", "stock_moves")
    return {name: getattr(_run_of(deployment), name) for name in names}


def _reset(deployment: FakeDeployment, scenario: Any, sales: Any) -> ResetProof:
    """Play the run that is measured later; what is proven is what it began from."""
    deployment.world.note("reset")
    played = make_run(
        "queue" if deployment.topology.redis else "sync",
        seed=int(deployment.topology.services["payment-gateway"].environment["GATEWAY_SEED"]),
        users=scenario.peak_users,
        stock=sales[0].stock,
        seconds=int(scenario.load_s),
    )
    deployment.world.changes(played, deployment.topology)
    deployment.run = played
    assert played.record.reset_proof is not None
    return played.record.reset_proof


def _run_of(deployment: FakeDeployment) -> RunData:
    assert deployment.run is not None, "nothing was reset"
    return deployment.run


def _request_counts(deployment: FakeDeployment) -> Counter[tuple[str, str, int]]:
    """Count nothing before the sale, and all that the simulated servers counted after it."""
    deployment.asked_for_counts += 1
    counts: Counter[tuple[str, str, int]] = Counter()
    if deployment.asked_for_counts > 1:
        deployment.world.note("collect")
        for row in _run_of(deployment).record.server_counts or ():
            counts[row.method, row.route, row.status] += row.count
    return counts


def _load_result(run: RunData) -> LoadResult:
    counted = len(run.requests)
    return LoadResult(run.requests, run.buyers, run.clock, counted, counted)
