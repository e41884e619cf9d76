"""What is laid over a compose file says what the topology says, and who owns it."""

import tarfile

import pytest
import yaml

from harness.errors import UsageError
from harness.runtimes.docker import images
from harness.runtimes.docker.compose_override import Allocation, Share, compose_override
from harness.runtimes.docker.project_files import packed
from harness.runtimes.proxies import PROGRAM, with_proxies
from harness.topology import load_topology
from tests.support.small_project import write_small_project

LABELS = {"flashsale.owner": "1-2-3-abc"}


class _Loader(yaml.SafeLoader):
    """Reads `!override` lists."""


_Loader.add_constructor(
    "!override", lambda loader, node: ("override", *loader.construct_sequence(node))
)
_Loader.add_constructor("!reset", lambda loader, node: None)


@pytest.fixture
def topology(tmp_path):
    return load_topology(write_small_project(tmp_path / "project"), {"GREETING": "it costs $5"})


def written_for(topology, share):
    ports = {("nginx", 80): 8080, ("redis", 6379): 20_001, ("postgres", 5432): 20_002}
    network = {"name": "theirs", "labels": LABELS}
    allocation = Allocation(LABELS, network, ports, images.names(topology))
    return yaml.load(compose_override(topology, allocation, share), Loader=_Loader)


@pytest.fixture
def laid_over(topology):
    def written(changed):
        replicas = {name: one.replicas for name, one in changed.services.items()}
        return written_for(changed, Share(replicas))

    return written


def test_everything_bears_its_owner(laid_over, topology):
    document = laid_over(topology)
    assert all(one["labels"] == LABELS for one in document["services"].values())
    assert document["networks"]["default"]["labels"] == LABELS
    assert document["volumes"] == {"notes": {"labels": LABELS}}


def test_scale_settings_and_limits_are_those_of_the_topology(laid_over, topology):
    changed = topology.with_scale({"web": 3}).with_settings(
        {("web", "THREADS"): "9", ("web", "cpus"): "1.5", ("web", "memory"): "64M"}
    )
    web = laid_over(changed)["services"]["web"]
    limits = {"cpus": "1.5", "memory": str(64 * 2**20)}
    assert web["deploy"] == {"replicas": 3, "resources": {"limits": limits}}
    assert web["environment"]["THREADS"] == "9"


def test_a_proxy_runs_in_the_image_of_the_gateway_with_our_program_in_it(laid_over, topology):
    proxied = with_proxies(topology, ["postgres"])
    services = laid_over(proxied)["services"]
    proxy = services["postgres-proxy"]
    assert proxy["image"] == services["gateway"]["image"]
    assert proxy["command"] == ["python", "/srv/tcp_proxy.py", "0.0.0.0:5432", "postgres:5432"]
    with packed(proxied.services["postgres-proxy"]) as archive:
        assert files_in(archive) == {"srv/tcp_proxy.py": PROGRAM.read_bytes()}
    assert services["web"]["environment"]["DATABASE_URL"].endswith("@postgres-proxy:5432/shop")


def test_what_is_mounted_to_be_read_is_copied_and_the_rest_stays_mounted(laid_over, tmp_path):
    compose = write_small_project(tmp_path / "other")
    folder = compose.parent / "pages"
    folder.mkdir()
    (folder / "index.html").write_text("here")
    mounted = '"./pages:/srv/pages:ro", "./small_web:/srv/rw", "notes:/data:ro"'
    compose.write_text(compose.read_text().replace('"notes:/data"', mounted))
    topology = load_topology(compose)
    source = compose.parent / "small_web"
    kept = ("override", f"{source}:/srv/rw", "notes:/data:ro")
    assert laid_over(topology)["services"]["web"]["volumes"] == kept
    with packed(topology.services["web"]) as archive:
        assert files_in(archive) == {"srv/pages/index.html": b"here"}


