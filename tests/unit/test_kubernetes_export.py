"""What is exported beside the pods, who may talk to whom, and what is said to be lost."""

import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from harness import kubernetes
from harness.errors import UsageError
from harness.kubernetes import losses
from harness.topology import Topology, load_topology, service_section
from tests.support import manifests
from tests.support.small_project import COMPOSE, write_small_project

ROOT = Path(__file__).parents[2]
QUEUE = load_topology(ROOT / "docker-compose.queue.yml")
SYNC = load_topology(ROOT / "docker-compose.sync.yml")
SHOPS = {"queue": QUEUE, "sync": SYNC}
GROUP = '{stream: "{shop}:orders", group: workers, service: web}'


@cache
def shop(approach: str) -> kubernetes.Export:
    return kubernetes.export(SHOPS[approach])


def cluster(topology: Topology) -> manifests.Cluster:
    is_shop = topology in SHOPS.values()
    exported = shop(topology.approach) if is_shop else kubernetes.export(topology)
    return manifests.cluster(exported, topology.variables)


def changed(folder: Path, old: str, new: str) -> Topology:
    compose = write_small_project(folder)
    assert old in COMPOSE
    compose.write_text(COMPOSE.replace(old, new, 1))
    return load_topology(compose)


def said(topology: Topology) -> str:
    return "\n".join(map(str, kubernetes.export(topology).losses))


def test_stores_keep_their_data_and_what_there_is_one_of_is_never_there_twice():
    of = cluster(QUEUE)
    assert of.of_kind("StatefulSet").keys() == {"postgres", "redis"}
    assert {
        name: one["spec"].get("strategy", {}).get("type")
        for name, one in of.of_kind("Deployment").items()
    } == {
        "nginx": "Recreate",
        "api": None,
        "event-stream": "Recreate",
        "order-worker": "Recreate",
        "payment-worker": None,
        "payment-gateway": "Recreate",
    }
    for store, path in (("postgres", "/var/lib/postgresql"), ("redis", "/data")):
        stateful = of.workload(store)["spec"]
        (claim,) = stateful["volumeClaimTemplates"]
        assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
        assert path in manifests.pod(of, store).claimed
        assert of.objects["Service", stateful["serviceName"]]["spec"]["clusterIP"] == "None"


@pytest.mark.parametrize(
    ("image", "folder"),
    [
        ("postgres:17-alpine", "/var/lib/postgresql/data"),
        ("postgres:18-alpine", "/var/lib/postgresql"),
        ("registry.example.org:5/library/postgres@sha256:0123", "/var/lib/postgresql"),
    ],
)
def test_postgresql_keeps_its_data_where_its_image_has_them(tmp_path, image, folder):
    topology = changed(tmp_path, "postgres:18-alpine", image)
    assert manifests.pod(cluster(topology), "postgres").claimed == {folder}


def test_several_replicas_have_a_disruption_budget_and_a_single_one_has_none():
    budgets = cluster(QUEUE).of_kind("PodDisruptionBudget")
    assert {name: one["spec"]["maxUnavailable"] for name, one in budgets.items()} == {
        "api": 1,
        "payment-worker": 1,
    }


@pytest.mark.parametrize("topology", [QUEUE, SYNC], ids=lambda one: one.approach)
def test_a_name_in_the_network_leads_to_the_pods_of_the_service(topology):
    of = cluster(topology)
    for name, service in of.of_kind("Service").items():
        template = of.workload(name)["spec"]["template"]
        assert service["spec"]["selector"] == template["metadata"]["labels"]
        (container,) = template["spec"]["containers"]
        assert [one["port"] for one in service["spec"]["ports"]] == [
            one["containerPort"] for one in container["ports"]
        ]
    assert of.of_kind("Service").keys() == topology.services.keys()


@pytest.mark.parametrize(
    ("caller", "service", "port", "is_let_in"),
    [
        ("nginx", "api", 8000, True),
        ("nginx", "event-stream", 8000, True),
        ("api", "postgres", 5432, True),
        ("api", "redis", 6379, True),
        ("payment-worker", "payment-gateway", 9000, True),
        ("", "nginx", 80, True),
        ("nginx", "postgres", 5432, False),
        ("nginx", "redis", 6379, False),
        ("api", "payment-gateway", 9000, False),
        ("payment-gateway", "postgres", 5432, False),
        ("api", "payment-worker", 8000, False),
        ("", "api", 8000, False),
        ("", "postgres", 5432, False),
        ("nginx", "api", 22, False),
    ],
)
def test_only_who_talks_to_a_service_is_let_in(caller, service, port, is_let_in):
    assert manifests.lets_in(cluster(QUEUE), QUEUE, caller, service, port) is is_let_in


