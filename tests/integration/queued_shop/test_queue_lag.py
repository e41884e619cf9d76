"""What scales the workers of an exported shop: the lag that Redis reports of their groups."""

import pytest

from approaches.queue import keys

pytestmark = pytest.mark.integration

OF_THE_GROUP = (keys.ORDERS, keys.ORDER_WORKERS)


@pytest.fixture
def redis(world):
    """A stream of ten entries, of which a worker has four in hand."""
    world.reset()
    for number in range(10):
        world.redis.xadd(keys.ORDERS, {"o": number})
    world.redis.xgroup_create(*OF_THE_GROUP, id="0")
    read(world.redis, 4)
    return world.redis


def read(redis, count):
    redis.xreadgroup(keys.ORDER_WORKERS, "one", {keys.ORDERS: ">"}, count=count)


def lag(redis):
    (group,) = redis.xinfo_groups(keys.ORDERS)
    assert group["name"] == keys.ORDER_WORKERS
    return group["lag"]


def test_it_is_what_waits_and_not_what_is_in_hand_nor_what_is_done(redis):
    assert lag(redis) == 6
    for done, _ in redis.xrange(keys.ORDERS, count=3):
        redis.xack(*OF_THE_GROUP, done)
        redis.xdel(keys.ORDERS, done)
    assert lag(redis) == 6
    redis.xadd(keys.ORDERS, {"o": 10})
    assert lag(redis) == 7
    read(redis, 7)
    assert lag(redis) == 0


def test_it_is_not_known_while_a_deleted_entry_waits(redis):
    (deleted, _), _ = redis.xrevrange(keys.ORDERS, count=2)
    redis.xadd(keys.ORDERS, {"o": 10})
    redis.xdel(keys.ORDERS, deleted)
    assert lag(redis) is None
    read(redis, 10)
    assert lag(redis) == 0
