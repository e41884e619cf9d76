"""The load of a run: sent, watched, sampled, hit by its faults, and waited for."""

import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pandas as pd

from harness import load
from harness.campaign import backlog, collect
from harness.campaign.observer import LiveSample, Observer
from harness.campaign.prober import Prober
from harness.campaign.schedule import PlannedRun
from harness.errors import InfrastructureError
from harness.faults.injector import Injector, Latest
from harness.load import LoadPlan, LoadWorkers
from harness.load.load_result import LoadResult
from harness.results.record import FaultRecord, Payments, ProberFacts
from harness.runtimes import Deployment
from harness.scenario.model import Scenario
from harness.scenario.sales import Sale
from harness.telemetry import Sampler

REPORT_PERIOD_S = 1.0
AHEAD_NS = 200_000_000
"""How long after its announcement a load begins, at the same moment in all generators."""


@dataclass(frozen=True, slots=True)
class LoadFindings:
    """What a load has found, before the stores are read."""

    t0_wall_ns: int
    """When it began, in epoch ns."""
    result: LoadResult
    telemetry: pd.DataFrame
    faults: list[FaultRecord]
    requests_before: collect.RequestCounts | None
    drained: bool
    drain_ended_wall_ns: int
    prober: ProberFacts | None = None


def warm_up(scenario: Scenario, deployment: Deployment, seed: int) -> None:
    """Send the load before the load, on another product, and wait for its orders."""
    contract = deployment.topology.contract
    plan = LoadPlan.for_warm_up(scenario, deployment.address, seed=seed, contract=contract)
    generator = load.start(plan, deployment.scratch / "warm-up")
    try:
        generator.wait_ready()
        generator.begin(time.monotonic_ns())
        generator.wait()
    finally:
        generator.stop()
    backlog.wait_until_empty(deployment, scenario.drain.limit_s)


