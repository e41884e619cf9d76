"""Mutants that sell a unit twice, or never again."""

from tests.mutants.mutant import Mutant
from tests.support.edits import Edit

SCHEMA = "approaches/shop/schema.sql"
SYNC_LEDGER = "approaches/sync/sync_ledger.py"
SHOP_LEDGER = "approaches/shop/order_ledger.py"
QUEUE_LEDGER = "approaches/queue/ledger.py"
API = "approaches/queue/api.py"
STORE = "approaches/queue/redis_store.py"
ACCEPT = "approaches/queue/lua/accept.lua"
SETTLE = "approaches/queue/lua/settle.lua"
ORDER_WORKER = "approaches/queue/order_worker.py"
PAYMENT_WORKER = "approaches/queue/payment_worker.py"

WITHOUT_CHECK = Edit(
    SCHEMA,
    "CHECK (reserved >= 0 AND sold >= 0 AND reserved + sold <= initial_stock)",
    "CHECK (reserved >= 0 AND sold >= 0)",
)
"""The ledger's last line of defence, which shops of this kind do not have, is taken away."""

GIVE_BACK = """        redis.call('HINCRBY', buyers, user, -tonumber(quantity))
      end
"""

MUTANTS = (
    Mutant(
        name="sync-read-then-write",
        approach="sync",
        wrong="Reads the stock, decides, and then reserves without a condition.",
        seen="the textbook oversell; every ORM's `product.stock -= 1; product.save()`",
        edits=(
            Edit(
                SYNC_LEDGER,
                '            "quantity": purchase.quantity,\n',
                '            "quantity": purchase.quantity,\n'
                '            "seen": self.find_product(purchase.product_id).stock,\n',
            ),
            Edit(
                SYNC_LEDGER,
                "WHERE id = %(product)s AND reserved + sold + %(quantity)s <= initial_stock",
                "WHERE id = %(product)s AND %(seen)s >= %(quantity)s",
            ),
            WITHOUT_CHECK,
        ),
        load="bell",
        caught_by="I1",
    ),
    Mutant(
        name="queue-get-then-set",
        approach="queue",
        wrong="Reads the counter with GET in one round trip and writes it with SET in the next.",
        seen="reservations that are not one script",
        edits=(
            Edit(
                STORE,
                "        verdict, *facts = await self._run(",
                "        seen = await self.redis.get(keys.stock(product_id))\n"
                "        verdict, *facts = await self._run(",
            ),
            Edit(
                STORE,
                'self._run("accept", names, args)',
                'self._run("accept", names, [*args[:7], 1, seen or ""])',
            ),
            Edit(
                ACCEPT,
                "local stock = tonumber(units or nil)",
                "local stock = tonumber(ARGV[9])",
            ),
            WITHOUT_CHECK,
        ),
        load="rush",
        caught_by="I1",
    ),
    Mutant(
        name="queue-counter-overwritten",
        approach="queue",
        wrong="A payment worker sets the counter that accepts orders to what is not sold yet.",
        seen="the published system: 1,275 orders accepted for 1,000 units",
        edits=(
            Edit(
                PAYMENT_WORKER,
                "from approaches.queue import ledger\n",
                "from approaches.queue import keys, leader_ledger, ledger\n",
            ),
            Edit(
                PAYMENT_WORKER,
                "        answers = await until_answered(lambda: self._store.settle(settlements))\n",
                "        answers = await until_answered(lambda: self._store.settle(settlements))\n"
                "        for product in await self.ledger.run_once(leader_ledger.read_products):\n"
                "            left = product.initial_stock - product.sold\n"
                "            await self._store.redis.set(keys.stock(product.product_id), left)\n",
            ),
            WITHOUT_CHECK,
        ),
        load="rush",
        caught_by="I1",
    ),
    Mutant(
        name="queue-release-twice",
        approach="queue",
        wrong="A release is not tied to the order's state, and the outbox's relay repeats it.",
        seen="the published system: a release is not idempotent",
        edits=(
            Edit(
                SETTLE,
                "  local answer = 'kept'\n",
                "  local answer = 'kept'\n"
                "  if before and not open and status == 'declined' then\n"
                "    redis.call('INCRBY', stock, quantity)\n"
                "  end\n",
            ),
            Edit(
                PAYMENT_WORKER,
                'if settlement.status == Status.DECLINED and answer != "unloaded"',
                'if settlement.status == Status.DECLINED and answer == "kept"',
            ),
            WITHOUT_CHECK,
        ),
        load="rush",
        caught_by="I1",
    ),
    Mutant(
        name="queue-release-never",
        approach="queue",
        wrong="The units of a declined order do not go back to the counter that accepts orders.",
        seen="reservations without compensation",
        edits=(Edit(SETTLE, "        redis.call('INCRBY', stock, quantity)\n", ""),),
        load="rush",
        caught_by="I2",
    ),
    Mutant(
        name="queue-release-not-written",
        approach="queue",
        wrong="A release is made in Redis and not in the ledger: a crash in between loses a unit.",
        seen="dual writes without an outbox",
        edits=(
            Edit(
                QUEUE_LEDGER,
                "FROM changed JOIN counted USING (product_id) WHERE status <> 'unknown'",
                "FROM changed JOIN counted USING (product_id) WHERE status = 'confirmed'",
            ),
        ),
        load="rush",
        caught_by="I9",
    ),
    Mutant(
        name="sync-release-never",
        approach="sync",
        wrong="A declined payment leaves its unit reserved for ever.",
        seen="the published synchronous system: 3 units consumed and never confirmed",
        edits=(
            Edit(
                SHOP_LEDGER,
                "SET reserved = reserved - units, sold =",
                "SET reserved = reserved - CASE WHEN %(is_sold)s THEN units ELSE 0 END, sold =",
            ),
        ),
        load="rush",
        caught_by="I2",
    ),
    Mutant(
        name="queue-confirm-decrements-again",
        approach="queue",
        wrong="A confirmation takes its units from the counter a second time.",
        seen="workers that do not trust the reservation and book the sale themselves",
        edits=(
            Edit(
                SETTLE,
                GIVE_BACK,
                GIVE_BACK + "      if status == 'confirmed' then\n"
                "        redis.call('DECRBY', stock, quantity)\n"
                "      end\n",
            ),
        ),
        load="rush",
        caught_by="I2",
    ),
    Mutant(
        name="queue-worker-rechecks-stock",
        approach="queue",
        wrong="The order worker looks at the stock again and drops what it takes for sold out.",
        seen="the published system's costliest bug, never removed from it",
        edits=(
            Edit(
                ORDER_WORKER,
                "from approaches.queue import ledger\n",
                "from approaches.queue import keys, leader_ledger, ledger\n",
            ),
            Edit(
                ORDER_WORKER,
                "        orders = [order for _, order in pending]\n",
                "        redis = self._store.redis\n"
                "        left = await redis.get(keys.stock(pending[0][1].product_id))\n"
                "        if int(left or 0) < 1:\n"
                "            for entry, order in pending:\n"
                "                await redis.hset(keys.order(order.id), 's', 'declined')\n"
                "                await redis.incrby(keys.stock(order.product_id), 1)\n"
                "                await redis.xack(ORDERS.name, ORDERS.group, entry.id)\n"
                "                await redis.xdel(ORDERS.name, entry.id)\n"
                "            return\n"
                "        orders = [order for _, order in pending]\n",
            ),
        ),
        load="rush",
        caught_by="I3",
        alone=True,
    ),
    Mutant(
        name="queue-stale-sold-out",
        approach="queue",
        wrong='Each API process remembers "sold out" for half a minute, whatever is returned.',
        seen="caches of sold-out products that nothing invalidates",
        edits=(
            Edit(API, "import socket\nimport sys\n", "import socket\nimport sys\nimport time\n"),
            Edit(
                API,
                '        self._document = openapi("acceptance")\n',
                '        self._document = openapi("acceptance")\n'
                "        self._sold_out_until_s: dict[int, float] = {}\n",
            ),
            Edit(
                API,
                "        purchase = read_purchase(await read_body(receive))\n",
                "        purchase = read_purchase(await read_body(receive))\n"
                "        until_s = self._sold_out_until_s.get(purchase.product_id, 0)\n"
                "        if time.monotonic() < until_s:\n"
                '            return _REFUSALS["sold_out"]\n',
            ),
            Edit(
                API,
                "        return _REFUSALS[answer.verdict]\n",
                '        if answer.verdict == "sold_out":\n'
                "            self._sold_out_until_s[purchase.product_id] = time.monotonic() + 30\n"
                "        return _REFUSALS[answer.verdict]\n",
            ),
        ),
        load="rush",
        caught_by="I13",
        alone=True,
    ),
    Mutant(
        name="queue-limit-counted-at-confirmation",
        approach="queue",
        wrong="What a buyer holds is counted when it is paid, so orders under way do not count.",
        seen="limits that are checked against finished orders",
        edits=(
            Edit(ACCEPT, "redis.call('HINCRBY', KEYS[4], user, quantity)\n", ""),
            Edit(
                SETTLE,
                GIVE_BACK,
                "      end\n"
                "      if status == 'confirmed' then\n"
                "        redis.call('HINCRBY', buyers, user, quantity)\n"
                "      end\n",
            ),
        ),
        load="limited",
        caught_by="I10",
        alone=True,
    ),
    Mutant(
        name="queue-limit-never-given-back",
        approach="queue",
        wrong="A declined order returns its unit to the stock but not to its buyer's allowance.",
        seen="compensations that forget one of the counters",
        edits=(
            Edit(SETTLE, "        redis.call('HINCRBY', buyers, user, -tonumber(quantity))\n", ""),
        ),
        load="limited",
        caught_by="I10",
        alone=True,
    ),
)
