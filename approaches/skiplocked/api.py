"""The web service: `python -m approaches.skiplocked.api`; it serves the event streams as well."""

import sys
from functools import partial

from approaches.shop.fastapi_web import Shop, serve_shop
from approaches.shop.order_changes import OrderChanges
from approaches.shop.pools import sync_pool
from approaches.shop.settings import Settings, read_int
from approaches.skiplocked.outbox import Outbox, order_changes


def start() -> Shop:
    """Return the shop of one process; raise SettingsError."""
    settings = Settings.from_environment("DATABASE_URL", "SECRET_KEY")
    pool = sync_pool(settings.database_url, size=read_int("DATABASE_POOL", 10, high=500))
    outbox = Outbox(pool)
    changes = OrderChanges(partial(order_changes, settings.database_url))
    return Shop(settings, pool, outbox, outbox, changes)


if __name__ == "__main__":
    sys.exit(serve_shop(start))
