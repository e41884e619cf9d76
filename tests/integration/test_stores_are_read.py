"""What is read of real stores after a run: enough for the audit, and no secret."""

import json
from types import SimpleNamespace

import psycopg
import pytest

from harness.campaign import backlog, collect
from harness.errors import UsageError
from harness.runtimes import queue_lengths as queues
from harness.telemetry import Sampler
from harness.topology import RedisFacts
from harness.topology.ledger_sql import default_ledger_sql
from tests.support.secret_search import secrets_in

pytestmark = pytest.mark.integration

BCRYPT = "$2b$12$nOUIs5kJ7naTuTFkBy1veuK0kSxUFXfuaOKdOKf9xYT0KKIGSJwFa"
ORDER = "01900000-0000-7000-8000-000000000001"
OTHER = "01900000-0000-7000-8000-000000000002"
HASHES = (
    BCRYPT,
    BCRYPT.replace("nOUI", "oPVJ"),
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNo",
    "scrypt:32768:8:1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNo",
    "correct horse",
)


def test_of_passwords_only_algorithm_and_cost_are_read(world):
    with psycopg.connect(world.dsn, autocommit=True) as ledger:
        ledger.execute("TRUNCATE users CASCADE")
        with ledger.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO users (email, name, password_hash) VALUES (%s, 'x', %s)",
                [(f"{n}@example.org", one) for n, one in enumerate(HASHES)],
            )
        found = collect.password_parameters(ledger, default_ledger_sql())
    assert {one.parameters: one.count for one in found} == {
        "$2b$12": 2,
        "$argon2id$v=19$m=19456,t=2,p=1": 1,
        "$scrypt$n=32768,r=8,p=1": 1,
        "unknown algorithm": 1,
    }
    assert secrets_in(str(found)) == []


FACTS = RedisFacts(
    service="redis", stock="stock:%d", streams=("orders",), dead_letters="dead", leader=None,
    lists=("payments", "payments:working"), sorted_sets=("later",), hashes=("unacked",),
)  # fmt: skip


@pytest.fixture
def queued(world):
    """A deployment whose work waits in a stream, in two lists, a sorted set, and a hash."""
    world.reset()
    for number in range(3):
        world.redis.xadd("orders", {"order": number})
    world.redis.xgroup_create("orders", "workers", id="0")
    world.redis.xreadgroup("workers", "one", {"orders": ">"}, count=2)
    world.redis.rpush("payments", *range(5))
    world.redis.rpush("payments:working", "b")
    world.redis.zadd("later", {"c": 1.0, "d": 2.0})
    world.redis.hset("unacked", "tag", json.dumps([{"headers": {"argsrepr": f"['{ORDER}']"}}]))
    world.redis.rpush("dead", "an-order")
    yield SimpleNamespace(
        topology=SimpleNamespace(redis=FACTS, ledger_sql=default_ledger_sql()),
        dsn=lambda: world.dsn,
        redis_url=lambda: world.valkey.url,
        usage=lambda memory: {},
        clocks=dict,
    )
    world.redis.flushall()


def test_whatever_type_a_queue_has_it_is_waited_for(queued, world):
    assert backlog.size(queued) == 3 + 5 + 1 + 2 + 1
    world.redis.delete("orders", "payments", "payments:working", "later", "unacked")
    assert backlog.size(queued) == 0


def test_their_depth_is_sampled(queued):
    sampler = Sampler(queued, lambda: 0.0)
    sampler.start(0)
    frame = sampler.stop()
    latest = frame[frame["source"] == "redis"].drop_duplicates("metric", keep="last")
    read = latest.set_index("metric")["value"].to_dict()
    assert read["stream_length:orders"] == 3
    assert read["pending:orders"] == 2
    assert read["stream_length:payments"] == 5
    assert read["stream_length:later"] == 2
    assert "pending:payments" not in read


def test_dead_letters_are_read_from_a_list(queued, world):
    assert queues.entries(world.redis, "dead", 10) == [{"entry": "an-order"}]
    assert queues.entries(world.redis, "orders", 1) == [{"order": "0"}]
    assert queues.sizes(world.redis, ["dead", "nothing"]) == {
        "dead": {"length": 1, "pending": 0},
        "nothing": {"length": 0, "pending": 0},
    }


def test_the_orders_that_wait_are_read_wherever_their_ids_stand_in_an_entry(queued, world):
    world.redis.xadd("orders", {"id": OTHER, "key": "not-an-id"})
    assert queues.ids(world.redis, FACTS.queues, 10) == {ORDER, OTHER}


def test_of_queues_that_are_too_long_to_be_read_nobody_says_who_is_in_none(queued, world):
    assert queues.ids(world.redis, FACTS.queues, 5) is not None
    assert queues.ids(world.redis, FACTS.queues, 4) is None  # there are five payments


def test_what_is_no_queue_is_named(queued, world):
    world.redis.delete("payments")
    world.redis.sadd("payments", "a")
    with pytest.raises(UsageError, match="'payments' is a set") as refused:
        backlog.size(queued)
    assert "sorted_sets" in refused.value.hint
