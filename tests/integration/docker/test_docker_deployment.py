"""Real containers, as the compose file states them; what befalls them; and nothing stays."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
import redis

from harness.errors import InfrastructureError, UsageError
from harness.faults.actions import action_of
from harness.runtimes import clean, with_proxies
from harness.runtimes.docker import images
from harness.runtimes.docker.docker_runtime import DockerRuntime
from harness.runtimes.docker.ownership import MACHINE, OWNER, machine
from harness.scenario.faults import Fault
from harness.topology import load_topology
from tests.integration.docker.container_project import write_container_project

pytestmark = [
    pytest.mark.deploys,
    pytest.mark.integration,
    pytest.mark.timeout(300),
    pytest.mark.usefixtures("engine_or_skip"),
]
ROOT = Path(__file__).parents[3]
LIMIT_S = 60.0


def eventually(condition):
    deadline_s = time.monotonic() + LIMIT_S
    while not (answer := condition()):
        assert time.monotonic() < deadline_s, "it did not become true"
        time.sleep(0.05)
    return answer


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return tmp_path_factory.mktemp("docker")


@pytest.fixture(scope="module")
def compose(shared, engine_or_skip):
    path = write_container_project(shared / "project", ROOT / ".env")
    yield path
    built = {name for name in images.names(load_topology(path)).values() if "checkout-" in name}
    subprocess.run(["docker", "rmi", *sorted(built)], capture_output=True, check=False)


@pytest.fixture(scope="module")
def deployment(compose, shared):
    """One deployment for what does not need its own."""
    topology = load_topology(compose).with_settings(
        {("web", "memory"): "64M", ("web", "cpus"): "1"}
    )
    deployment = DockerRuntime(shared / "state-of-module").up(with_proxies(topology, ["redis"]))
    yield deployment
    deployment.down()
    deployment.down()
    assert not (shared / "state-of-module").exists()


@pytest.fixture
def state_root(shared):
    root = shared / "state"
    yield root
    assert not root.exists()


def container_of(api, deployment, service, number=1):
    (found,) = (
        one
        for one in api.containers(all=True, filters={"label": f"{OWNER}={owner_of(deployment)}"})
        if one["Names"][0].endswith(f"-{service}-{number}")
    )
    return api.inspect_container(found["Id"])


def owner_of(deployment):
    return deployment.scratch.parent.name


def test_every_address_leads_to_its_service(deployment):
    with httpx.Client(base_url=deployment.address) as client:
        hosts = {client.get("/").json()["HOSTNAME"] for _ in range(20)}
    own = {httpx.get(url).json()["HOSTNAME"] for url in deployment.urls("web")}
    assert hosts == own
    assert len(own) == 2
    with psycopg.connect(deployment.dsn()) as ledger:
        assert ledger.execute("SELECT id FROM products WHERE id = 1").fetchall() == [(1,)]
        assert ledger.execute("SHOW max_connections").fetchone() == ("42",)
    with redis.Redis.from_url(deployment.redis_url(), decode_responses=True) as store:
        assert store.config_get("appendfsync") == {"appendfsync": "always"}


def test_logs_and_usage_have_the_shape_of_the_local_runtime(deployment):
    logs = deployment.logs()
    made = {"nginx-1", "web-1", "web-2", "gateway-1", "redis-1", "postgres-1", "redis-proxy-1"}
    assert set(logs) == made
    assert "ready at 0.0.0.0:8000" in logs["web-2"].read_text()
    assert "database system is ready" in logs["postgres-1"].read_text()
    first = deployment.usage()
    assert set(first) == set(deployment.topology.services)
    assert all(one.memory_bytes > 0 and one.processes > 0 for one in first.values())
    assert deployment.usage(memory=False) == {}
    assert deployment.processes("web") >= 2


def test_limits_are_enforced_and_recorded(deployment, api):
    host = container_of(api, deployment, "web", 2)["HostConfig"]
    assert (host["NanoCpus"], host["Memory"]) == (1_000_000_000, 64 * 2**20)
    facts = deployment.facts()
    assert facts["limits"] == {"web": {"cpus": 1.0, "memory_bytes": 64 * 2**20, "enforced": True}}
    assert set(facts["images"]) == set(deployment.topology.services)
    assert all(one["digest"].startswith("sha256:") for one in facts["images"].values())


def test_a_killed_ledger_comes_back_with_its_address_data_and_account(deployment):
    before_s = deployment.usage()["postgres"].cpu_s
    with psycopg.connect(deployment.dsn(), autocommit=True) as ledger:
        ledger.execute("INSERT INTO products VALUES (2)")
    deployment.kill("postgres", 1, signal.SIGKILL)
    assert deployment.unexpected_exits() == []
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(deployment.dsn(), connect_timeout=5)
    with pytest.raises(InfrastructureError, match="postgres-1 does not run"):
        deployment.kill("postgres", 1, signal.SIGKILL)
    deployment.start("postgres", 1)
    with psycopg.connect(deployment.dsn()) as ledger:
        assert ledger.execute("SELECT count(*) FROM products").fetchone() == (2,)
    with pytest.raises(InfrastructureError, match="postgres-1 still runs"):
        deployment.start("postgres", 1)
    assert deployment.usage()["postgres"].cpu_s >= before_s


def test_a_replica_that_was_killed_is_found_at_its_new_port(deployment):
    deployment.kill("web", 2, signal.SIGKILL)
    with pytest.raises(InfrastructureError, match="web-2 does not run"):
        deployment.urls("web")
    deployment.start("web", 2)
    assert all(httpx.get(url).is_success for url in deployment.urls("web"))


def test_what_is_cut_off_is_silent_and_comes_back_where_it_was(deployment, api):
    networks = container_of(api, deployment, "redis")["NetworkSettings"]["Networks"]
    (before,) = networks.values()
    url = deployment.redis_url()
    deployment.partition("redis", 1)
    assert deployment.unexpected_exits() == []
    with redis.Redis.from_url(url, socket_timeout=1) as store, pytest.raises(redis.RedisError):
        store.ping()
    deployment.heal("redis", 1)
    deployment.wait_ready("redis", 1)
    with redis.Redis.from_url(url, socket_timeout=5) as store:
        assert store.ping()
    (after,) = container_of(api, deployment, "redis")["NetworkSettings"]["Networks"].values()
    assert after["IPAddress"] == before["IPAddress"]
    assert set(after["Aliases"]) == set(before["Aliases"])


def test_a_wiped_store_has_lost_its_data_and_a_stopped_one_has_not(deployment):
    with redis.Redis.from_url(deployment.redis_url()) as store:
        store.set("key", "value")
        assert deployment.stop("redis", 1)
        deployment.start("redis", 1)
        assert store.get("key") == b"value"
        deployment.kill("redis", 1, signal.SIGKILL)
        deployment.wipe("redis", 1)
        deployment.start("redis", 1)
        assert store.get("key") is None
    deployment.kill("gateway", 1, signal.SIGKILL)
    with pytest.raises(UsageError, match="gateway-1 has no data"):
        deployment.wipe("gateway", 1)
    deployment.start("gateway", 1)


def test_a_store_is_put_back_from_a_copy(deployment):
    with redis.Redis.from_url(deployment.redis_url()) as store:
        store.set("known", "before the copy")
        deployment.save_data("redis", 1)
        store.set("known", "after the copy")
        store.set("forgotten", "after the copy")
        deployment.kill("redis", 1, signal.SIGKILL)
        deployment.restore_data("redis", 1)
        deployment.start("redis", 1)
        assert (store.get("known"), store.get("forgotten")) == (b"before the copy", None)


def test_connections_by_the_proxy_freeze_and_new_ones_work_after_it(deployment):
    (url,) = deployment.urls("redis-proxy")
    direct = urlsplit(deployment.redis_url())
    through = direct._replace(netloc=f":{direct.password}@{urlsplit(url).netloc}").geturl()
    fault = Fault(kind="freeze", service="redis", at_s=0)
    action = action_of(fault, deployment, threading.Event())
    limits = {"socket_timeout": 5, "retry": None}
    with redis.Redis.from_url(through, **limits) as old:
        assert old.ping()
        action.inject()
        with pytest.raises(redis.TimeoutError):
            old.ping()
        with redis.Redis.from_url(deployment.redis_url()) as store:
            assert store.ping()  # the harness does not pass by the proxy
        action.undo()
        eventually(lambda: answers(through, limits))
    assert deployment.unexpected_exits() == []


def answers(url, limits):
    with redis.Redis.from_url(url, **limits) as store:
        try:
            return store.ping()
        except redis.TimeoutError:  # the proxy has not heard the signal yet
            return False


def test_a_pause_stops_every_process_and_a_single_one_can_be_killed(deployment, api):
    deployment.kill("web", 1, signal.SIGSTOP)
    assert container_of(api, deployment, "web", 1)["State"]["Status"] == "paused"
    assert deployment.unexpected_exits() == []
    deployment.kill("web", 1, signal.SIGCONT)
    deployment.wait_ready("web", 1)
    running = container_of(api, deployment, "gateway")["Id"]
    processes = deployment.processes("gateway")
    with pytest.raises(InfrastructureError, match="process 999999 of gateway-1"):
        deployment.kill_process("gateway", 1, 999_999, signal.SIGKILL)
    listing = api.exec_create(running, ["pgrep", "-P", "1"])["Id"]
    child = int(api.exec_start(listing).split()[0])
    deployment.kill_process("gateway", 1, child, signal.SIGKILL)
    eventually(lambda: deployment.processes("gateway") < processes)


def test_a_container_that_ends_unasked_is_reported(deployment, api):
    api.kill(container_of(api, deployment, "web", 1)["Id"])
    assert eventually(deployment.unexpected_exits) == ["web-1"]
    deployment.start("web", 1)
    assert deployment.unexpected_exits() == []


def test_unknown_services_and_replicas_are_refused(deployment):
    for ask in (
        lambda: deployment.urls("nobody"),
        lambda: deployment.kill("web", 3, signal.SIGKILL),
    ):
        with pytest.raises(UsageError):
            ask()


@pytest.mark.usefixtures("nothing_left")
def test_a_service_that_dies_at_start_shows_its_last_lines(compose, state_root):
    topology = load_topology(compose, {"GREETING": "die"})
    with pytest.raises(InfrastructureError, match="I was told to die") as caught:
        DockerRuntime(state_root).up(topology)
    assert "web-" in caught.value.message
    assert "exit code 1" in caught.value.message


@pytest.mark.usefixtures("nothing_left")
def test_a_taken_port_is_named_before_anything_is_made(compose, state_root):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        topology = load_topology(compose, {"HARNESS_PORT": str(port)})
        with pytest.raises(InfrastructureError, match=f"cannot serve nginx at port {port}"):
            DockerRuntime(state_root).up(topology)


@pytest.mark.usefixtures("nothing_left")
def test_an_image_that_cannot_be_built_shows_the_last_lines(compose, state_root):
    odd = compose.parent.with_name("odd")
    shutil.copytree(compose.parent, odd, dirs_exist_ok=True)
    (odd / "Dockerfile").write_text("ARG PYTHON_IMAGE\nFROM ${PYTHON_IMAGE}\nRUN echo no; exit 3\n")
    with pytest.raises(InfrastructureError, match="cannot build the image of") as caught:
        DockerRuntime(state_root).up(load_topology(odd / compose.name))
    assert "exit 3" in caught.value.message


# an interrupt may come between the opening and the closing of any file, which then warns
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("nothing_left")
def test_ctrl_c_while_containers_start_removes_everything(compose, state_root):
    topology = load_topology(compose, {"GREETING": "sleep"})
    told = []

    def tell(words):
        told.append(words)
        if "ready" in words and "postgres" in words:
            threading.Timer(0, os.kill, (os.getpid(), signal.SIGINT)).start()

    with pytest.raises(KeyboardInterrupt):
        DockerRuntime(state_root).up(topology, on_progress=tell)
    assert told


CODE = """
import sys, time
from pathlib import Path
from harness.runtimes.docker.docker_runtime import DockerRuntime
from harness.topology import load_topology
DockerRuntime(Path(sys.argv[1])).up(load_topology(Path(sys.argv[2])))
print("up", flush=True)
time.sleep(600)
"""


@pytest.mark.usefixtures("nothing_left")
def test_clean_removes_what_a_killed_harness_left_and_nothing_else(
    deployment, compose, state_root, api
):
    words = [sys.executable, "-c", CODE, str(state_root), str(compose)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, cwd=ROOT) as harness:
        assert harness.stdout.readline() == b"up\n"
        dead = [one.name for one in state_root.iterdir()]
        harness.kill()
    image = deployment.facts()["images"]["redis"]["image"]
    foreign = {OWNER: f"0-1-1-{os.urandom(4).hex()}", MACHINE: "another-machine/pid:[1]"}
    stranger = api.create_container(image, labels=foreign)["Id"]
    network = api.create_network("of-a-stranger", labels={})["Id"]
    volume = api.create_volume(labels=foreign)["Name"]
    try:
        assert [words for words in clean(state_root) if dead[0] in words and "removed" in words]
        assert api.containers(all=True, filters={"label": f"{OWNER}={dead[0]}"}) == []
        assert api.inspect_container(stranger)
        assert api.inspect_network(network)
        assert api.inspect_volume(volume)
        assert httpx.get(deployment.address).is_success
        assert machine() not in foreign[MACHINE]
        assert [words for words in clean(state_root) if dead[0] in words] == []
    finally:
        api.remove_container(stranger, v=True)
        api.remove_network(network)
        api.remove_volume(volume)
