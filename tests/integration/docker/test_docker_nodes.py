"""A sale on three engines of one machine: one is cut off and healed, one is stopped and started.

The load comes from other nodes than that of the harness.
"""

import os
import signal
import time
from pathlib import Path

import docker
import pytest

from harness.analysis.laws import times
from harness.results.findings import Verdict
from harness.results.store import Campaign, load_findings
from harness.runtimes.docker.ownership import OWNER
from tests.support.store_servers import free_port

pytestmark = [
    pytest.mark.deploys,
    pytest.mark.integration,
    pytest.mark.timeout(900),
]
SMALL = Path(__file__).with_name("small.toml")
NAMES = ("node1", "node2", "node3")
ON_NODES = """
[[nodes]]
name = "node1"
engine = "unix://{folder}/node1/docker.sock"
address = "10.99.0.1"
services = ["nginx", "event-stream", "payment-gateway"]

[[nodes]]
name = "node2"
engine = "unix://{folder}/node2/docker.sock"
address = "10.99.0.2"
services = ["postgres", "redis", "api", "payment-worker"]

[[nodes]]
name = "node3"
engine = "unix://{folder}/node3/docker.sock"
address = "10.99.0.3"
services = ["order-worker", "api", "payment-worker"]
partition = "{script} cut node3"
heal = "{script} heal node3"
stop = "{script} stop node3"
start = "{script} start node3"
"""
PLACED = {
    "node1": ["event-stream-1", "nginx-1", "payment-gateway-1"],
    "node2": ["api-1", "payment-worker-1", "postgres-1", "redis-1"],
    "node3": ["api-2", "order-worker-1", "payment-worker-2"],
}
LOAD_FROM = {"partition_node": ("node2", "node2"), "stop_node": ("node2", "node3")}
"""Where the processes of the load are, by the kind of fault: a node that is cut off has none."""
FAULT = """
[[faults]]
kind = "{kind}"
node = "node3"
at_s = 7
for_s = 4
"""


@pytest.fixture
def nodes(nodes_or_skip, tmp_path):
    """The file that names the nodes."""
    folder, script = nodes_or_skip
    file = tmp_path / "nodes.toml"
    file.write_text(ON_NODES.format(folder=folder, script=script))
    return file


@pytest.fixture
def engines(nodes_or_skip):
    """The engines by name, to look at from the side; nothing may be left in any afterwards."""
    folder, _ = nodes_or_skip
    clients = {
        name: docker.APIClient(base_url=f"unix://{folder}/{name}/docker.sock") for name in NAMES
    }
    yield clients
    left = {name: left_in(client) for name, client in clients.items()}
    for client in clients.values():
        client.close()
    assert left == {name: [] for name in NAMES}


def left_in(client):
    things = [*client.containers(all=True), *client.networks()]
    return [thing["Id"] for thing in things if OWNER in (thing.get("Labels") or {})]


def sale(tmp_path, kind):
    """The small sale, of 20 seconds, by two processes, with a fault of the third node."""
    longer = SMALL.read_text().replace("seconds = 7\n", "seconds = 13\n")
    enough = longer.replace("stock = 40", "stock = 400")
    # names come back up to 14 s after a node does
    patient = enough.replace("limit_s = 30", "limit_s = 90")
    patient = patient.replace("processes = 1", "processes = 2")
    scenario = tmp_path / f"{kind}.toml"
    scenario.write_text(patient + FAULT.format(kind=kind))
    return scenario


@pytest.mark.parametrize("kind", ["partition_node", "stop_node"])
def test_a_sale_on_three_nodes_of_which_one_is_broken_loses_nothing(
    cli, tmp_path, nodes, engines, kind
):
    out = tmp_path / "campaign"
    master = f"10.99.0.1:{free_port()}"
    for node in LOAD_FROM[kind]:
        cli.start("load-worker", "--master", master, within=("ip", "netns", "exec", node))
    done = cli.run(
        *("run", sale(tmp_path, kind), "--runtime", "docker", "--nodes", nodes),
        *("--approach", "queue", "--scale", "payment-worker=2"),
        *("--load-master", master, "--out", out),
        timeout_s=700,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    campaign = Campaign.open(out)
    (folder,) = campaign.run_folders()
    findings = load_findings(folder)
    assert {one.verdict for one in findings} == {Verdict.PASS}, findings
    (run,) = campaign.load_runs()
    assert run.record.validity.verdict == "VALID", run.record.validity

    placed = run.record.deployment["nodes"]
    assert {name: sorted(one["replicas"]) for name, one in placed.items()} == PLACED
    assert set(campaign.description()["runtime_facts"]["nodes"]) == set(NAMES)
    (fault,) = run.record.faults
    assert fault.error is None
    assert (fault.kind, fault.node) == (kind, "node3")
    assert set(fault.services) == {"order-worker", "api", "payment-worker"}
    assert fault.begun_ns < fault.ended_ns <= fault.healthy_ns

    (law,) = [one for one in run.record.validity.laws if one.name == times.LOAD_CLOCKS]
    assert law.verdict is Verdict.PASS
    assert set(run.requests["process"]) == {0, 1}
    assert len(run.record.load_workers) == 2

    for metric in ("cpu_s", "memory_bytes", "clock_offset_s"):
        sampled = run.telemetry[run.telemetry["metric"] == metric]
        assert {f"node:{name}" for name in NAMES} <= set(sampled["source"])
    answered = {server for row in run.record.entry_log.requests for server in row.servers}
    assert len(answered) >= 2  # nginx spreads over the API's replicas of both nodes
    report = (out / "report" / "report.md").read_text()
    assert "node3" in report
    assert "load generator" in report


def test_what_a_killed_harness_left_is_cleaned_on_every_node(cli, tmp_path, nodes, engines):
    words = ("run", sale(tmp_path, "partition_node"), "--runtime", "docker", "--nodes", nodes)
    harness = cli.start(*words, "--approach", "queue", "--out", tmp_path / "campaign")
    deadline_s = time.monotonic() + 400
    while not all(running_in(client) for client in engines.values()):
        assert harness.poll() is None, harness.stdout.read()
        assert time.monotonic() < deadline_s, "the shop did not come up"
        time.sleep(0.2)
    os.kill(harness.pid, signal.SIGKILL)
    harness.wait()
    cleaned = cli.run("clean", "--nodes", nodes)
    assert cleaned.returncode == 0, cleaned.stdout + cleaned.stderr
    assert "payment-worker" in cleaned.stdout
    assert {name: left_in(client) for name, client in engines.items()} == {
        name: [] for name in NAMES
    }


def running_in(client):
    return [one for one in client.containers() if OWNER in one["Labels"]]