def test_who_names_a_host_alone_or_depends_on_it_is_let_in(tmp_path):
    topology = changed(tmp_path, '{BIND: "0.0.0.0:8000"}', "{DB: postgres, BIND: 0.0.0.0:8000}")
    of = cluster(topology)
    assert manifests.lets_in(of, topology, "gateway", "postgres", 5432)
    assert not manifests.lets_in(of, topology, "gateway", "redis", 6379)
    assert not manifests.lets_in(of, topology, "redis", "gateway", 8000)


def test_secrets_are_references_and_the_example_names_them_without_a_value():
    exported = shop("queue")
    (example,) = yaml.safe_load_all(exported.files["base/secret.example.yaml"])
    assert example["metadata"]["name"] == "queue-secrets"
    assert set(example["stringData"]) == {
        "DATABASE_PASSWORD", "POSTGRES_PASSWORD", "REDIS_PASSWORD", "SECRET_KEY",
    }  # fmt: skip
    assert set(example["stringData"].values()) == {""}
    texts = "".join(exported.files.values())
    assert not [name for name in example["stringData"] if QUEUE.variables[name] in texts]
    assert "secret.example.yaml" not in exported.files["base/kustomization.yaml"]
    assert not re.search("[\ue000\ue001]", texts)


def test_the_same_file_gives_the_same_bytes_wherever_it_lies(tmp_path):
    folders = (tmp_path / "here", tmp_path / "there")
    first, second = (kubernetes.export(load_topology(write_small_project(one))) for one in folders)
    assert first == second
    assert str(tmp_path) not in "".join(first.files.values())


def test_the_namespace_is_the_approach_or_another():
    files = kubernetes.export(QUEUE, "sale").files
    assert "redis.sale.svc:6379" in files["keda/order-worker.yaml"]
    for folder in ("base", "keda", "monitoring"):
        assert "\nnamespace: sale\n" in files[f"{folder}/kustomization.yaml"]
    assert "\nnamespace: sync\n" in shop("sync").files["base/kustomization.yaml"]


def test_every_key_of_a_service_is_exported_or_named():
    supported = set(service_section._SERVICE_KEYS)
    assert supported == {*losses.EXPORTED, *losses.NAMED}
    assert not set(losses.EXPORTED) & set(losses.NAMED)


def test_what_the_shops_lose_is_said():
    assert {(loss.key, loss.services) for loss in shop("queue").losses} == {
        ("build", ("api", "event-stream", "order-worker", "payment-worker", "payment-gateway")),
        ("configs", ("redis",)),
        ("depends_on", ("nginx", "api", "event-stream", "order-worker", "payment-worker")),
        (
            "healthcheck.start_interval",
            tuple(QUEUE.services),
        ),
        ("init", ("api", "event-stream", "order-worker", "payment-worker", "payment-gateway")),
        ("ports", ("nginx",)),
        ("profiles", ("prometheus", "grafana")),
        ("volumes", ("redis",)),
        ("volumes", ("postgres",)),
    }


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("deploy: {replicas: 2}", "stop_signal: SIGQUIT", ["stop_signal: web", "SIGQUIT"]),
        ("deploy: {replicas: 2}", "pull_policy: build", ["pull_policy: web", "build"]),
        ("deploy: {replicas: 2}", "restart: always", ["restart: web", "always started again"]),
        ("deploy: {replicas: 2}", "shm_size: 64m", ["shm_size: web", "shared memory"]),
        ("deploy: {replicas: 2}", "mem_reservation: 64m", ["mem_reservation: web", "request"]),
        ("deploy: {replicas: 2}", "stop_grace_period: 1500ms", ["1.5 s are 2 s"]),
        ("nginx.conf:ro", "nginx.conf", ["volumes: nginx", "cannot be written to"]),
        ("GREETING: ${GREETING:-hello}", "API_SECRET: hush", ["environment.API_SECRET: web"]),
        ("GREETING: ${GREETING:-hello}", "URL: amqp://me:pw@mq/", ["environment.URL: web"]),
        ('"${REDIS_PASSWORD:?}"}', "hush}", ["REDISCLI_AUTH: redis", "KEDA"]),
        ("image: postgres:18-alpine", "image: timescale:2", ["data folder", "not known"]),
        ("image: postgres:18-alpine", "image: timescale:2", ["expose: postgres: ", "port 5432"]),
        ("web: {condition: service_healthy}", "web: {condition: service_started}", ["nginx"]),
        ("notes:/data", "notes:/data", ["volumes: web: /data", "ReadWriteMany", "fsGroup"]),
    ],
)  # fmt: skip
def test_what_another_project_loses_is_said(tmp_path, old, new, words):
    told = said(changed(tmp_path, old, new))
    for word in words:
        assert word in told


