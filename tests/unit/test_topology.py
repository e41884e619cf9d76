"""A compose file means here what it means to Compose, and what is not understood is refused."""

import json

import pytest

from harness.errors import UsageError
from harness.project import project_root
from harness.topology import Condition, ConfigFile, ConsumerGroup, discover, load_topology, secrets
from tests.support.small_project import COMPOSE, write_small_project

GROUP = '{stream: "{shop}:orders", group: workers'
"""The beginning of the declaration of a group."""


@pytest.fixture
def compose(tmp_path):
    return write_small_project(tmp_path)


def changed(compose, old, new):
    assert old in COMPOSE
    compose.write_text(COMPOSE.replace(old, new, 1))
    return compose


def test_a_file_is_read_with_its_defaults(compose):
    topology = load_topology(compose, {"POSTGRES_PASSWORD": "secret"})
    assert (topology.approach, topology.title, topology.acknowledges) == (
        "small",
        "Small",
        "outcome",
    )
    assert topology.entry == "nginx"
    assert topology.redis is not None
    assert topology.redis.stock % 1 == "{shop}:stock:1"
    web = topology.services["web"]
    assert web.replicas == 2
    assert web.environment["THREADS"] == "4"
    assert web.environment["DATABASE_URL"] == "postgresql://shop:secret@postgres:5432/shop"
    assert web.ports == (8000,)
    assert web.stop_grace_period_s == 10.0
    assert web.depends_on == {"postgres": Condition.HEALTHY, "redis": Condition.HEALTHY}
    assert web.healthcheck is not None
    assert web.healthcheck.longest_wait_s == 20.0
    assert topology.services["redis"].command[-2:] == ("--appendfsync", "always")
    assert topology.services["postgres"].healthcheck.test == ("pg_isready -U $POSTGRES_USER",)


def test_containers_do_not_count_the_world(compose):
    assert load_topology(compose).containers == 5


def test_payment_slots_are_replicas_times_factors(compose):
    topology = load_topology(compose)
    assert topology.payment_slots == 8
    assert topology.with_scale({"web": 3}).payment_slots == 12
    assert topology.with_settings({("web", "THREADS"): "10"}).payment_slots == 20


def test_changes_add_up_and_leave_the_original_alone(compose):
    topology = load_topology(compose, {"GREETING": "good day"})
    varied = (
        topology.with_settings({("web", "THREADS"): "7"})
        .with_variables({"POSTGRES_PASSWORD": "other"})
        .with_scale({"web": 1})
    )
    web = varied.services["web"]
    assert (web.replicas, web.environment["THREADS"]) == (1, "7")
    assert web.environment["GREETING"] == "good day"
    assert "shop:other@" in web.environment["DATABASE_URL"]
    assert topology.services["web"].environment["THREADS"] == "4"


def test_layers_put_every_service_after_what_it_needs(compose):
    layers = load_topology(compose).start_order()
    place = {name: i for i, layer in enumerate(layers) for name in layer}
    assert place["postgres"] < place["web"] < place["nginx"]
    assert place["redis"] < place["web"]


def test_a_description_is_json_and_keeps_secrets(compose):
    changed(compose, "--appendonly", "--requirepass, '${REDIS_PASSWORD}', --appendonly")
    topology = load_topology(compose, {"POSTGRES_PASSWORD": "hush"})
    described = json.dumps(topology.describe())
    assert topology.variables["POSTGRES_PASSWORD"] == "hush"
    for secret in secrets.among(topology.variables):
        assert secret not in described
    assert '"--requirepass", "***"' in described
    assert '"payment_slots": 8' in described
    assert json.dumps(load_topology(compose).describe()) == described


@pytest.mark.parametrize(
    "name",
    [
        *("STRIPE_API_KEY", "DB_PASS", "AUTH_TOKEN", "smtp_password", "SENTRY_DSN", "MYSQL_PWD"),
        *("AWS_ACCESS_KEY_ID", "GOOGLE_CREDENTIALS", "apiKey", "DB_PASSWD", "SECRET_KEY"),
        *("PRIVATE_KEY", "TOKEN_KEY", "AUTH_TOKEN_OLD", "PASSWORD"),
    ],
)
def test_a_secret_is_known_by_its_name(name):
    assert secrets.is_named_as_one(name)


@pytest.mark.parametrize(
    "name",
    [
        *("TOKEN_TTL_S", "TOKEN_LIFETIME", "HASH_THREADS", "IDEMPOTENCY_TTL_S", "BYPASS"),
        *("BIND", "DATABASE_URL", "ACK", "PAYMENT_TIMEOUT_S", "KEY", "COMPASS_PORT"),
    ],
)
def test_what_is_no_secret_is_recorded(name):
    assert not secrets.is_named_as_one(name)


