"""Mutants that tell buyers, or whoever measures, what is not so."""

from tests.mutants.mutant import Mutant
from tests.support.edits import Edit

ACCOUNTS = "approaches/shop/accounts.py"
METRICS = "approaches/shop/metrics.py"
WEB = "approaches/shop/web.py"
API = "approaches/queue/api.py"
LEDGER = "approaches/queue/ledger.py"
SETTLE = "approaches/queue/lua/settle.lua"
QUEUE = "docker-compose.queue.yml"
SYNC = "docker-compose.sync.yml"

CONTRACT = "contract"
"""Caught by the contract tests: no buyer of the load asks for somebody else's order."""

MUTANTS = (
    Mutant(
        name="queue-status-goes-back",
        approach="queue",
        wrong="Each API process answers for a second from its own memory of an order.",
        seen="the published system's status cache, which is read, modified and written",
        edits=(
            Edit(
                API,
                '        self._document = openapi("acceptance")\n',
                '        self._document = openapi("acceptance")\n'
                "        self._remembered: dict[str, Order] = {}\n",
            ),
            Edit(
                API,
                "_new_order(answer, user_id, key, purchase)",
                "self._remember(_new_order(answer, user_id, key, purchase))",
            ),
            Edit(
                API,
                "    async def order(self, scope: Scope, _: Receive) -> Answer:\n",
                "    def _remember(self, order: Order) -> Order:\n"
                "        self._remembered[order.id] = order\n"
                "        loop = asyncio.get_running_loop()\n"
                "        loop.call_later(1.0, self._remembered.pop, order.id)\n"
                "        return order\n"
                "\n"
                "    async def order(self, scope: Scope, _: Receive) -> Answer:\n",
            ),
            Edit(
                API,
                "        order = await self._store.order(order_id)\n",
                "        order = self._remembered.get(order_id)\n"
                "        order = order or await self._store.order(order_id)\n",
            ),
        ),
        load="rush",
        caught_by="I12",
        alone=True,
        short=True,
    ),
    Mutant(
        name="queue-end-never-shown",
        approach="queue",
        wrong="A confirmation does not reach the store that buyers' polls are answered from.",
        seen="status caches that are filled by one writer and forgotten by the other",
        edits=(
            Edit(
                SETTLE,
                "      redis.call('HSET', order, 's', status, 'v', version, 'st', at)\n",
                "      if status ~= 'confirmed' then\n"
                "        redis.call('HSET', order, 's', status, 'v', version, 'st', at)\n"
                "      end\n",
            ),
        ),
        load="rush",
        caught_by="I12",
        alone=True,
    ),
    Mutant(
        name="queue-end-not-published",
        approach="queue",
        wrong="An order's end is stored but not published, so open event streams never show it.",
        seen="writers that update a store and leave out the notification",
        edits=(
            Edit(
                SETTLE,
                "  if answer == 'applied' or (terminal and answer == 'kept') then\n",
                "  if answer == 'applied' and not terminal then\n",
            ),
        ),
        load="listen",
        caught_by="I18",
        alone=True,
    ),
    Mutant(
        name="queue-order-shown-to-anybody",
        approach="queue",
        wrong="Whoever knows the id of an order may read it.",
        seen="the published system: status and order routes without authentication",
        edits=(
            Edit(
                API,
                "        if order is None or order.user_id != user_id:\n",
                "        if order is None:\n",
            ),
        ),
        load="",
        caught_by=CONTRACT,
        short=True,
    ),
    Mutant(
        name="queue-counts-successes",
        approach="queue",
        wrong="The servers count only the requests that went well.",
        seen="dashboards without their errors",
        edits=(
            Edit(
                METRICS,
                '    known = method if method in _METHODS else "other"\n',
                "    if status >= 400:\n"
                "        return\n"
                '    known = method if method in _METHODS else "other"\n',
            ),
        ),
        load="rush",
        caught_by="I14",
        alone=True,
    ),
    Mutant(
        name="queue-settled-in-the-past",
        approach="queue",
        wrong="An order's end is stamped with the moment at which it was accepted: no order takes"
        " any time.",
        seen="latencies that are computed from the wrong clock, always to one's advantage",
        edits=(
            Edit(
                LEDGER,
                "CASE WHEN r.status = 'unknown' THEN NULL ELSE clock_timestamp() END",
                "CASE WHEN r.status = 'unknown' THEN NULL ELSE o.accepted_at END",
            ),
        ),
        load="rush",
        caught_by="I7",
        alone=True,
    ),
    Mutant(
        name="sync-makes-itself-an-account",
        approach="sync",
        wrong="The shop creates a demo account when it is first looked at, before the sale.",
        seen="start-up code that seeds or migrates (`sync({alter: true})` in the published system)",
        edits=(
            Edit(
                WEB,
                '    @app.get("/products/<id>")\n',
                '    demo: list[object] = []\n\n    @app.get("/products/<id>")\n',
            ),
            Edit(
                WEB,
                "        product = shop.ledger.find_product(read_product_id(id))\n",
                "        if not demo:\n"
                '            body = b\'{"email":"demo@shop","password":"demo-demo","name":"D"}\'\n'
                "            demo.append(shop.accounts.register(body))\n"
                "        product = shop.ledger.find_product(read_product_id(id))\n",
            ),
        ),
        load="rush",
        caught_by="I15",
        alone=True,
    ),
    Mutant(
        name="queue-fsync-every-second",
        approach="queue",
        wrong="Redis answers before what it answered is on disk (`appendfsync everysec`).",
        seen="Redis' default, and the published system's compose file",
        edits=(Edit(QUEUE, "      - ${APPENDFSYNC:-always}\n", "      - everysec\n"),),
        load="rush",
        caught_by="I16",
        alone=True,
    ),
    Mutant(
        name="sync-commit-not-on-disk",
        approach="sync",
        wrong="PostgreSQL confirms commits that are not on disk (`synchronous_commit = off`).",
        seen="tuning guides for benchmarks",
        edits=(
            Edit(
                SYNC,
                "command: [postgres, -c, max_connections=200,",
                "command: [postgres, -c, synchronous_commit=off, -c, max_connections=200,",
            ),
        ),
        load="rush",
        caught_by="I16",
        alone=True,
    ),
    Mutant(
        name="sync-cheap-passwords",
        approach="sync",
        wrong="Passwords are hashed with 1 MiB and one pass, a twentieth of the minimum.",
        seen="benchmarks whose logins cost nothing",
        edits=(
            Edit(
                ACCOUNTS,
                "PasswordHasher(time_cost=2, memory_cost=19 * 1024,",
                "PasswordHasher(time_cost=1, memory_cost=1024,",
            ),
        ),
        load="rush",
        caught_by="I16",
        alone=True,
        short=True,
    ),
)
