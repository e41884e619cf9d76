"""Real servers, from wheels, as the compose file states them; and nothing of them stays."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import psycopg
import pytest
import redis

from harness.errors import InfrastructureError, UsageError
from harness.runtimes import LocalRuntime, leftovers
from harness.runtimes.local import postgres
from harness.runtimes.processes import members
from harness.runtimes.state import clean
from harness.topology import load_topology
from tests.support.small_project import COMPOSE, write_small_project

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]


def eventually(condition, limit_s=30.0):
    """Wait until something is true, without assuming how long it takes."""
    deadline_s = time.monotonic() + limit_s
    while not (answer := condition()):
        assert time.monotonic() < deadline_s, "it did not become true"
        time.sleep(0.01)
    return answer


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A folder that other users may pass through, as a temporary folder is."""
    folder = tmp_path_factory.mktemp("local")
    for parent in (folder, *folder.parents):
        if parent.owner() == folder.owner() and parent != Path(parent.root):
            parent.chmod(parent.stat().st_mode | 0o711)
    return folder


@pytest.fixture(scope="module")
def compose(shared):
    return write_small_project(shared / "project")


@pytest.fixture
def state_root(shared):
    root = shared / "state"
    yield root
    assert members(root) == {}
    assert not root.exists()


@pytest.fixture(scope="module")
def deployment(compose, shared):
    """One deployment that many tests only look at."""
    root = shared / "state-of-module"
    progress = []
    deployment = LocalRuntime(root).up(load_topology(compose), on_progress=progress.append)
    assert len(progress) == 5
    yield deployment
    deployment.down()
    deployment.down()
    assert members(root) == {}
    assert not root.exists()


def test_the_entry_spreads_requests_over_every_replica(deployment):
    with httpx.Client(base_url=deployment.address) as client:
        addresses = {client.get("/").json()["BIND"] for _ in range(20)}
    assert addresses == {url.removeprefix("http://") for url in deployment.urls("web")}


def test_replicas_get_their_environment_and_folders_of_their_own(deployment):
    seen = [httpx.get(url).json() for url in deployment.urls("web")]
    assert [one["THREADS"] for one in seen] == ["4", "4"]
    assert len({one["PROMETHEUS_MULTIPROC_DIR"] for one in seen}) == 2
    assert len({one["NOTES"] for one in seen}) == 1
    assert Path(seen[0]["NOTES"]).read_text() == "here\nhere\n"
    assert httpx.get(f"{deployment.address}/gateway").json().get("THREADS") is None


def test_the_ledger_is_set_up_as_the_image_would(deployment):
    with psycopg.connect(deployment.dsn()) as ledger:
        assert ledger.execute("SELECT * FROM products").fetchall() == [(1,)]
        for name, value in (("max_connections", "42"), ("fsync", "on"), ("data_checksums", "on")):
            assert ledger.execute("SELECT current_setting(%s)", (name,)).fetchone() == (value,)
        assert ledger.execute("SELECT count(*) FROM pg_stat_statements").fetchone()
        own = httpx.get(deployment.urls("web")[0]).json()["DATABASE_URL"]
    assert own == deployment.dsn()
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(deployment.dsn().replace("shop:", "shop:wrong", 1))


def test_redis_asks_for_its_password_which_no_command_line_has(deployment):
    url = deployment.redis_url()
    password = urlsplit(url).password
    with (
        redis.Redis.from_url(url.replace(password, "wrong")) as store,
        pytest.raises(redis.AuthenticationError),
    ):
        store.ping()
    (replica,) = deployment.replicas_of("redis")
    assert password not in " ".join(psutil.Process(replica.pid).cmdline())
    (file,) = deployment.scratch.parent.rglob("password.conf")
    assert file.read_text() == f"requirepass {password}"
    assert file.stat().st_mode & 0o077 == 0


def test_redis_runs_with_the_stated_command_line(deployment):
    with redis.Redis.from_url(deployment.redis_url(), decode_responses=True) as store:
        assert store.config_get("appendfsync") == {"appendfsync": "always"}
        assert store.eval("return 42", 0) == 42


def test_every_replica_has_a_log(deployment):
    logs = deployment.logs()
    assert set(logs) == {"nginx-1", "web-1", "web-2", "gateway-1", "redis-1", "postgres-1"}
    assert "ready at 127.0.0.1:" in logs["web-2"].read_text()
    assert "database system is ready" in logs["postgres-1"].read_text()
    httpx.get(f"{deployment.address}/seen-by-nginx")
    eventually(lambda: "GET /seen-by-nginx" in logs["nginx-1"].read_text())


