"""What a run has found, put together from what each of its steps returned."""

from dataclasses import dataclass, replace
from datetime import datetime

import pandas as pd
import psutil

from harness import analysis
from harness.campaign.collect import (
    Collected,
    certainly_counted,
    entry_requests,
    requests_of_faults,
)
from harness.campaign.load_phase import LoadFindings
from harness.campaign.schedule import PlannedRun
from harness.host import processors
from harness.results.record import (
    EntryLog,
    LoadWorker,
    Payments,
    RequestCount,
    RequestTotals,
    ResetProof,
    RunRecord,
)
from harness.results.store import RunData
from harness.runtimes import Deployment
from harness.scenario.model import Scenario
from harness.scenario.sales import Sale

LOG_LAG_S = 2.0
"""How long a server may keep a line of its log before it writes it."""


@dataclass(frozen=True, slots=True)
class StepResults:
    """What the steps of a run returned."""

    started_at: datetime
    proof: ResetProof
    load: LoadFindings
    stores: Collected
    durations_s: dict[str, float]


def run_data(
    planned: PlannedRun,
    scenario: Scenario,
    sales: tuple[Sale, ...],
    deployment: Deployment,
    found: StepResults,
) -> RunData:
    """Return a run with its record and its tables, judged by the laws."""
    load, stores = found.load, found.stores
    record = RunRecord(
        index=planned.index,
        block=planned.block,
        variant=planned.variant,
        approach=deployment.topology.approach,
        case=planned.case,
        status="complete",
        seed=planned.seed,
        started_at=found.started_at.isoformat(timespec="seconds"),
        durations_s=found.durations_s,
        scenario=scenario.model_dump(mode="json"),
        topology=deployment.topology.describe(),
        deployment=deployment.facts(),
        servers=stores.servers,
        cores=psutil.cpu_count() or 1,
        cores_allowed=processors.allowed(),
        sales=list(sales),
        payment=_payments(scenario, deployment.payment_seed(planned.seed)),
        reset_proof=found.proof,
        t0_wall_ns=load.t0_wall_ns,
        load_s=_load_s(scenario, load),
        drain_s=found.durations_s["drain"],
        drained=load.drained,
        drain_ended_wall_ns=load.drain_ended_wall_ns,
        faults=load.faults,
        prober=load.prober,
        recorded=RequestTotals(recorded=load.result.recorded, locust=load.result.locust_requests),
        load_workers=[LoadWorker(**one) for one in load.result.workers],
        server_counts=_server_counts(load, stores),
        entry_log=_entry_log(scenario, load, deployment),
        store=stores.store,
        absent=stores.absent,
    )
    run = RunData(
        record=record,
        requests=load.result.requests,
        buyers=load.result.buyers,
        clock=load.result.clock,
        telemetry=load.telemetry,
        charges=stores.charges,
        **{**stores.ledger, "orders": _orders(stores, load)},
    )
    validity = analysis.validity(run, analysis.check_laws(run))
    return replace(run, record=record.model_copy(update={"validity": validity}))


def _orders(stores: Collected, load: LoadFindings) -> pd.DataFrame:
    """Return the ledger's orders; keys that it does not yield are those that buyers were answered.

    The analysis then knows when each order was asked for. The audit does not read such keys.
    """
    orders = stores.ledger["orders"]
    if "orders.key" not in stores.absent:
        return orders
    bought = load.result.requests.query("endpoint == 'buy' and order_id != ''")
    keys = bought.drop_duplicates("order_id").set_index("order_id")["key"]
    return orders.assign(key=orders["order_id"].map(keys).fillna(""))


def _load_s(scenario: Scenario, load: LoadFindings) -> float:
    """Return how long the load took: as planned, or until the last answer of a contention test."""
    requests = load.result.requests
    if scenario.contention is None or requests.empty:
        return scenario.load_s
    return float(requests["done_ns"].max()) / 1e9


def _payments(scenario: Scenario, seed: str | None) -> Payments | None:
    """Return what decides every charge; None: it is not known what the gateway draws from."""
    return None if seed is None else Payments(**scenario.payment.model_dump(), seed=seed)


def _server_counts(load: LoadFindings, stores: Collected) -> list[RequestCount] | None:
    """Return what servers counted of the buyers' requests alone; None: it is not known."""
    if not stores.server_counts or load.requests_before is None:
        return None
    counted = stores.server_counts.copy()
    counted.subtract(load.requests_before)
    counted.subtract(requests_of_faults(load.faults))
    counted.subtract(certainly_counted(load.prober.requests if load.prober else ()))
    return [
        RequestCount(method=method, route=route, status=status, count=count)
        for (method, route, status), count in sorted(counted.items())
        if count
    ]


def _entry_log(scenario: Scenario, load: LoadFindings, deployment: Deployment) -> EntryLog:
    """Return the entry's own account of the load, but for what may be in its buffers still."""
    to_s = max(0.0, scenario.load_s - LOG_LAG_S)
    from_ns = load.t0_wall_ns
    return EntryLog(
        to_s=to_s, requests=entry_requests(deployment, from_ns, from_ns + round(to_s * 1e9))
    )
