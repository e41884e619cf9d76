"""One run, in eight steps, on a fresh deployment.

1. bring the topology up, wait until every service is ready
2. empty the stores, seed the stock, and prove it
3. warm up on another product
4. VACUUM ANALYZE; CHECKPOINT
5. the stages, sampling telemetry each second; the faults, if the scenario has any
6. stop arrivals, let requests finish and what was broken recover, wait for the backlog
7. collect ledger, stores, gateway log, logs; check the laws; audit; save
8. tear down

The latency and the audit come from the same load, which is what this project is for.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import psutil
import psycopg
import redis

from harness import analysis, audit, load
from harness.campaign import collect
from harness.campaign.observer import STEPS, LiveSample, Observer
from harness.campaign.plan import PlannedRun
from harness.campaign.reset import reset, settle_stores
from harness.errors import InfrastructureError
from harness.faults.injector import Injector
from harness.host import processors
from harness.load import AnyPlan, LoadPlan, LoadProcess
from harness.results.store import Campaign, RunData
from harness.runtimes import Deployment, Runtime
from harness.scenario.model import Scenario
from harness.telemetry import Sampler
from harness.topology import Topology

BACKLOG_POLL_S = 0.25
TELL_PERIOD_S = 1.0
LOG_LAG_S = 2.0
"""A server may keep a line of its log so long before it writes it."""
IDLE_CHECKS = 2
"""The backlog must be seen empty this often in a row: a request may lie between two stores."""


class Protocol:
    """Conducts one planned run and saves it."""

    def __init__(
        self,
        planned: PlannedRun,
        scenario: Scenario,
        topology: Topology,
        runtime: Runtime,
        observer: Observer,
    ) -> None:
        self._planned = planned
        self._scenario = scenario
        self._seed = planned.seed
        self._topology = topology
        self._runtime = runtime
        self._observer = observer
        self._sales = scenario.sales(planned.seed)
        self._durations_s: dict[str, float] = {}
        self._record: dict[str, Any] = {}

    def conduct(self, campaign: Campaign) -> None:
        """Do the eight steps; whatever happens, nothing of the deployment is left."""
        self._record["started_at"] = datetime.now(UTC).isoformat(timespec="seconds")
        deployment = None
        try:
            with self._step("up"):
                deployment = self._runtime.up(self._topology)
            run = self._measure(deployment, deployment.scratch)
            with self._step("audit"):
                run = self._judge(run)
                findings = audit.audit(run)
                campaign.save_run(run, findings, deployment.logs())
        finally:
            if deployment is not None:
                with self._step("down"):
                    deployment.down()
        sold = sum(product["sold"] for product in run.record["store"]["products"])
        valid = run.record["validity"]["verdict"] == "VALID"
        self._observer.run_ends(self._planned, valid, audit.verdict(findings), sold)

    def _measure(self, deployment: Deployment, scratch: Path) -> RunData:
        """Steps 2 to 7, up to the raw facts."""
        with self._step("reset"):
            proof = reset(deployment, self._scenario, self._sales)
        generator = load.start(self._load_plan(deployment), scratch / "sale")
        try:
            with self._step("warm_up"):
                self._warm_up(deployment, scratch / "warm-up")
                generator.wait_ready()
                settle_stores(deployment)
            before = collect.request_counts(deployment)
            telemetry = self._load(deployment, generator)
        finally:
            generator.stop()
        with self._step("collect"):
            try:
                return self._collect(deployment, scratch / "sale", proof, before, telemetry)
            except (psycopg.Error, redis.RedisError, httpx.HTTPError) as error:
                raise collect.reading(deployment, error) from error

    def _load_plan(self, deployment: Deployment) -> AnyPlan:
        return load.sale_plan(
            self._scenario, deployment.address, seed=self._seed, sales=self._sales
        )

    def _warm_up(self, deployment: Deployment, scratch: Path) -> None:
        plan = LoadPlan.for_warm_up(self._scenario, deployment.address, seed=self._seed)
        generator = load.start(plan, scratch)
        try:
            generator.wait_ready()
            generator.begin(time.monotonic_ns())
            generator.wait()
        finally:
            generator.stop()
        self._wait_for_backlog(deployment)

    def _load(self, deployment: Deployment, generator: LoadProcess) -> pd.DataFrame:
        sampler = Sampler(deployment, generator.cpu_s)
        injector = self._injector(deployment, sampler)
        try:
            with self._step("load"):
                t0_ns = time.monotonic_ns() + 200_000_000
                self._record["t0_wall_ns"] = time.time_ns() + t0_ns - time.monotonic_ns()
                generator.begin(t0_ns)
                sampler.start(t0_ns)
                injector.start(t0_ns, self._scenario.load_s)
                watched = _Watched(generator, sampler, injector, t0_ns)
                self._watch(deployment, watched)
            with self._step("drain"):
                generator.wait(lambda _: self._tell(watched))
                while not injector.wait(TELL_PERIOD_S):
                    self._tell(watched)
                self._record["drained"] = self._wait_for_backlog(
                    deployment, lambda: self._tell(watched)
                )
                self._record["drain_ended_wall_ns"] = time.time_ns()
        finally:
            injector.give_up()
            telemetry = sampler.stop()
        self._record["faults"] = injector.records()
        return telemetry

    def _injector(self, deployment: Deployment, sampler: Sampler) -> Injector:
        planned = self._planned
        draw_from = f"{planned.seed}-{planned.case}"
        case = self._scenario.case(planned.case)
        return Injector(
            self._scenario.faults_of_run(planned.case, self._topology.services, draw_from),
            deployment,
            sampler.latest,
            draw_from=draw_from,
            in_turn=case is not None and case.random_faults is not None,
        )

    def _tell(self, watched: "_Watched") -> None:
        for news in watched.injector.news():
            self._observer.fault(self._planned, news)
        self._observer.load(self._planned, watched.generator.progress(), watched.vitals())

    def _watch(self, deployment: Deployment, watched: "_Watched") -> None:
        """Tell of the load until its last stage is over; stop if something died.

        A contention test ends when its generator ends: it takes as long as its sales take.
        """
        generator = watched.generator
        is_contention_test = self._scenario.contention is not None
        end_ns = (
            sys.maxsize if is_contention_test else watched.t0_ns + int(self._scenario.load_s * 1e9)
        )
        while time.monotonic_ns() < end_ns:
            time.sleep(min(TELL_PERIOD_S, max(0.0, (end_ns - time.monotonic_ns()) / 1e9)))
            if is_contention_test and generator.poll() == 0:
                return
            if generator.poll() is not None:
                raise InfrastructureError(
                    f"the load generator ended early: {generator.last_words()}",
                    "see the message; the campaign can be continued with --resume",
                )
            dead = deployment.unexpected_exits()
            if dead:
                raise InfrastructureError(
                    f"{self._topology.approach}: {', '.join(dead)} died under load; "
                    f"last words of {dead[0]}:\n{_tail(deployment.logs()[dead[0]])}",
                    "everything was taken down; what was finished can be continued with --resume",
                )
            self._tell(watched)

    def _wait_for_backlog(
        self, deployment: Deployment, tell: Callable[[], None] = lambda: None
    ) -> bool:
        """Wait until nothing is open in the ledger or the streams; say whether that came.

        Calls `tell` about once a second.
        """
        deadline_s = time.monotonic() + self._scenario.drain.limit_s
        told_s = -TELL_PERIOD_S
        idle = 0
        while time.monotonic() < deadline_s:
            if time.monotonic() >= told_s + TELL_PERIOD_S:
                told_s = time.monotonic()
                tell()
            idle = idle + 1 if _is_idle(deployment) else 0
            if idle == IDLE_CHECKS:
                return True
            time.sleep(BACKLOG_POLL_S)
        return False

    def _collect(
        self,
        deployment: Deployment,
        ledger_folder: Path,
        proof: Mapping[str, Any],
        before: collect.RequestCounts,
        telemetry: pd.DataFrame,
    ) -> RunData:
        counted = collect.request_counts(deployment)
        counted.subtract(before)
        counted.subtract(collect.requests_of_faults(self._record["faults"]))
        result = load.collect(ledger_folder)
        self._record |= {
            "index": self._planned.index,
            "block": self._planned.block,
            "approach": self._planned.approach,
            "case": self._planned.case,
            "status": "complete",
            "seed": self._seed,
            "scenario": self._scenario.model_dump(mode="json"),
            "load_s": self._load_s(result.requests),
            "sales": [asdict(sale) for sale in self._sales],
            "reset_proof": dict(proof),
            "server_counts": [
                {"method": method, "route": route, "status": status, "count": count}
                for (method, route, status), count in sorted(counted.items())
                if count
            ],
            "entry_log": self._entry_log(deployment),
            "store": collect.store_facts(deployment, self._sales),
            "servers": collect.server_versions(deployment),
            "topology": self._topology.describe(),
            "deployment": deployment.facts(),
            "cores": psutil.cpu_count() or 1,
            "cores_allowed": processors.allowed(),
            "recorded": {"recorded": result.recorded, "locust": result.locust_requests},
            "payment": self._scenario.payment.model_dump(mode="json") | {"seed": str(self._seed)},
        }
        return RunData(
            record=self._record,
            requests=result.requests,
            buyers=result.buyers,
            clock=result.clock,
            telemetry=telemetry,
            charges=collect.charges(deployment, f"{self._seed}-w"),
            **collect.ledger_frames(deployment, self._sales),
        )

    def _entry_log(self, deployment: Deployment) -> dict[str, Any]:
        """Return the entry's own account of the load, but for what may be in its buffers still."""
        to_s = max(0.0, self._scenario.load_s - LOG_LAG_S)
        t0_ns = self._record["t0_wall_ns"]
        return {
            "to_s": to_s,
            "requests": collect.entry_account(deployment, t0_ns, t0_ns + round(to_s * 1e9)),
        }

    def _load_s(self, requests: pd.DataFrame) -> float:
        """Return how long the load took: as planned; of a contention test, to the last answer."""
        if self._scenario.contention is None or requests.empty:
            return self._scenario.load_s
        return float(requests["done_ns"].max()) / 1e9

    def _judge(self, run: RunData) -> RunData:
        """Check the laws; a run that breaks one is kept, and says why it is not ranked."""
        run.record["durations_s"] = self._durations_s
        run.record["drain_s"] = self._durations_s["drain"]
        laws = analysis.check_laws(run)
        run.record["validity"] = analysis.validity(run, laws) | {
            "laws": [asdict(law) for law in laws]
        }
        return run

    @contextmanager
    def _step(self, key: str) -> Iterator[None]:
        self._observer.step(self._planned, STEPS[key])
        begun_s = time.monotonic()
        try:
            yield
        finally:
            self._durations_s[key] = round(time.monotonic() - begun_s, 3)


@dataclass(frozen=True, slots=True)
class _Watched:
    """What is told of while a load goes on."""

    generator: LoadProcess
    sampler: Sampler
    injector: Injector
    t0_ns: int

    def vitals(self) -> LiveSample:
        return LiveSample(
            t_s=(time.monotonic_ns() - self.t0_ns) / 1e9,
            stock=self.sampler.latest("postgres", "stock"),
            backlog=self.sampler.latest("postgres", "reserved"),
            cores=self.sampler.cores(),
        )


def _is_idle(deployment: Deployment) -> bool:
    """Say whether nothing is open; a store that is still recovering from a fault cannot tell."""
    try:
        return collect.backlog(deployment) == 0
    except (psycopg.Error, redis.RedisError):
        return False


def _tail(log: Path, lines: int = 20) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