class LoadPhase:
    """The load of one run, from the start of its generators until all of it is stopped.

    Within its block: `wait_ready`, `count_requests`, `send`, `drain`; then `findings`.
    `earlier_charges` are those that the gateway had executed before.
    """

    def __init__(
        self,
        run: PlannedRun,
        scenario: Scenario,
        sales: Sequence[Sale],
        deployment: Deployment,
        observer: Observer,
        workers: LoadWorkers | None = None,
    ) -> None:
        self._run = run
        self._workers = workers
        self._scenario = scenario
        self._deployment = deployment
        self._observer = observer
        self._folder = deployment.scratch / "sale"
        self._plan = load.sale_plan(
            scenario,
            deployment.address,
            seed=run.seed,
            sales=sales,
            contract=deployment.topology.contract,
        )
        self._injector = _injector(run, scenario, deployment, self._latest)
        self._prober = _prober(run, scenario, deployment)

    def __enter__(self) -> Self:
        """Start the generators: they get ready while the deployment warms up."""
        self._generator = load.start(self._plan, self._folder, self._workers)
        self._sampler: Sampler | None = None
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Stop all that still goes on (InfrastructureError: its samples broke off before)."""
        try:
            if self._sampler is not None:
                self._injector.give_up()  # first: what is broken is mended while others still end
            if self._prober is not None:
                self._prober.stop()
            if self._sampler is not None:
                # what has failed before is what is to be heard
                with suppress(*(() if kind is None else (InfrastructureError,))):
                    self._telemetry = self._sampler.stop()
        finally:
            self._generator.stop()

    def wait_ready(self) -> None:
        """Wait until every generator could begin (InfrastructureError: one cannot)."""
        self._generator.wait_ready()

    def count_requests(self) -> None:
        """Read the servers' counters, so that what they counted before the load is left out.

        Raises InfrastructureError if one does not answer.
        """
        if self._prober is not None:
            self._prober.prepare()
        with collect.answers_expected(self._deployment, "before the load"):
            self._requests_before = collect.request_counts(self._deployment)
            self.earlier_charges = collect.earlier_charges(self._deployment)

    def send(self) -> None:
        """Begin the load, its samples and its faults, and follow them to the end of the stages.

        Raises InfrastructureError if a generator or a service ends before that.
        """
        generator = self._generator
        self._sampler = Sampler(self._deployment, generator.cpu_s, generator.cpu_s_by_process)
        self._t0_ns = time.monotonic_ns() + AHEAD_NS
        self._t0_wall_ns = time.time_ns() + self._t0_ns - time.monotonic_ns()
        self._generator.begin(self._t0_ns)
        self._sampler.start(self._t0_ns)
        self._injector.start(self._t0_ns, self._scenario.load_s)
        if self._prober is not None:
            self._prober.start()
        self._follow()
        if self._prober is not None:
            self._prober.stop()

    def drain(self) -> None:
        """Let requests end and what was broken recover, and wait until the backlog is empty."""
        self._generator.wait(lambda _: self._report())
        while not self._injector.wait(REPORT_PERIOD_S):
            self._report()
        limit_s = self._scenario.drain.limit_s
        self._drained = backlog.wait_until_empty(self._deployment, limit_s, self._report)
        self._drain_ended_wall_ns = time.time_ns()
        self._generator.fetch_logs()
        left = "is empty" if self._drained else f"is not empty after {limit_s:g} s"
        self._observer.detail(self._run, f"the backlog {left}")

    def findings(self) -> LoadFindings:
        """Return what the load has found (InfrastructureError: a log of requests is incomplete)."""
        return LoadFindings(
            t0_wall_ns=self._t0_wall_ns,
            result=load.collect(self._folder),
            telemetry=self._telemetry,
            faults=self._injector.records(),
            requests_before=self._requests_before,
            drained=self._drained,
            drain_ended_wall_ns=self._drain_ended_wall_ns,
            prober=None if self._prober is None else self._prober.facts(),
        )

    def _follow(self) -> None:
        """Report on the load until its last stage is over; stop if something died.

        A contention test is over when its generators are: it takes as long as its sales take.
        """
        is_contention_test = self._scenario.contention is not None
        end_ns = (
            sys.maxsize if is_contention_test else self._t0_ns + int(self._scenario.load_s * 1e9)
        )
        while time.monotonic_ns() < end_ns:
            time.sleep(min(REPORT_PERIOD_S, max(0.0, (end_ns - time.monotonic_ns()) / 1e9)))
            code = self._generator.poll()
            if is_contention_test and code == 0:
                return
            if code is not None:
                raise InfrastructureError(
                    f"the load generator ended early: {self._generator.last_words()}",
                    "see the message; the campaign can be continued with --resume",
                )
            self._check_services()
            self._report()

    def _check_services(self) -> None:
        dead = self._deployment.unexpected_exits()
        if dead:
            approach = self._deployment.topology.approach
            raise InfrastructureError(
                f"{approach}: {', '.join(dead)} died under load; "
                f"last words of {dead[0]}:\n{_tail(self._deployment.logs()[dead[0]])}",
                "everything was taken down; what was finished can be continued with --resume",
            )

    def _report(self) -> None:
        for event in self._injector.events():
            self._observer.fault(self._run, event)
        sample = LiveSample(
            t_s=(time.monotonic_ns() - self._t0_ns) / 1e9,
            stock=self._latest("postgres", "stock"),
            backlog=self._latest("postgres", "reserved"),
            cores=self._sampler.cores() if self._sampler else {},
        )
        self._observer.load(self._run, self._generator.progress(), sample)

    def _latest(self, source: str, metric: str) -> float | None:
        return self._sampler.latest(source, metric) if self._sampler else None


def _prober(run: PlannedRun, scenario: Scenario, deployment: Deployment) -> Prober | None:
    """Return who asks beside the load of a run, if the scenario has somebody."""
    if scenario.prober is None:
        return None
    payment = Payments(**scenario.payment.model_dump(), seed=str(run.seed))
    return Prober(deployment, payment, scenario.prober.every_s)


def _injector(
    run: PlannedRun, scenario: Scenario, deployment: Deployment, latest: Latest
) -> Injector:
    """Return what carries out the faults of a run; random ones come one after the other."""
    draw_from = f"{run.seed}-{run.case}"
    case = scenario.case(run.case)
    faults = scenario.faults_of_run(run.case, deployment.topology.services, draw_from)
    in_turn = case is not None and case.random_faults is not None
    return Injector(faults, deployment, latest, draw_from=draw_from, in_turn=in_turn)


def _tail(log: Path, lines: int = 20) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
