"""A shop on several machines: each has its processors, its clock, and a row in the report."""

from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest

from harness.analysis import check_laws, machine
from harness.analysis.estimates import point
from harness.analysis.laws import capacity, node_clocks
from harness.analysis.node_usage import NodeUsage, generator_cores, node_usages, shop_cores
from harness.analysis.resources import cpu_pct, other_cores
from harness.analysis.run_facts import RunFacts
from harness.audit import audit
from harness.results.findings import Verdict
from report.tables import node_table
from tests.support.histories import make_run
from tests.support.records import with_record

NODES = {
    "front": {"here": True, "cpus": 2, "replicas": ["nginx-1", "api-1", "api-2"]},
    "stores": {"here": False, "cpus": 4, "replicas": ["redis-1", "postgres-1"]},
}
SECONDS = 24


@pytest.fixture(scope="module")
def one_machine():
    return make_run("queue", users=20, stock=30, seconds=SECONDS)


@pytest.fixture
def on_nodes(one_machine):
    """Makes a run on two nodes, of which one is here: cores used, clocks ahead, and how sure."""

    def make(front=0.25, stores=0.5, ahead_s=0.0, uncertainty_s=0.004):
        at_s = [float(t) for t in range(0, 41, 5)]
        rows = []
        for name, cores in (("node:front", front), ("node:stores", stores)):
            rows += [(t, name, "cpu_s", cores * t) for t in at_s]
            rows += [(t, name, "memory_bytes", 1e8 + 1e6 * t) for t in at_s]
            ahead = ahead_s if name == "node:stores" else 0.0
            rows += [(t, name, "clock_offset_s", ahead) for t in at_s]
            rows += [(t, name, "clock_uncertainty_s", uncertainty_s) for t in at_s]
        more = pd.DataFrame(rows, columns=["t_s", "source", "metric", "value"])
        recorded = with_record(one_machine, deployment={"runtime": "docker", "nodes": NODES})
        return replace(recorded, telemetry=pd.concat([one_machine.telemetry, more]))

    return make


def laws(run, name):
    return [law for law in check_laws(run) if law.name == name]


def test_what_runs_on_another_machine_uses_none_of_this_one(on_nodes):
    used_up, spare = RunFacts(on_nodes(stores=3.9)), RunFacts(on_nodes(stores=0.0))
    assert machine.uses(used_up) == machine.uses(spare)
    assert machine.uses(spare)[0].cores["shop"] == pytest.approx(0.25)
    others = [point(other_cores(facts), None).value for facts in (used_up, spare)]
    assert others[0] == others[1]


def test_each_machine_has_its_own_limit(on_nodes):
    here, there = laws(on_nodes(stores=3.9), capacity.UTILISATION)
    assert (here.verdict, there.verdict) == (Verdict.PASS, Verdict.PASS)
    here, there = laws(on_nodes(stores=4.2), capacity.UTILISATION)
    assert (here.verdict, there.verdict) == (Verdict.PASS, Verdict.FAIL)
    assert there.detail.startswith("stores: ")
    assert laws(on_nodes(front=2.2), capacity.UTILISATION)[0].verdict is Verdict.FAIL


def test_cpu_in_percent_is_of_all_machines_of_the_shop(one_machine, on_nodes):
    alone, spread = (point(cpu_pct(RunFacts(run)), None).value for run in (one_machine, on_nodes()))
    assert spread == pytest.approx(alone * 2 / 6)


@pytest.mark.parametrize(
    ("ahead_s", "uncertainty_s", "verdict"),
    [
        (0.0, 0.004, Verdict.PASS),
        (-0.045, 0.004, Verdict.PASS),
        (0.06, 0.004, Verdict.FAIL),
        (-0.06, 0.004, Verdict.FAIL),
        (0.06, 0.02, Verdict.UNKNOWN),  # it may be 0.04
        (0.0, 0.2, Verdict.UNKNOWN),  # whatever it is, the answer took too long to tell
    ],
)
def test_clocks_agree_as_far_as_they_could_be_read(on_nodes, ahead_s, uncertainty_s, verdict):
    front, stores = laws(on_nodes(ahead_s=ahead_s, uncertainty_s=uncertainty_s), NODE_CLOCKS)
    assert stores.verdict is verdict
    assert f"stores is ahead by {1000 * ahead_s:.1f} ms" in stores.detail
    if uncertainty_s < 0.05:
        assert front.verdict is Verdict.PASS


NODE_CLOCKS = node_clocks.NODE_CLOCKS