def test_usage_covers_every_process_and_never_goes_back(deployment):
    first = deployment.usage()
    assert set(first) == set(deployment.topology.services)
    assert first["web"].processes == 4
    assert first["postgres"].processes > 3
    assert all(usage.memory_bytes > 0 for usage in first.values())
    with httpx.Client() as client:
        for _ in range(50):
            client.get(deployment.address)
    second = deployment.usage(memory=False)
    assert all(second[name].cpu_s >= first[name].cpu_s for name in first)
    assert second["web"].cpu_s > 0
    assert second["web"].memory_bytes == first["web"].memory_bytes


def test_two_deployments_stand_side_by_side(deployment, compose, state_root):
    other = LocalRuntime(state_root).up(load_topology(compose))
    try:
        assert other.address != deployment.address
        assert other.dsn() != deployment.dsn()
        assert httpx.get(deployment.address).is_success
    finally:
        other.down()
    assert httpx.get(deployment.address).is_success


def test_a_killed_replica_comes_back_with_its_address_and_data(deployment):
    before = deployment.usage()["web"].cpu_s
    url = deployment.urls("web")[1]
    deployment.kill("web", 2, signal.SIGKILL)
    assert deployment.usage()["web"].processes == 2
    assert deployment.unexpected_exits() == []
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)
    deployment.start("web", 2)
    assert httpx.get(url).is_success
    assert deployment.usage()["web"].cpu_s >= before


def test_a_killed_ledger_recovers_what_was_committed(deployment):
    with psycopg.connect(deployment.dsn(), autocommit=True) as ledger:
        ledger.execute("INSERT INTO products VALUES (2)")
    deployment.kill("postgres", 1, signal.SIGKILL)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(deployment.dsn())
    deployment.start("postgres", 1)
    with psycopg.connect(deployment.dsn()) as ledger:
        assert ledger.execute("SELECT count(*) FROM products").fetchone() == (2,)
    with pytest.raises(InfrastructureError, match="postgres-1 still runs"):
        deployment.start("postgres", 1)


def test_unknown_services_and_replicas_are_refused(deployment):
    for ask in (
        lambda: deployment.urls("nobody"),
        lambda: deployment.kill("web", 3, signal.SIGKILL),
        lambda: deployment.start("nobody", 1),
    ):
        with pytest.raises(UsageError):
            ask()


def test_a_replica_that_ends_unasked_is_reported(compose, state_root):
    deployment = LocalRuntime(state_root).up(load_topology(compose))
    try:
        os.kill(deployment.replicas_of("gateway")[0].pid, signal.SIGKILL)
        assert eventually(deployment.unexpected_exits) == ["gateway-1"]
    finally:
        deployment.down()


def test_a_service_that_dies_at_start_shows_its_last_lines(compose, state_root):
    topology = load_topology(compose, {"GREETING": "die"})
    with pytest.raises(InfrastructureError, match="I was told to die") as caught:
        LocalRuntime(state_root).up(topology)
    assert "web-" in caught.value.message
    assert "exit code 1" in caught.value.message
    assert caught.value.hint


def test_a_service_that_never_becomes_healthy_is_given_up(compose, state_root):
    impatient = compose.with_name("docker-compose.impatient.yml")
    impatient.write_text(COMPOSE.replace("retries: 20", "retries: 1", 1))
    topology = load_topology(impatient, {"GREETING": "sleep"})
    with pytest.raises(InfrastructureError, match=r"web-1 is not healthy after 1 s"):
        LocalRuntime(state_root).up(topology)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("valkey/valkey:9-alpine", "memcached:1", "services.redis.image: memcached:1"),
        ("/etc/nginx/nginx.conf:ro", "/etc/nginx/templates/x.template:ro", "templates are not"),
        ("@redis:6379", "@redis:7777", "redis:7777"),
        ("POSTGRES_PASSWORD: ${POSTGRES_PASSWORD:?}", "OTHER: x", "POSTGRES_PASSWORD"),
        ("initdb.d/schema.sql", "initdb.d/schema.sh", "schema.sh is not supported"),
    ],
)
def test_what_the_runtime_has_not_is_refused_by_name(compose, state_root, old, new, words):
    odd = compose.with_name("docker-compose.odd.yml")
    odd.write_text(COMPOSE.replace(old, new, 1))
    with pytest.raises(UsageError, match=words):
        LocalRuntime(state_root).up(load_topology(odd))


def test_a_broken_init_script_shows_what_is_wrong(compose, state_root):
    broken = compose.with_name("broken.sql")
    broken.write_text("SELECT * FROM no_such_table;")
    odd = compose.with_name("docker-compose.odd.yml")
    odd.write_text(COMPOSE.replace("./schema.sql:", "./broken.sql:", 1))
    with pytest.raises(InfrastructureError, match="no_such_table"):
        LocalRuntime(state_root).up(load_topology(odd))


