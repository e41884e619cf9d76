"""Runs the shop: `python -m approaches.table`, one process that accepts, and charges behind it."""

import threading
from concurrent.futures import ThreadPoolExecutor

from psycopg.errors import CheckViolation, ForeignKeyViolation, UniqueViolation

from approaches.shop.catalogue import PRODUCT_SQL, Product
from approaches.shop.database import STORE_ERRORS
from approaches.shop.ids import new_order_id
from approaches.shop.metrics import listen
from approaches.shop.order_ledger import ORDER_COLUMNS, Order, OrderLedger
from approaches.shop.order_metrics import ORDERS_ACCEPTED
from approaches.shop.orders import Status
from approaches.shop.payments import Charge
from approaches.shop.pools import sync_pool
from approaches.shop.problems import Code, Problem
from approaches.shop.server import Server
from approaches.shop.settings import Settings, read_int, read_text
from approaches.shop.threaded_gateway import GatewayClient
from approaches.shop.web import Shop

LOOK_EVERY_S = 0.05
COUNT_SQL = """
    INSERT INTO purchase_counts (product_id, user_id, held, ceiling) VALUES (%s, %s, %s, %s)
    ON CONFLICT (product_id, user_id) DO UPDATE SET held = purchase_counts.held + excluded.held"""
STATE_SQL = """
    INSERT INTO order_events (order_id, version, status)
    SELECT id, version, status FROM orders WHERE id = %s"""


class Table(OrderLedger):
    """The ledger that is the queue, too: what was accepted stands in it until it is charged."""

    def __init__(self, pool, gateway):
        super().__init__(pool)
        self._gateway = gateway
        self._in_hand = set()
        self._stopped = threading.Event()

    def buy(self, user_id, key, purchase, *, waited_s):
        try:
            with self._pool.connection() as connection, connection.transaction():
                return self._accept(connection, user_id, key, purchase)
        except UniqueViolation:  # at the same moment, for another product
            raise Problem(Code.KEY_REUSED, "the key belongs to another purchase") from None
        except CheckViolation:
            raise Problem(Code.LIMIT_REACHED, "the limit per buyer is reached") from None
        except ForeignKeyViolation:
            raise Problem(Code.UNAUTHORIZED, "the account does not exist any more") from None

    def is_busy(self):
        return bool(self._in_hand)

    def _accept(self, connection, user_id, key, purchase):
        wanted = (purchase.product_id, purchase.quantity)
        row = connection.execute(f"{PRODUCT_SQL} FOR UPDATE", wanted[:1]).fetchone()
        earlier = connection.execute(
            f"SELECT {ORDER_COLUMNS} FROM orders WHERE user_id = %s AND idempotency_key = %s",
            (user_id, key),
        ).fetchone()
        if earlier is not None:
            order = Order.of_row(earlier)
            if (order.product_id, order.quantity) != wanted:
                raise Problem(Code.KEY_REUSED, "the key belongs to another purchase")
            return order, True
        if row is None:
            raise Problem(Code.NOT_FOUND, "there is no such product")
        product = Product(*row)
        if purchase.quantity > product.stock:
            raise Problem(Code.SOLD_OUT, "not enough units are left")
        order_id = new_order_id()
        amount_cents = product.price_cents * purchase.quantity
        for statement, values in (
            ("UPDATE products SET reserved = reserved + %s WHERE id = %s", wanted[::-1]),
            (
                "INSERT INTO orders VALUES (%s, %s, %s, %s, %s, %s, 'accepted', 1,"
                " clock_timestamp(), NULL)",
                (order_id, user_id, *wanted, key, amount_cents),
            ),
            (STATE_SQL, (order_id,)),
            (
                "INSERT INTO stock_moves VALUES (%s, 'reserve', %s, DEFAULT, clock_timestamp())",
                (order_id, purchase.quantity),
            ),
        ):
            connection.execute(statement, values)
        if product.per_user_limit is not None:  # a CHECK decides
            connection.execute(COUNT_SQL, (wanted[0], user_id, wanted[1], product.per_user_limit))
        ORDERS_ACCEPTED.inc()
        return self.find_in(connection, order_id), False

    def work(self, threads):
        """Take every open order to its end until `stop`, those of an earlier life, too."""
        with ThreadPoolExecutor(threads) as pool:
            while not self._stopped.wait(LOOK_EVERY_S):
                try:
                    due = [
                        one for one in self.open_orders(500) if one.order_id not in self._in_hand
                    ]
                except STORE_ERRORS:
                    continue
                for order in due:
                    self._in_hand.add(order.order_id)
                    pool.submit(self._charge, order)

    def stop(self):
        self._stopped.set()

    def _charge(self, order):
        try:
            if order.status is Status.ACCEPTED:
                with self._pool.connection() as connection, connection.transaction():
                    connection.execute(
                        "UPDATE orders SET status = 'awaiting_payment', version = 2 WHERE id = %s",
                        (order.order_id,),
                    )
                    connection.execute(STATE_SQL, (order.order_id,))
            charge = Charge(order.order_id, order.key, order.amount_cents)
            self.settle(order.order_id, self._gateway.charge(charge))
        except STORE_ERRORS:
            pass  # it is still open, and will be found again
        finally:
            self._in_hand.discard(order.order_id)


def main():
    settings = Settings.from_environment("DATABASE_URL", "SECRET_KEY", "GATEWAY_URL")
    threads = read_int("THREADS", 4)
    pool = sync_pool(settings.database_url, size=read_int("DATABASE_POOL", 20))
    pool.open()
    gateway = GatewayClient(
        settings.gateway_url, timeout_s=settings.payment_timeout_s, concurrency=threads
    )
    table = Table(pool, gateway)
    server = Server(Shop(settings, pool, table, table, "acceptance"), settings.bind, threads)
    worker = threading.Thread(target=table.work, args=(threads,))
    worker.start()
    end_metrics = listen(read_text("METRICS_BIND", "0.0.0.0:8001"))
    server.run()
    table.stop()
    worker.join()
    end_metrics()
    pool.close()


if __name__ == "__main__":
    main()
