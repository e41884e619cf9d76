"""Mutants that lose or stall orders when something dies."""

from tests.mutants.mutant import Mutant
from tests.support.edits import Edit

IDS = "approaches/shop/ids.py"
SCHEMA = "approaches/shop/schema.sql"
SYNC_LEDGER = "approaches/sync/sync_ledger.py"
SYNC_MAIN = "approaches/sync/__main__.py"
API = "approaches/queue/api.py"
ACCEPT = "approaches/queue/lua/accept.lua"
RENEW = "approaches/queue/lua/renew.lua"
SETTLE = "approaches/queue/lua/settle.lua"
CONSUMER = "approaches/queue/consumer.py"
LEADERSHIP = "approaches/queue/leadership.py"
ORDER_WORKER = "approaches/queue/order_worker.py"

ENQUEUE = "local entry = redis.call('XADD', KEYS[6], '*',"

WITHOUT_KEY = Edit(
    SCHEMA, "    CONSTRAINT orders_one_per_key UNIQUE (user_id, idempotency_key),\n", ""
)
"""The ledger, too, takes a second order under one key; else it would end as a dead letter."""

MUTANTS = (
    Mutant(
        name="queue-brpop",
        approach="queue",
        wrong="Orders wait in a list; a worker pops one with BRPOP and then works on it.",
        seen="the published system (LPUSH/BRPOP); Huey #253, Celery's RPOP gap #7950",
        edits=(
            Edit(
                ACCEPT,
                ENQUEUE,
                "local function push(...)\n"
                "  redis.call('LPUSH', KEYS[6] .. ':list', cjson.encode({...}))\n"
                "  return '0-0'\n"
                "end\n"
                "local entry = push(",
            ),
            Edit(
                ORDER_WORKER,
                "import asyncio\nimport logging\n",
                "import asyncio\nimport json\nimport logging\n",
            ),
            Edit(
                ORDER_WORKER,
                "            entries = await self.consumer.read(self._batch_size)\n",
                "            popped = await self._store.redis.brpop([f'{ORDERS.name}:list'], 1)\n"
                "            words = json.loads(popped[1]) if popped else []\n"
                "            fields = dict(zip(words[::2], words[1::2]))\n"
                "            entries = [Entry('0-0', fields)] if fields else []\n",
            ),
        ),
        load="storm",
        caught_by="I3",
        short=True,
    ),
    Mutant(
        name="queue-ack-before-effect",
        approach="queue",
        wrong="The order worker acknowledges and deletes a batch, and then writes it down.",
        seen="Celery's default (early acknowledgement), and its loss on kill -9, #3541",
        edits=(
            Edit(
                ORDER_WORKER,
                "        orders = [order for _, order in pending]\n",
                "        ids = [entry.id for entry, _ in pending]\n"
                "        await self._store.redis.xack(ORDERS.name, ORDERS.group, *ids)\n"
                "        await self._store.redis.xdel(ORDERS.name, *ids)\n"
                "        orders = [order for _, order in pending]\n",
            ),
        ),
        load="storm",
        caught_by="I3",
    ),
    Mutant(
        name="queue-answer-before-enqueue",
        approach="queue",
        wrong="The API answers 202 and enqueues the order in a background task a moment later.",
        seen="FastAPI's BackgroundTasks and micro-batching producers",
        edits=(
            Edit(
                ACCEPT,
                ENQUEUE,
                "local function later(...)\n"
                "  redis.call('SET', KEYS[2] .. ':later', cjson.encode({...}))\n"
                "  return ''\n"
                "end\n"
                "local entry = later(",
            ),
            Edit(API, "import asyncio\n", "import asyncio\nimport json\n"),
            Edit(
                API,
                "from approaches.queue import ledger\n",
                "from approaches.queue import keys, ledger\n",
            ),
            Edit(
                API,
                "return _accepted(await self._promised(order, listener))\n",
                "accepted = _accepted(await self._promised(order, listener))\n"
                "                asyncio.create_task(self._enqueue(order_id))\n"
                "                return accepted\n",
            ),
            Edit(
                API,
                "    async def order(self, scope: Scope, _: Receive) -> Answer:\n",
                "    async def _enqueue(self, order_id: str) -> None:\n"
                "        await asyncio.sleep(0.25)\n"
                "        redis = self._store.redis\n"
                "        later = await redis.get(f'{keys.order(order_id)}:later')\n"
                "        words = json.loads(later or '')\n"
                "        await redis.xadd(keys.ORDERS, dict(zip(words[::2], words[1::2])))\n"
                "\n"
                "    async def order(self, scope: Scope, _: Receive) -> Answer:\n",
            ),
        ),
        load="storm",
        caught_by="I3",
    ),
    Mutant(
        name="queue-maxlen",
        approach="queue",
        wrong="The orders stream is capped with XADD MAXLEN, which also trims what nobody read.",
        seen="the usual cure for streams that grow (taskiq: XACK does not delete)",
        edits=(
            Edit(
                ACCEPT,
                "redis.call('XADD', KEYS[6], '*', 'o'",
                "redis.call('XADD', KEYS[6], 'MAXLEN', 20, '*', 'o'",
            ),
        ),
        load="storm",
        caught_by="I3",
    ),
    Mutant(
        name="queue-lock-without-ttl",
        approach="queue",
        wrong="The reaper's lock never expires and workers have a new name after each start.",
        seen="taskiq-redis #131: a SIGKILL while holding the lock stops recovery for ever",
        edits=(
            Edit(
                LEADERSHIP,
                "self._store.claim(token, self._ttl_ms)",
                "self._store.claim(token, 1_000_000_000)",
            ),
            Edit(RENEW, "return redis.call('PEXPIRE', KEYS[1], ARGV[2])", "return 1"),
            Edit(
                CONSUMER,
                "import asyncio\nimport logging\n",
                "import asyncio\nimport logging\nimport os\n",
            ),
            Edit(
                CONSUMER,
                '    return f"{service}-{socket.gethostname()}-{port}-{child}"\n',
                '    return f"{service}-{port}-{child}-{os.urandom(4).hex()}"\n',
            ),
        ),
        load="storm",
        caught_by="I3",
    ),
    Mutant(
        name="queue-never-deletes",
        approach="queue",
        wrong="Payments are acknowledged but never deleted, so their stream only grows.",
        seen="taskiq: 761,000 acknowledged entries, 200 MB, in four days",
        edits=(Edit(SETTLE, "  redis.call('XDEL', KEYS[1], unpack(done))\n", ""),),
        load="rush",
        caught_by="I11",
        alone=True,
    ),
    Mutant(
        name="queue-order-id-from-the-clock",
        approach="queue",
        wrong="An order's id is the millisecond in which it was accepted, and nothing else.",
        seen="the published system's `Date.now()` ids",
        edits=(
            Edit(
                IDS,
                "random = os.urandom(10).hex()",
                'random = 20 * "0"',
            ),
        ),
        load="impatient",
        caught_by="I5",
    ),
    Mutant(
        name="sync-no-idempotency",
        approach="sync",
        wrong="A retry under the same key is a new purchase.",
        seen="shops whose idempotency key is optional, or kept only for failures",
        edits=(
            Edit(
                SYNC_LEDGER,
                "WHERE user_id = %(user)s AND idempotency_key = %(key)s\n)",
                "WHERE user_id = %(user)s AND idempotency_key = %(key)s AND false\n)",
            ),
            WITHOUT_KEY,
        ),
        load="impatient",
        caught_by="I5",
        alone=True,
    ),
    Mutant(
        name="queue-no-idempotency",
        approach="queue",
        wrong="The API does not look the key up, so a retry is accepted as another order.",
        seen="the published system deleted the keys of successes and kept those of failures",
        edits=(
            Edit(
                ACCEPT,
                "if known then\n",
                "if false then\n",
            ),
            WITHOUT_KEY,
        ),
        load="storm",
        caught_by="I5",
    ),
    Mutant(
        name="sync-no-reconciler",
        approach="sync",
        wrong="What a killed process leaves awaiting payment is never looked at again.",
        seen="request handlers that charge, without a job that sweeps up after them",
        edits=(
            Edit(
                SYNC_MAIN,
                '        PeriodicThread("reconciling", reconciler.reconcile, '
                "every_s=RECONCILE_EVERY_S),\n",
                "",
            ),
        ),
        load="crash",
        caught_by="I3",
    ),
)