# an interrupt may come between the opening and the closing of any file, which then warns
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("started", [0, 1, 3])
def test_ctrl_c_while_bringing_up_removes_everything(compose, state_root, started):
    """Interrupt the main thread as soon as so many services have started."""
    topology = load_topology(compose, {"GREETING": "sleep"})

    def interrupt():
        eventually(lambda: len(list(state_root.glob("*/logs/*.log"))) >= started)
        os.kill(os.getpid(), signal.SIGINT)

    interrupter = threading.Thread(target=interrupt)

    def up():
        interrupter.start()  # the interrupt may come at once
        LocalRuntime(state_root).up(topology)

    with pytest.raises(KeyboardInterrupt):
        up()
    interrupter.join()


def test_a_killed_harness_is_cleaned_up_by_the_next(compose, state_root):
    code = (
        "import sys, time; from pathlib import Path\n"
        "from harness.runtimes import LocalRuntime; from harness.topology import load_topology\n"
        "LocalRuntime(Path(sys.argv[1])).up(load_topology(Path(sys.argv[2])))\n"
        "print('up', flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, state_root, compose], stdout=subprocess.PIPE, cwd=ROOT
    ) as harness:
        assert harness.stdout.readline() == b"up\n"
        harness.kill()
    (left,) = leftovers(state_root)
    assert len(left.pids) > 10
    deployment = LocalRuntime(state_root).up(load_topology(compose))
    assert leftovers(state_root) == []
    assert not any(Path(f"/proc/{pid}").exists() for pid in left.pids)
    deployment.down()
    assert clean(state_root) == []


JOB = """
  job:
    build: .
    command: [python, -c, "{code}"]
"""


def with_job(compose, code):
    """Let the web wait for a job to end."""
    after = "      redis: {condition: service_healthy}\n"
    text = COMPOSE.replace(
        after, f"{after}      job: {{condition: service_completed_successfully}}\n"
    )
    odd = compose.with_name("docker-compose.odd.yml")
    odd.write_text(text.replace("\nvolumes:\n", f"{JOB.format(code=code)}\nvolumes:\n"))
    return load_topology(odd)


def test_a_service_may_wait_for_a_job_to_end(compose, state_root):
    deployment = LocalRuntime(state_root).up(with_job(compose, "print('all done')"))
    try:
        assert deployment.logs()["job-1"].read_text() == "all done\n"
        assert deployment.unexpected_exits() == []
    finally:
        deployment.down()


def test_a_job_that_fails_is_an_error(compose, state_root):
    with pytest.raises(InfrastructureError, match="job-1 ended with exit code 3"):
        LocalRuntime(state_root).up(with_job(compose, "raise SystemExit(3)"))


@pytest.mark.skipif(os.getuid() != 0, reason="only root runs PostgreSQL as another user")
@pytest.mark.slow
def test_root_runs_postgresql_from_a_copy_if_its_wheel_is_out_of_reach(
    compose, state_root, tmp_path, monkeypatch
):
    wheel = postgres.installation().parent
    hidden = tmp_path / "hidden" / wheel.name
    shutil.copytree(wheel, hidden)
    shutil.copytree(f"{wheel}.libs", f"{hidden}.libs")
    hidden.parent.chmod(0o700)
    monkeypatch.setattr(postgres, "installation", lambda: hidden / "pginstall")
    deployment = LocalRuntime(state_root).up(load_topology(compose))
    try:
        program = os.readlink(f"/proc/{deployment.replicas_of('postgres')[0].pid}/exe")
        assert Path(program).is_relative_to(state_root)
        with psycopg.connect(deployment.dsn()) as ledger:
            assert ledger.execute("SELECT * FROM products").fetchall() == [(1,)]
    finally:
        deployment.down()


def test_a_killed_ledger_leaves_no_shared_memory(compose, state_root):
    deployment = LocalRuntime(state_root).up(load_topology(compose))
    try:
        pid = deployment.replicas_of("postgres")[0].pid
        maps = Path(f"/proc/{pid}/maps").read_text()
        segments = set(re.findall(r"/dev/shm/PostgreSQL\.\d+", maps))
        ids = set(re.findall(r"/SYSV\w+ .*|(\d+) /SYSV\w+", maps)) - {""}
        assert segments
        deployment.kill("postgres", 1, signal.SIGKILL)
    finally:
        deployment.down()
    assert not any(Path(segment).exists() for segment in segments)
    left = Path("/proc/sysvipc/shm").read_text().split("\n")[1:]
    assert not ids & {line.split()[1] for line in left if line}
