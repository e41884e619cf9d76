"""Settings that experiments vary: what follows them, and what says that a shop is another one."""

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.topology import load_topology

ROOT = Path(__file__).parents[2]
QUEUE = ROOT / "docker-compose.queue.yml"
EVERY_SECOND = {("redis", "APPENDFSYNC"): "everysec"}


@pytest.fixture
def queue():
    return load_topology(QUEUE)


def test_a_setting_that_is_a_variable_of_the_file_is_followed_by_what_names_it(queue):
    redis = queue.with_settings(EVERY_SECOND).services["redis"]
    assert redis.environment["APPENDFSYNC"] == "everysec"
    assert redis.command[redis.command.index("--appendfsync") + 1] == "everysec"
    assert queue.services["redis"].command[redis.command.index("--appendfsync") + 1] == "always"


@pytest.mark.parametrize("approach", ["queue", "skiplocked", "celery"])
def test_the_front_door_spreads_the_load_as_it_is_set(approach):
    topology = load_topology(ROOT / f"docker-compose.{approach}.yml")

    def method(topology):
        (mount,) = [one for one in topology.services["nginx"].mounts if "balancing" in one.target]
        return Path(mount.source).read_text("utf-8").partition(";")[0]

    assert method(topology) == "least_conn"
    varied = topology.with_settings({("nginx", "BALANCE"): "random_two"})
    assert method(varied) == "random two least_conn"
    assert varied.ablated == ()
    in_turn = method(topology.with_settings({("nginx", "BALANCE"): "round_robin"}))
    assert in_turn.startswith("#")  # what nginx does if it is told nothing


def test_a_method_that_there_is_not_is_refused_by_its_file(queue):
    with pytest.raises(UsageError, match=r"balancing/fair\.conf does not exist"):
        queue.with_settings({("nginx", "BALANCE"): "fair"})


def test_docker_compose_is_handed_the_variables_that_were_set(queue):
    assert queue.with_settings(EVERY_SECOND).variables["APPENDFSYNC"] == "everysec"
    assert "APPENDFSYNC" not in queue.variables


def test_what_is_set_outranks_what_the_scenario_says_later(queue):
    varied = queue.with_settings({("payment-gateway", "DECLINE_RATE"): "0.5"})
    varied = varied.with_variables({"DECLINE_RATE": "0.1"})
    assert varied.services["payment-gateway"].environment["DECLINE_RATE"] == "0.5"


def test_a_setting_without_a_variable_changes_its_service_alone(queue):
    varied = queue.with_settings({("api", "PROCESSES"): "3"})
    assert varied.services["event-stream"].environment["PROCESSES"] == "1"
    assert varied.variables == queue.variables


def test_a_topology_says_what_makes_another_shop_of_it(queue):
    varied = queue.with_settings(
        {**EVERY_SECOND, ("api", "RESERVATION"): "lock", ("api", "ACK"): "ledger"}
    )
    assert varied.ablated == ("api.RESERVATION=lock", "redis.APPENDFSYNC=everysec")
    assert varied.describe()["ablated"] == ["api.RESERVATION=lock", "redis.APPENDFSYNC=everysec"]
    as_it_is = queue.with_settings({("api", "RESERVATION"): "script", ("api", "ACK"): "ledger"})
    assert as_it_is.ablated == ()
    assert "ablated" not in as_it_is.describe()


@pytest.mark.parametrize("wrong", ["cache.SIZE", "api.NO", "api", "redis"])
def test_an_ablation_that_is_no_setting_is_refused(tmp_path, wrong):
    (tmp_path / ".env").write_bytes((ROOT / ".env").read_bytes())
    (tmp_path / "approaches").symlink_to(ROOT / "approaches")
    compose = tmp_path / QUEUE.name
    text = QUEUE.read_text("utf-8")
    assert "redis.APPENDFSYNC]" in text
    compose.write_text(text.replace("redis.APPENDFSYNC]", f"{wrong}]"), encoding="utf-8")
    with pytest.raises(UsageError, match=r"x-harness\.ablations.*SERVICE\.KEY"):
        load_topology(compose)


@pytest.mark.parametrize(
    ("replicas", "processes", "slots"), [(36, 1, 20), (6, 1, 120), (1, 1, 720)]
)
def test_the_same_slots_can_be_had_from_more_or_fewer_processes(queue, replicas, processes, slots):
    settings = {
        ("payment-worker", "PROCESSES"): str(processes),
        ("payment-worker", "CONCURRENCY"): str(slots),
    }
    varied = queue.with_scale({"payment-worker": replicas}).with_settings(settings)
    assert varied.payment_slots == queue.payment_slots == 720