def test_the_readme_says_how_to_apply_it_and_what_is_lost():
    exported = shop("queue")
    text = exported.files["README.md"]
    for word in ("No cluster has run them", "queue-secrets", "kubectl apply --kustomize keda",
                 "`flashsale-approaches`", "port-forward service/nginx 8080:80"):  # fmt: skip
        assert word in text
    for loss in exported.losses:
        assert loss.words in text


def test_a_job_is_a_job(tmp_path):
    topology = changed(
        tmp_path,
        "  gateway:\n",
        "  migrate:\n    build: .\n    command: [python, -m, small_web.migrate]\n"
        "    environment: {DB: postgres}\n  gateway:\n"
        "    depends_on: {migrate: {condition: service_completed_successfully}}\n",
    )
    job = cluster(topology).of_kind("Job")["migrate"]
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "OnFailure"
    assert "nothing waits for a Job" in said(topology)


def test_a_name_that_kubernetes_does_not_take_is_refused(tmp_path):
    compose = write_small_project(tmp_path)
    text = COMPOSE.replace("  gateway:\n", "  Gate_Way:\n", 1).replace("[gateway]", "[Gate_Way]")
    compose.write_text(text.replace("gateway: gateway", "gateway: Gate_Way"))
    with pytest.raises(UsageError, match=r"services\.Gate_Way: 'Gate_Way'") as caught:
        kubernetes.export(load_topology(compose))
    assert caught.value.hint


def test_a_redis_whose_port_is_not_known_is_refused(tmp_path):
    topology = changed(tmp_path, 'leader: "{shop}:leader"', f"groups: [{GROUP}]")
    compose = topology.path
    compose.write_text(compose.read_text().replace("valkey/valkey:9", "store:9"))
    compose.write_text(compose.read_text().replace('    expose: ["6379"]\n', ""))
    with pytest.raises(UsageError, match=r"services\.redis: .* not known"):
        kubernetes.export(load_topology(compose))


def test_a_namespace_and_files_that_cannot_be_are_refused(tmp_path):
    with pytest.raises(UsageError, match="--namespace: 'The Sale'"):
        kubernetes.export(QUEUE, "The Sale")
    compose = write_small_project(tmp_path)
    (tmp_path / "schema.sql").write_text("-" * 2**20 + "-")
    with pytest.raises(UsageError, match=r"services\.postgres\.volumes: more than 1048576 bytes"):
        kubernetes.export(load_topology(compose))


def test_files_are_written_into_an_empty_folder_only(tmp_path):
    exported = kubernetes.Export({"base/a.yaml": "a: ü\n"}, ())
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "new" / "one"):
        kubernetes.write(exported, folder)
        assert (folder / "base" / "a.yaml").read_bytes() == "a: ü\n".encode()
    with pytest.raises(UsageError, match="not empty"):
        kubernetes.write(exported, tmp_path / "empty")
    with pytest.raises(UsageError, match="not empty"):
        kubernetes.write(exported, tmp_path / "empty" / "base" / "a.yaml")
    with pytest.raises(UsageError, match="cannot write"):
        kubernetes.write(exported, tmp_path / "empty" / "base" / "a.yaml" / "below")


def test_it_reads_as_if_a_person_had_written_it():
    text = shop("queue").files["base/payment-worker.yaml"]
    assert text.startswith(
        "# Written by `harness export kubernetes queue` from docker-compose.queue.yml.\n"
    )
    for line in (
        "        args: [python, -m, approaches.queue.payment_worker]",
        "          value: postgresql://shop:$(DATABASE_PASSWORD)@postgres:5432/shop",
        '          value: "20"',
        "      terminationGracePeriodSeconds: 30",
    ):
        assert f"\n{line}\n" in text
    assert "&id" not in text
    nginx = shop("queue").files["base/nginx.yaml"]
    assert "\n  nginx.conf: |\n    #" in nginx