def test_secrets_that_nobody_states_are_drawn_and_kept_over_changes(compose):
    first, second = load_topology(compose), load_topology(compose)
    for name in secrets.NAMES:
        assert len(first.variables[name].encode()) >= 32
        assert first.variables[name] != second.variables[name]
    varied = first.with_scale({"web": 1}).with_variables({"GREETING": "moin"})
    assert varied.services["redis"] == first.services["redis"]


def test_a_secret_of_the_env_file_is_taken(compose):
    compose.with_name(".env").write_text("REDIS_PASSWORD=of-the-file\n")
    redis = load_topology(compose).services["redis"]
    assert redis.environment["REDISCLI_AUTH"] == "of-the-file"
    assert redis.configs == (ConfigFile("/etc/password.conf", "requirepass of-the-file"),)


def test_yes_is_text_as_in_yaml_1_2(compose):
    changed(compose, '"yes"', "yes")
    assert "yes" in load_topology(compose).services["redis"].command


@pytest.mark.parametrize(
    ("text", "variables", "expected"),
    [
        ("${GREETING:-hello}", {}, "hello"),
        ("${GREETING:-hello}", {"GREETING": ""}, "hello"),
        ("${GREETING-hello}", {"GREETING": ""}, ""),
        ("${GREETING}", {"GREETING": "moin"}, "moin"),
        ("$GREETING!", {"GREETING": "moin"}, "moin!"),
        ("$$GREETING", {}, "$GREETING"),
    ],
)
def test_variables_are_filled_in(compose, text, variables, expected):
    changed(compose, "GREETING: ${GREETING:-hello}", f'GREETING: "{text}"')
    web = load_topology(compose, variables).services["web"]
    assert web.environment["GREETING"] == expected


def test_the_environment_of_this_process_is_not_used(compose, monkeypatch):
    monkeypatch.setenv("GREETING", "from outside")
    assert load_topology(compose).services["web"].environment["GREETING"] == "hello"


def test_a_group_is_read_with_its_stream_and_the_service_whose_replicas_are_its_members(compose):
    changed(compose, 'leader: "{shop}:leader"', f"groups: [{GROUP}, service: web}}]")
    redis = load_topology(compose).redis
    assert redis is not None
    assert redis.groups == (ConsumerGroup("{shop}:orders", "workers", "web"),)


def test_what_only_an_export_needs_is_read(compose):
    changed(compose, "deploy: {replicas: 2}", "pull_policy: never")
    compose.write_text(compose.read_text().replace("retries: 20", "start_interval: 500ms", 1))
    services = load_topology(compose).services
    assert (services["web"].pull_policy, services["redis"].pull_policy) == ("never", None)
    assert services["web"].healthcheck is not None
    assert services["web"].healthcheck.start_interval_s == 0.5
    assert [mount.read_only for mount in services["web"].mounts] == [False]
    assert [mount.read_only for mount in services["nginx"].mounts] == [True]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("deploy: {replicas: 2}", "privileged: true", ["services.web", "'privileged'"]),
        ("deploy: {replicas: 2}", "network_mode: host", ["services.web", "'network_mode'"]),
        ("deploy: {replicas: 2}", "deploy: {mode: global}", ["services.web.deploy", "mode"]),
        ("deploy: {replicas: 2}", "deploy: {replicas: two}", ["deploy.replicas", "'two'"]),
        ("volumes:\n  notes:", "networks:\n  notes:", ["'networks'"]),
        ("interval: 1s", "interval: soon", ["healthcheck.interval", "'soon'"]),
        ("interval: 1s", "every: 1s", ["healthcheck", "'every'"]),
        ("notes:/data", "elsewhere:/data", ["volumes", "'elsewhere'"]),
        ("./nginx.conf:", "./missing.conf:", ["missing.conf", "does not exist"]),
        ("source: password", "source: another", ["redis.configs.source", "'another'"]),
        ("target: /etc/p", "target: p", ["redis.configs.target", "a path of the container"]),
        ("target: /etc", "mode: 0444, target: /etc", ["redis.configs", "'mode'"]),
        ("content: requirepass", "file: ./requirepass", ["configs.password", "'file'"]),
        ("127.0.0.1:${HARNESS_PORT:-0}:80", "80:80/udp", ["services.nginx.ports", "80:80/udp"]),
        ("condition: service_healthy", "condition: soon", ["depends_on.web.condition", "'soon'"]),
        ("entry: nginx", "entry: apache", ["x-harness.entry", "'apache'"]),
        ("entry: nginx", "entrance: nginx", ["x-harness", "'entrance'"]),
        ("acknowledges: outcome", "acknowledges: maybe", ["acknowledges", "'maybe'"]),
        ("factors: [THREADS]", "factors: [FIBRES]", ["services.web.environment.FIBRES"]),
        ("stock:%d", "stock", ["redis.stock"]),
        ('leader: "{shop}:leader"', "groups: workers", ["redis.groups", "'workers'"]),
        ('leader: "{shop}:leader"', f"groups: [{GROUP}, name: a}}]", ["redis.groups", "'name'"]),
        ('leader: "{shop}:leader"', f"groups: [{GROUP}, service: a}}]", ["groups.service", "'a'"]),
        (
            'leader: "{shop}:leader"',
            "groups: [{stream: other, group: workers, service: web}]",
            ["redis.groups.stream", "'other'"],
        ),
        ("${GREETING:-hello}", "${GREETING}", ["GREETING", "no default"]),
        ("${GREETING:-hello}", "${GREETING:-${OTHER}}", ["OTHER", "no default"]),
        ("THREADS: 4", "THREADS: true", ["environment.THREADS", "True"]),
        ("THREADS: 4", "THREADS: 4\n      THREADS: 5", ["'THREADS' stands twice"]),
        (
            "postgres: {condition: service_healthy}",
            "mysql: {condition: service_started}",
            ["mysql"],
        ),
        ("image: valkey/valkey:9-alpine", "init: true", ["services.redis.image"]),
        ("x-harness:\n", "x-harness: [\n", ["docker-compose.small.yml"]),
    ],
)
def test_what_is_not_understood_is_refused_by_name(compose, old, new, words):
    changed(compose, old, new)
    with pytest.raises(UsageError) as caught:
        load_topology(compose)
    assert caught.value.hint
    for word in ["docker-compose.small.yml", *words]:
        assert word in caught.value.message


