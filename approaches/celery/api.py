"""The web service: `python -m approaches.celery.api`; it serves the event streams as well."""

import sys
from functools import partial

from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from approaches.celery.checkout import Checkout
from approaches.celery.counters import Counters, order_changes
from approaches.celery.records import Records
from approaches.shop.database import STORE_ERRORS
from approaches.shop.fastapi_web import Shop, serve_shop
from approaches.shop.order_changes import OrderChanges
from approaches.shop.pools import sync_pool
from approaches.shop.settings import Settings, read_int, read_text


def start() -> Shop:
    """Return the shop of one process; raise SettingsError."""
    settings = Settings.from_environment("DATABASE_URL", "SECRET_KEY")
    url = read_text("REDIS_URL")
    pool = sync_pool(settings.database_url, size=read_int("DATABASE_POOL", 10, high=500))
    checkout = Checkout(Records(pool), Counters(url))
    lost = (OperationalError, RedisError, *STORE_ERRORS)
    return Shop(settings, pool, checkout, checkout, OrderChanges(partial(order_changes, url)), lost)


if __name__ == "__main__":
    sys.exit(serve_shop(start))
