"""A real Prometheus, configured by the repository, watches both shops: alarms and dashboard."""

import json
import math
import signal
import time
from contextlib import ExitStack
from dataclasses import dataclass

import httpx
import psycopg
import pytest
import redis
import yaml

from approaches.queue import keys
from harness.runtimes import LocalRuntime
from harness.runtimes.local.local_deployment import LocalDeployment
from harness.topology import load_topology
from tests.contract.shops import SEED, Buyer, Shop, eventually, small_and_fast
from tests.support.prometheus import MONITORING, ROOT, Prometheus, watching

pytestmark = [pytest.mark.integration, pytest.mark.deploys, pytest.mark.timeout(300)]

PATIENCE_S = 90
"""Several times what an alarm may take: 20 s of age, and then what the machine is busy with."""


@dataclass
class Watched:
    """A shop that is up, and the Prometheus that watches it."""

    deployment: LocalDeployment
    shop: Shop
    prometheus: Prometheus

    def wait_for(self, query: str, value: float) -> None:
        """Wait until Prometheus answers with this value."""
        eventually(
            lambda: self.prometheus.value(query) == value,
            f"{query} is {value}",
            patience_s=PATIENCE_S,
        )

    def wait_firing(self, name: str) -> dict:
        eventually(lambda: name in self.prometheus.firing(), f"{name} fires", patience_s=PATIENCE_S)
        return self.prometheus.firing()[name]

    def wait_resolved(self, name: str) -> None:
        eventually(
            lambda: name not in self.prometheus.firing(), f"{name} ends", patience_s=PATIENCE_S
        )

    def buy(self, buyer: Buyer, product_id: int, outcomes: list[str]) -> None:
        """Make one purchase per outcome."""
        for outcome in outcomes:
            answer = buyer.buy(product_id, buyer.key(outcome))
            assert answer.status_code in (201, 202, 402), answer.text

    def counted(self, metric: str) -> float:
        """The sum of a counter as it is now, of which a test looks at the increase."""
        return self.prometheus.value(f"sum({metric})") or 0.0


def watched(approach, folder, stack):
    compose = ROOT / f"docker-compose.{approach}.yml"
    topology = small_and_fast(load_topology(compose, {"GATEWAY_SEED": SEED, "HARNESS_PORT": "0"}))
    deployment = LocalRuntime().up(topology)
    stack.callback(deployment.down)
    shop = Shop(
        approach,
        topology.acknowledges,
        stack.enter_context(httpx.Client(base_url=deployment.address, timeout=30)),
        stack.enter_context(httpx.Client(base_url=deployment.urls(topology.gateway)[0])),
        deployment.dsn(),
        [],
    )
    return Watched(deployment, shop, stack.enter_context(watching(deployment, folder)))


@pytest.fixture(scope="module")
def queue(tmp_path_factory):
    with ExitStack() as stack:
        yield watched("queue", tmp_path_factory.mktemp("queue"), stack)


@pytest.fixture(scope="module")
def sync(tmp_path_factory):
    with ExitStack() as stack:
        yield watched("sync", tmp_path_factory.mktemp("sync"), stack)


@pytest.fixture(params=["queue", "sync"])
def either(request):
    return request.getfixturevalue(request.param)


def test_every_replica_is_scraped_under_the_name_of_its_service(queue, sync):
    for one, names in (
        (queue, {"api", "event-stream", "order-worker", "payment-worker", "payment-gateway"}),
        (sync, {"api", "payment-gateway"}),
    ):
        eventually(
            lambda one=one, names=names: (
                {labels["service"] for labels, up in one.prometheus.ask("up == 1")} == names
            ),
            f"{names} are scraped",
        )


def test_orders_of_all_processes_add_up(either):
    confirmed = 'shop_order_duration_seconds_count{outcome="confirmed"}'
    declined = 'shop_order_duration_seconds_count{outcome="declined"}'
    metrics = ("shop_orders_accepted_total", confirmed, declined)
    before = [either.counted(metric) for metric in metrics]
    product_id = either.shop.offer(30)
    either.buy(either.shop.buyer(), product_id, ["approved"] * 12 + ["declined"] * 4)
    for metric, old, new in zip(metrics, before, (16, 12, 4), strict=True):
        either.wait_for(f"sum({metric})", old + new)
    either.wait_for("shop:open_orders:sum", 0)
    (free,) = either.shop.sql("SELECT sum(initial_stock - sold)::int FROM products")[0]
    either.wait_for('max(shop_stock_units{state="free"})', free)


