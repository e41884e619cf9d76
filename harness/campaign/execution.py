"""One run: one scenario on one fresh deployment of one variant.

The latency and the audit come from the same load, which is what this project is for.
"""

from collections import Counter
from datetime import UTC, datetime
from functools import partial

from harness import audit
from harness.campaign.collect import collect
from harness.campaign.load_phase import LoadPhase, warm_up
from harness.campaign.observer import Observer
from harness.campaign.run_data import StepResults, run_data
from harness.campaign.schedule import PlannedRun
from harness.campaign.steps import StepTimer
from harness.campaign.store_reset import reset, settle_stores
from harness.load import LoadWorkers
from harness.results.store import Campaign
from harness.runtimes import Runtime
from harness.scenario.model import Scenario
from harness.topology import Topology


def execute_run(
    planned: PlannedRun,
    scenario: Scenario,
    topology: Topology,
    runtime: Runtime,
    campaign: Campaign,
    observer: Observer,
    load_workers: LoadWorkers | None = None,
) -> None:
    """Do the eight `STEPS` of a run, and save it; whatever happens, all is torn down.

    `load_workers` are the processes of its load that run on other machines.

    Raises what the step raises that fails, as a rule InfrastructureError; then nothing is saved.
    """
    started_at = datetime.now(UTC)
    sales = scenario.sales(planned.seed)
    step = StepTimer(lambda begun: observer.step(planned, begun))
    detail = partial(observer.detail, planned)
    with step("up"):
        deployment = runtime.up(topology, on_progress=detail)
    try:
        with step("reset"):
            proof = reset(deployment, scenario, sales)
            detail("the stores are as they must be" if proof.clean else "the stores are NOT clean")
        with LoadPhase(planned, scenario, sales, deployment, observer, load_workers) as load:
            with step("warm_up"):
                warm_up(scenario, deployment, planned.seed)
                load.wait_ready()
            with step("settle"):
                settle_stores(deployment)
                load.count_requests()
            with step("load"):
                load.send()
            with step("drain"):
                load.drain()
        with step("collect"):
            stores = collect(deployment, sales, planned.seed, load.earlier_charges)
            found = StepResults(started_at, proof, load.findings(), stores, step.durations_s())
            run = run_data(planned, scenario, sales, deployment, found)
            findings = audit.audit(run)
            detail(f"{len(run.requests):,} requests, {len(run.orders):,} orders")
            counted = Counter(one.verdict for one in findings)
            detail("audit: " + ", ".join(f"{n} {verdict}" for verdict, n in counted.items()))
            campaign.save_run(run, findings, deployment.logs())
    finally:
        with step("down"):
            deployment.down()
    observer.run_ends(planned, run.is_valid, audit.verdict(findings), run.sold)