def test_what_is_copied_can_be_read_by_everybody_and_configs_are_among_it(topology):
    (topology.root / "schema.sql").chmod(0o600)
    with packed(topology.services["postgres"]) as archive, tarfile.open(fileobj=archive) as tar:
        (entry,) = tar.getmembers()
    assert (entry.name, entry.mode, entry.uid) == (
        "docker-entrypoint-initdb.d/schema.sql",
        0o444,
        0,
    )
    password = topology.variables["REDIS_PASSWORD"]
    with packed(topology.services["redis"]) as archive:
        assert files_in(archive) == {"etc/password.conf": f"requirepass {password}".encode()}
    with packed(topology.services["gateway"]) as archive:
        assert archive is None


def files_in(archive):
    with tarfile.open(fileobj=archive) as tar:
        return {one.name: tar.extractfile(one).read() for one in tar if one.isfile()}


def test_an_engine_gets_its_share_at_its_address(topology):
    services = written_for(topology, Share({"web": 1, "redis": 1}, "10.0.0.2"))["services"]
    assert {one["depends_on"] for one in services.values()} == {None}  # some of it is elsewhere
    assert {name: one["deploy"]["replicas"] for name, one in services.items()} == {
        "nginx": 0,
        "web": 1,
        "gateway": 0,
        "redis": 1,
        "postgres": 0,
    }
    assert services["web"]["ports"] == ("override", "10.0.0.2::8000")
    assert services["redis"]["ports"] == ("override", "10.0.0.2:20001:6379")


def test_what_is_resolved_is_not_resolved_again(laid_over, topology):
    assert laid_over(topology)["services"]["web"]["environment"]["GREETING"] == "it costs $$5"


def test_ports_take_the_place_of_those_of_the_file(laid_over, topology):
    services = laid_over(topology)["services"]
    assert services["nginx"]["ports"] == ("override", "127.0.0.1:8080:80")
    assert services["postgres"]["ports"] == ("override", "127.0.0.1:20002:5432")
    assert services["web"]["ports"] == ("override", "127.0.0.1::8000")


def test_the_engine_neither_probes_nor_restarts(laid_over, topology):
    for service in laid_over(topology)["services"].values():
        assert service["healthcheck"] == {"disable": True}
        assert service["restart"] == "no"


def test_two_checkouts_build_images_of_different_names(topology, tmp_path):
    other = load_topology(write_small_project(tmp_path / "other"))
    mine, theirs = images.names(topology), images.names(other)
    assert mine["web"] != theirs["web"]
    assert mine["redis"] == theirs["redis"] == "valkey/valkey:9-alpine"


def test_an_image_of_the_environment_outranks_the_file(tmp_path, monkeypatch):
    compose = write_small_project(tmp_path / "project")
    text = compose.read_text().replace("valkey/valkey:9-alpine", "${REDIS_IMAGE:?say which}")
    compose.write_text(text)
    with pytest.raises(UsageError, match=r"REDIS_IMAGE.*say which"):
        load_topology(compose)
    (compose.parent / ".env").write_text("# which\nREDIS_IMAGE=valkey/valkey:9-alpine\n")
    topology = load_topology(compose)
    assert topology.services["redis"].image == "valkey/valkey:9-alpine"
    monkeypatch.setenv("REDIS_IMAGE", "mirror.example/redis:8")
    assert load_topology(compose).services["redis"].image == "valkey/valkey:9-alpine"
    outranked = images.with_images_of_the_environment(topology)
    assert outranked.services["redis"].image == "mirror.example/redis:8"
    assert load_topology(compose, {"REDIS_IMAGE": "redis:7"}).services["redis"].image == "redis:7"


def test_a_host_that_is_a_setting_of_its_own_is_moved_to_the_proxy_too(tmp_path):
    compose = write_small_project(tmp_path / "project")
    settings = "THREADS: 4\n      DB_HOST: postgres\n      DB_PORT: 5432\n      STORE: postgres"
    compose.write_text(compose.read_text().replace("THREADS: 4", settings, 1))
    web = with_proxies(load_topology(compose), ["postgres"]).services["web"]
    assert (web.environment["DB_HOST"], web.environment["DB_PORT"]) == ("postgres-proxy", "5432")
    assert web.environment["STORE"] == "postgres"