def test_the_backlog_alarm_fires_without_payment_workers_and_ends_with_them(queue):
    product_id = queue.shop.offer(30)
    queue.deployment.stop("payment-worker", 1)
    queue.buy(queue.shop.buyer(), product_id, ["approved"] * 10 + ["declined"] * 2)
    queue.wait_for("shop:open_orders:sum", 12)
    queue.wait_for(f'max(shop_stream_entries{{stream="{keys.PAYMENTS}"}})', 12)
    queue.wait_for(f'max(shop_stream_pending_entries{{stream="{keys.PAYMENTS}"}})', 0)
    alarm = queue.wait_firing("ShopBacklogGrowing")
    assert alarm["annotations"]["description"].startswith("The oldest open order has waited for ")
    assert alarm["annotations"]["action"]
    firing = queue.prometheus.firing()
    assert set(firing) == {"ShopBacklogGrowing", "ShopUnwatched"}
    assert firing["ShopUnwatched"]["labels"]["service"] == "payment-worker"

    queue.deployment.start("payment-worker", 1)
    queue.wait_resolved("ShopBacklogGrowing")
    queue.wait_resolved("ShopUnwatched")
    queue.wait_for("shop:open_orders:sum", 0)
    assert {status for (status,) in queue.shop.sql("SELECT status FROM orders")} == {
        "confirmed",
        "declined",
    }


def test_a_dead_letter_is_an_alarm_until_it_is_gone(queue):
    with redis.Redis.from_url(queue.deployment.redis_url()) as store:
        entry = store.xadd(keys.DEAD_LETTERS, {"reason": "a test"})
        assert queue.wait_firing("ShopDeadLetters")["annotations"]["description"].startswith("1 ")
        store.xdel(keys.DEAD_LETTERS, entry)
    queue.wait_resolved("ShopDeadLetters")


def test_the_leader_that_takes_over_takes_stock(queue):
    with redis.Redis.from_url(queue.deployment.redis_url(), decode_responses=True) as store:
        leader = int(store.get(keys.LEADER).partition("-")[0])
    queue.deployment.kill_process("order-worker", 1, leader, signal.SIGKILL)
    queue.wait_for(f"count(max(shop_stocktaking_timestamp_seconds) > {time.time()})", 1)
    assert "ShopOversold" not in queue.prometheus.firing()


def test_every_panel_asks_what_prometheus_answers(queue, sync):
    dashboard = json.loads((MONITORING / "grafana/dashboards/shop.json").read_text())
    provisioned = yaml.safe_load(
        (MONITORING / "grafana/provisioning/datasources/prometheus.yml").read_text()
    )
    uids = {one["uid"] for one in provisioned["datasources"]}
    for one in (queue, sync):
        one.buy(one.shop.buyer(), one.shop.offer(20), ["approved"] * 8 + ["declined"])
    for panel in dashboard["panels"]:
        assert panel["description"], panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        for asked in (panel, *panel["targets"]):
            assert asked["datasource"]["uid"] in uids
        for target in panel["targets"]:
            eventually(
                lambda target=target: any(
                    not math.isnan(value)
                    for one in (queue, sync)
                    for _, value in one.prometheus.ask(target["expr"])
                ),
                f"{panel['title']}: {target['expr']}",
            )
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


def test_selling_more_than_there_is_raises_the_alarm(either):
    """The last test: it takes the ledger's last line of defence away."""
    product_id = either.shop.offer(6)
    either.buy(either.shop.buyer(), product_id, ["approved"] * 5 + ["declined"])
    either.wait_for("max(shop_oversold_units)", 0)
    with psycopg.connect(either.deployment.dsn(), autocommit=True) as ledger:
        ledger.execute("ALTER TABLE products DROP CONSTRAINT products_never_oversold")
        ledger.execute("UPDATE products SET initial_stock = 3 WHERE id = %s", [product_id])
    either.wait_for("max(shop_oversold_units)", 2)
    alarm = either.wait_firing("ShopOversold")
    assert "by 2 units" in alarm["annotations"]["description"]
