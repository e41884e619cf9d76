"""What can be done to a deployment that somebody else keeps up, and what is refused."""

import contextlib
import json
import os
import threading
import time
from signal import SIGCONT, SIGKILL, SIGSTOP

import httpx
import pytest

from harness.errors import InfrastructureError, UsageError
from harness.faults.injector import Injector
from harness.runtimes import runtime_named
from harness.runtimes.attached.attached_deployment import AttachedDeployment
from harness.runtimes.attached.attached_runtime import AttachedRuntime
from harness.runtimes.attached.endpoints import load_endpoints
from harness.runtimes.state import StateFolder
from harness.scenario.faults import Fault
from harness.scenario.sales import Sale
from harness.topology import find_approach
from tests.support.edits import ROOT
from tests.support.scripted_server import serve

NOWHERE = "http://127.0.0.1:1"
PLAIN = f"""
confirm = "I may empty these stores"
address = "{NOWHERE}"
postgres = "postgresql://postgres:hidden@127.0.0.1:1/shop"
redis = "redis://:hidden@127.0.0.1:1/0"
"""
COMMANDS = """
[health]
api = ["http://127.0.0.1:1/readyz"]

[faults]
kill = "echo kill {service}-{replica} >> calls"
pause = "echo pause {service}-{replica} >> calls"
resume = "echo resume {service}-{replica} >> calls"
wipe = "exit 3"
"""


@pytest.fixture
def queue():
    return find_approach(ROOT, "queue")


@pytest.fixture
def endpoints(tmp_path, monkeypatch):
    """Return what writes a file of endpoints, and returns its path."""
    monkeypatch.chdir(tmp_path)

    def write(*parts):
        path = tmp_path / "endpoints.toml"
        path.write_text("".join(parts))
        return path

    return write


@pytest.fixture
def deployed(endpoints, queue, tmp_path):
    """Return what makes a deployment of some endpoints."""
    made = []

    def deploy(*parts):
        state = StateFolder(tmp_path / "state", "queue")
        made.append(AttachedDeployment(queue, state, load_endpoints(endpoints(PLAIN, *parts))))
        return made[-1]

    yield deploy
    for one in made:
        with contextlib.suppress(InfrastructureError):
            one.down()


def fault(kind, service="api", **options):
    return Fault.model_validate({"kind": kind, "service": service, "at_s": 1.0, **options})


def test_it_is_found_by_its_name_and_needs_endpoints(endpoints):
    assert runtime_named("attached", endpoints=endpoints(PLAIN)).name == "attached"
    with pytest.raises(UsageError, match="where is the deployment"):
        runtime_named("attached")
    with pytest.raises(UsageError, match="not with --runtime local"):
        runtime_named("local", endpoints=endpoints(PLAIN))


def test_nothing_that_is_recorded_names_an_address(endpoints, deployed):
    facts = AttachedRuntime(endpoints(PLAIN, COMMANDS)).facts()
    assert facts["fault_commands"] == ["kill", "pause", "resume", "wipe"]
    assert facts["gateway"] is facts["payment_draws"] is False
    recorded = json.dumps([facts, deployed(COMMANDS).facts()])
    assert "127.0.0.1" not in recorded
    assert "hidden" not in recorded


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (fault("stop"), "faults.stop"),
        (fault("partition"), "faults.partition"),
        (fault("drain"), "cannot do that"),
        (fault("kill", "order-worker"), "health.order-worker"),
        (fault("unavailable", None), "gateway"),
    ],
)
def test_a_fault_without_a_command_is_refused(endpoints, queue, asked, words):
    runtime = AttachedRuntime(endpoints(PLAIN, COMMANDS))
    with pytest.raises(UsageError) as refused:
        runtime.check(queue, [asked])
    assert words in refused.value.message + refused.value.hint


def test_a_fault_with_its_command_is_accepted(endpoints, queue):
    runtime = AttachedRuntime(endpoints(PLAIN, COMMANDS))
    runtime.check(queue, [fault("kill"), fault("pause"), fault("kill", "postgres")])
    runtime.check(queue, [])


def test_one_deployment_is_measured_and_no_other(endpoints, queue):
    runtime = AttachedRuntime(endpoints(PLAIN))
    runtime.check(queue, [])
    with pytest.raises(UsageError, match="more than one"):
        runtime.check(find_approach(ROOT, "sync"), [])
    with pytest.raises(UsageError, match="more than one"):
        runtime.check(queue.with_scale({"api": 7}), [])


def test_faults_are_commands(deployed, tmp_path):
    deployment = deployed(COMMANDS)
    deployment.kill("api", 1, SIGSTOP)
    deployment.kill("api", 1, SIGCONT)
    deployment.kill("api", 1, SIGKILL)
    with pytest.raises(InfrastructureError, match="does not run"):
        deployment.kill("api", 1, SIGKILL)
    called = (tmp_path / "calls").read_text().splitlines()
    assert called == ["pause api-1", "resume api-1", "kill api-1"]
    with pytest.raises(InfrastructureError, match="exit code 3"):
        deployment.wipe("api", 1)
    assert deployment.unexpected_exits() == []