WATCHER = """
  watcher:
    profiles: [monitoring]
    extends: {file: elsewhere.yml, service: watcher}
    image: ${WATCHER_IMAGE}
    volumes: ["kept:/data"]
    depends_on: {web: {condition: service_healthy}}
    restart: always
"""


def test_services_of_a_profile_are_no_part_of_the_deployment(compose):
    variables = secrets.draw()
    before = load_topology(compose, variables)
    changed(compose, "\nvolumes:\n", f"{WATCHER}\nvolumes:\n")
    topology = load_topology(compose, variables)
    assert topology.services == before.services
    assert topology.describe() == before.describe()
    with pytest.raises(UsageError, match="no service 'watcher'"):
        topology.with_scale({"watcher": 2})


def test_nothing_that_is_deployed_waits_for_a_service_of_a_profile(compose):
    changed(compose, "\nvolumes:\n", f"{WATCHER}\nvolumes:\n")
    needing = "depends_on:\n      watcher: {condition: service_started}"
    compose.write_text(compose.read_text().replace("depends_on:", needing, 1))
    with pytest.raises(UsageError, match=r"depends_on\.watcher: there is no such service"):
        load_topology(compose)


def test_a_service_without_profile_is_read_as_strictly_as_ever(compose):
    changed(compose, "\nvolumes:\n", WATCHER.replace("[monitoring]", "[]") + "\nvolumes:\n")
    with pytest.raises(UsageError, match="WATCHER_IMAGE"):
        load_topology(compose)


def test_a_circle_of_dependencies_is_refused(compose):
    changed(compose, "environment: {BIND:", "depends_on: [nginx]\n    environment: {BIND:")
    changed_text = compose.read_text().replace(
        "      web: {condition: service_healthy}", "      gateway: {condition: service_healthy}"
    )
    compose.write_text(changed_text)
    with pytest.raises(UsageError, match="circle: gateway, nginx"):
        load_topology(compose)


def test_a_healthy_service_needs_a_health_check(compose):
    changed(compose, "{<<: *ready, test: [CMD, valkey-cli, ping]}", "{disable: true}")
    with pytest.raises(UsageError, match="redis has no healthcheck"):
        load_topology(compose)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.with_scale({"nobody": 2}),
        lambda t: t.with_scale({"web": 0}),
        lambda t: t.with_scale({"postgres": 2}),
        lambda t: t.with_scale({"nginx": 2}),
        lambda t: t.with_settings({("nobody", "THREADS"): "2"}),
        lambda t: t.with_settings({("web", "FIBRES"): "2"}),
        lambda t: t.with_settings({("web", "THREADS"): "many"}),
    ],
)
def test_impossible_changes_are_refused(compose, change):
    with pytest.raises(UsageError):
        change(load_topology(compose))


def test_approaches_are_found_by_the_names_of_their_files(compose, monkeypatch):
    monkeypatch.chdir(compose.parent)
    assert project_root() == compose.parent
    assert list(discover(project_root())) == ["small"]


def test_the_checkout_is_the_project_wherever_one_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert (project_root() / "docker-compose.queue.yml").exists()