def test_one_quick_answer_is_enough_and_one_that_cannot_be_true_too(on_nodes):
    run = on_nodes(uncertainty_s=0.2)
    last = run.telemetry["t_s"] == 40.0

    def with_last(metric, value):
        changed = run.telemetry.copy()
        changed.loc[last & (changed["metric"] == metric), "value"] = value
        return replace(run, telemetry=changed)

    quick = with_last("clock_uncertainty_s", 0.01)
    assert {law.verdict for law in laws(quick, NODE_CLOCKS)} == {Verdict.PASS}
    off = with_last("clock_offset_s", 0.3)
    assert {law.verdict for law in laws(off, NODE_CLOCKS)} == {Verdict.FAIL}


def test_a_clock_that_was_not_read_is_unknown_and_one_machine_has_no_such_law(
    one_machine, on_nodes
):
    run = on_nodes()
    unread = run.telemetry[~run.telemetry["metric"].str.startswith("clock_")]
    (front, _) = laws(replace(run, telemetry=unread), NODE_CLOCKS)
    assert front.verdict is Verdict.UNKNOWN
    assert "the clock of front was not read" in front.detail
    assert laws(one_machine, NODE_CLOCKS) == []


@pytest.mark.parametrize(
    ("ahead_s", "uncertainty_s", "verdict"),
    [
        (0.0, 0.004, Verdict.FAIL),  # the clocks agree, so the shop did that
        (-0.3, 0.004, Verdict.UNKNOWN),
        (0.0, 0.2, Verdict.UNKNOWN),
    ],
)
def test_what_rests_on_a_clock_that_may_be_wrong_is_no_offence_of_the_shop(
    on_nodes, ahead_s, uncertainty_s, verdict
):
    run = on_nodes(ahead_s=ahead_s, uncertainty_s=uncertainty_s)
    stamped = {
        "orders": ("accepted_ns", "settled_ns"),
        "order_events": ("at_ns",),
        "payments": ("at_ns",),
        "stock_moves": ("at_ns",),
    }
    tables = {name: early(getattr(run, name), columns) for name, columns in stamped.items()}
    found = audit(replace(run, **tables))
    assert next(one for one in found if one.id == "I8").verdict is verdict
    if verdict is not Verdict.FAIL:
        assert Verdict.FAIL not in {one.verdict for one in found}


def early(table, columns):
    """A table of the ledger as a clock that is 0.3 s behind would have stamped it."""
    return table.assign(**{name: table[name] - 300_000_000 for name in columns})


def test_a_node_without_a_replica_is_no_part_of_the_shop(one_machine):
    spare = {"spare": {"here": False, "cpus": 8, "replicas": []}}
    run = with_record(one_machine, deployment={"runtime": "docker", "nodes": NODES | spare})
    assert shop_cores(RunFacts(run)) == 2 + 4


def test_the_usage_of_each_node(on_nodes):
    front, stores = node_usages(RunFacts(on_nodes(ahead_s=0.002)))
    assert (front.name, front.replicas, front.cpus) == ("front", ("nginx-1", "api-1", "api-2"), 2)
    assert stores.cores == pytest.approx(0.5)
    assert stores.clock_ahead_s == pytest.approx(0.002)
    assert 1e8 < stores.memory_bytes <= 1e8 + 40e6


def test_the_report_has_a_row_for_each_node_and_one_for_the_generator(one_machine, on_nodes):
    facts = RunFacts(on_nodes())
    runs = tuple(
        SimpleNamespace(
            nodes=node_usages(facts),
            generator_cores=generator_cores(facts),
            record=SimpleNamespace(cores=2),
        )
        for _ in range(2)
    )
    variant = SimpleNamespace(title="Queue", runs=runs)
    (table,) = node_table.tables(SimpleNamespace(variants=[variant], workload="a small sale"))
    shown = [[cell.text for cell in row.cells] for row in table.rows]
    assert shown[1][:4] == ["stores", "redis-1, postgres-1", "4", "0.50"]
    assert [row[0] for row in shown] == ["front", "stores", "load generator"]
    assert shown[2][2] == "2"
    nothing = SimpleNamespace(title="Sync", runs=(SimpleNamespace(nodes=()),))
    assert node_table.tables(SimpleNamespace(variants=[nothing], workload="")) == ()


def test_what_was_not_sampled_is_not_zero(one_machine):
    unread = with_record(one_machine, deployment={"runtime": "docker", "nodes": NODES})
    front, _ = node_usages(RunFacts(unread))
    assert front == NodeUsage("front", 2.0, ("nginx-1", "api-1", "api-2"), None, None, None)