def test_what_does_not_answer_is_named_by_its_key_and_without_a_password(deployed):
    with pytest.raises(InfrastructureError, match="address does not answer") as refused:
        deployed().check_reachable(lambda _: None)
    assert "hidden" not in refused.value.message


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ('[gateway]\nurl = "{}"\n', "gateway.url"),
        ('[metrics]\napi = ["{}/metrics"]\n', "metrics.api"),
    ],
)
def test_an_error_is_no_answer_of_a_gateway_or_of_metrics(deployed, table, key):
    def answer(connection, _):
        connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    with serve(answer) as server:
        deployment = deployed(table.format(server.address))
        questions = dict(deployment._questions())
        with pytest.raises(httpx.HTTPStatusError, match="404"):
            questions[key]()


def test_what_is_not_known_has_no_address_and_no_value(deployed):
    deployment = deployed()
    assert deployment.urls("payment-gateway") == deployment.urls("api", 8001) == []
    assert deployment.payment_seed(7) is None
    assert deployment.usage() == {}
    assert deployment.logs() == {}
    assert not deployment.empty_and_seed(100, [Sale(1, 1, 40)], 2)
    seeded = deployed('[gateway]\nurl = "http://127.0.0.1:2"\nseed = "42"\n')
    assert seeded.urls("payment-gateway") == ["http://127.0.0.1:2"]
    assert seeded.payment_seed(7) == "42"


def test_a_command_may_empty_and_seed(deployed, tmp_path):
    told = "echo $SALE_PRODUCTS, $PRICE_CENTS, $WARM_UP_PRODUCT > told"
    deployment = deployed(f'[reset]\ncommand = "{told}"\n')
    assert deployment.empty_and_seed(100, [Sale(1, 1, 40), Sale(2, 1001, 5)], 2)
    assert (tmp_path / "told").read_text() == "1:40 1001:5, 100, 2\n"


HITS = """
[faults]
kill = "echo kill {replica} >> calls"
start = "echo start {replica} >> calls"
stop = "echo stop {replica} >> calls"
pause = "echo pause {replica} >> calls"
resume = "echo resume {replica} >> calls"
partition = "echo partition {replica} >> calls; exit 3"
heal = "echo heal {replica} >> calls"
"""


def calls(folder):
    path = folder / "calls"
    return path.read_text().splitlines() if path.exists() else []


def test_what_a_fault_has_done_is_undone_when_the_measurement_is_over(deployed, tmp_path):
    deployment = deployed(HITS)
    deployment.kill("api", 1, SIGSTOP)
    deployment.kill("api", 1, SIGKILL)
    deployment.stop("order-worker", 1)
    with pytest.raises(InfrastructureError, match="exit code 3"):
        deployment.partition("redis", 1)  # which may have done half of it
    before = len(calls(tmp_path))
    deployment.down()
    undone = calls(tmp_path)[before:]
    assert sorted(undone) == ["heal 1", "resume 1", "start 1", "start 1"]
    assert undone.index("resume 1") < len(undone) - 1 - undone[::-1].index("start 1")
    deployment.down()
    assert len(calls(tmp_path)) == before + 4


def test_what_was_undone_is_not_undone_again(deployed, tmp_path):
    deployment = deployed(HITS)
    deployment.kill("api", 1, SIGSTOP)
    deployment.kill("api", 1, SIGCONT)
    deployment.kill("api", 1, SIGCONT)
    deployment.heal("api", 1)
    deployment.down()
    assert calls(tmp_path) == ["pause 1", "resume 1"]


def test_a_fault_under_way_is_waited_for_and_undone(deployed, tmp_path):
    partition = "echo begun >> calls; until [ -e go ]; do sleep 0.01; done; echo cut >> calls"
    deployment = deployed(
        f'[faults]\npartition = "{partition}"\nheal = "echo heal >> calls"\n'
        '[health]\napi = ["http://127.0.0.1:1/readyz"]\n'
    )
    held = Fault(kind="partition", service="api", at_s=0, for_s=600)
    injector = Injector((held,), deployment, lambda *_: None, draw_from="7")
    injector.start(time.monotonic_ns(), 600)
    while not calls(tmp_path):
        os.sched_yield()
    going_down = threading.Thread(target=deployment.down)
    going_down.start()
    (tmp_path / "go").touch()
    going_down.join(30)
    assert calls(tmp_path) == ["begun", "cut", "heal"]
    injector.give_up()
    assert injector.wait(30)
    assert calls(tmp_path) == ["begun", "cut", "heal"]
    with pytest.raises(InfrastructureError, match="too late"):
        deployment.partition("api", 1)


def test_a_fault_that_cannot_be_undone_is_an_error_and_the_rest_is_undone(deployed, tmp_path):
    deployment = deployed(HITS.replace("echo heal", "echo no such link; exit 5; echo"))
    with pytest.raises(InfrastructureError):
        deployment.partition("api", 1)
    deployment.kill("api", 1, SIGKILL)
    with pytest.raises(InfrastructureError, match=r"api-1 is left .* no such link") as failed:
        deployment.down()
    assert "by hand" in failed.value.hint
    assert calls(tmp_path)[-1] == "start 1"
    assert not (tmp_path / "state").exists()
