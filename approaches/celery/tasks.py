"""Celery's app and its two tasks: `record` writes an order down, `pay` charges it.

By default a message is acknowledged as its task begins, four are fetched ahead per slot, and what a
dead worker had fetched comes back after an hour. CELERY_ACKS_LATE=1 acknowledges once a task has
ended and fetches nothing ahead; VISIBILITY_TIMEOUT_S is how long Redis waits for that. A task may
then run twice, also where nobody has died: both can be repeated.
"""

from dataclasses import asdict, replace
from functools import cache
from time import time
from types import SimpleNamespace

from celery import Celery, Task
from celery.signals import worker_ready
from redis.exceptions import RedisError

from approaches.celery.counters import Counters
from approaches.celery.records import Records
from approaches.shop.database import REFUSALS, STORE_ERRORS
from approaches.shop.metrics import listen
from approaches.shop.order_ledger import Order
from approaches.shop.orders import Status
from approaches.shop.payments import Charge
from approaches.shop.pools import sync_pool
from approaches.shop.settings import Settings, read_int, read_text
from approaches.shop.threaded_gateway import GatewayClient

app = Celery("shop", broker=read_text("REDIS_URL"))
app.conf.task_ignore_result = True
app.conf.worker_concurrency = read_int("CONCURRENCY", 40, high=1000)
app.conf.broker_transport_options = {"visibility_timeout": read_int("VISIBILITY_TIMEOUT_S", 3600)}
if read_int("CELERY_ACKS_LATE", 0, low=0, high=1):
    app.conf.task_acks_late = True
    app.conf.task_reject_on_worker_lost = True
    app.conf.worker_prefetch_multiplier = 1

# As Celery's manual advises, where a store may be away for a moment.
AWAY = (RedisError, *STORE_ERRORS)


@cache
def _own() -> SimpleNamespace:
    """Return the connections of this process; made by its first task, and so after the fork."""
    settings = Settings.from_environment("DATABASE_URL", "GATEWAY_URL")
    pool = sync_pool(settings.database_url, size=1)
    pool.open()
    patience_s = settings.payment_timeout_s
    return SimpleNamespace(
        records=Records(pool),
        counters=Counters(read_text("REDIS_URL")),
        gateway=GatewayClient(settings.gateway_url, timeout_s=patience_s, concurrency=1),
    )


@app.task(autoretry_for=AWAY, default_retry_delay=1, max_retries=None)
def record(fields: dict[str, object]) -> None:
    """Write an order down, and have it charged; cancel it if the ledger refuses it for good."""
    order = Order(**fields)  # type: ignore[arg-type]
    try:
        _own().records.write("record", fields)
    except REFUSALS as error:
        _cancel(order, str(error))
    else:
        _own().counters.announce(order.order_id)
        pay.delay(order.order_id, order.key, order.amount_cents)


@app.task(bind=True, autoretry_for=AWAY, default_retry_delay=1, max_retries=None)
def pay(self: Task, order_id: str, key: str, amount_cents: int) -> None:
    """Charge an order and settle it; while the outcome is unknown, ask again."""
    own = _own()
    result = own.gateway.charge(Charge(order_id, key, amount_cents))
    order = own.records.settle(order_id, result)
    if order.status is Status.DECLINED:
        own.counters.release(order)
    own.counters.announce(order_id)
    if order.status is Status.UNKNOWN:
        raise self.retry()


def _cancel(order: Order, reason: str) -> None:
    own = _own()
    own.records.write("cancel", {**asdict(order), "reason": reason})
    own.counters.release(order)
    own.counters.remember(replace(order, status=Status.CANCELLED, version=2, settled_at_s=time()))
    own.counters.announce(order.order_id)


worker_ready.connect(lambda **_: listen(read_text("BIND", "0.0.0.0:8000")), weak=False)
